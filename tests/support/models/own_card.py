"""A model card as a user writes one for a fine-tune of their own."""

from __future__ import annotations

from typing import Any

from packshot.models.cards import FACTS


def own_card(card_id: str, *components: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The document of a card with these components; ``changes`` replace whole fields."""
    return {
        "id": card_id,
        "name": card_id.capitalize(),
        "family": "flux1",
        "summary": "A fine-tune.",
        "licence": "apache-2.0",
        "components": list(components),
        "latent": {"node": "EmptySD3LatentImage", "channels": 16, "compression": 8},
        "resolution": {
            "native": [1024, 1024], "step": 16, "min_side": 256, "max_side": 2048,
            "min_pixels": 65536, "max_pixels": 4194304,
        },
        "sampling": {"steps": 20, "cfg": 1, "sampler": "euler", "scheduler": "simple"},
        "encoding": {"clip_type": "flux"},
        "capabilities": ["text-to-image"],
        "languages": ["en"],
        "sources": [{"facts": FACTS, "source": "our own", "checked": "2026-11-21", "evidence": "primary"}],
        "checked": "2026-11-21",
    } | changes  # fmt: skip


def component(slot: str, parameters: int | None = None, **sizes: int | None) -> dict[str, Any]:
    """A component with a file for each precision, whose size is in bytes; ``gguf_q4`` stands for ``gguf-q4``."""
    files = [
        {"name": f"{slot}-{name}.safetensors", "precision": name.replace("_", "-"), "size": size}
        | ({"node": "UnetLoaderGGUF"} if name.startswith("gguf") else {})
        for name, size in sizes.items()
    ]
    return {"slot": slot, "title": slot, "licence": "apache-2.0", "parameters": parameters, "files": files}
