"""What is known of one LoRA file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputInvalid
from ...hashes import file_hashes
from ...models.detect.detect import Detection, detect_header
from ...models.files.adapters import Adapter
from ...models.files.adapters import adapters as read_adapters
from ...models.files.header import Header
from ...models.files.read import read_header
from .changes import NOT_ADDITIVE
from .metadata import trigger_words
from .naming.parts import BEYOND_COMFYUI
from .tensors import BODY_HASH, TensorFile


def inspect_lora(path: Path) -> dict[str, Any]:
    """The object of ``packshot lora inspect --json``: header, alphas and hashes; no matrix is read into memory.

    Raises:
        ModelMissing, ModelCorrupt: the file is not there or is damaged.
        InputInvalid: it is no LoRA.
    """
    header = read_header(path)
    summary = summarise(header)
    hashes = file_hashes(path, header.body)
    adapters = read_adapters({name: info.shape for name, info in header.tensors.items()})
    alpha = _alpha(path, adapters) if header.format == "safetensors" else None
    stated = summary.pop("stated_alpha")
    return {
        "file": str(path),
        **summary,
        **_told_alpha(summary, alpha, stated),
        "dtypes": dict(Counter(info.dtype for info in header.tensors.values()).most_common()),
        "notes": _notes(summary, alpha, stated) + _unread(adapters) + _hash_note(header.metadata, hashes.body),
        "metadata": dict(header.metadata),
        "autov3": hashes.autov3,
        "sha256": hashes.file,
    }


def summarise(header: Header, found: Detection | None = None) -> dict[str, Any]:
    """What the header alone tells.

    Args:
        found: what :func:`detect` says of the header, where that is known already.

    Raises:
        InputInvalid: the file is no LoRA.
    """
    found = found or detect_header(header)
    if found.lora is None:
        raise InputInvalid(
            f"is no LoRA but {found.kind.replace('_', ' ')}",
            place=str(header.path),
            remedy="`packshot models detect` tells what it is",
        )
    info = dataclasses.asdict(found.lora)
    stated = info.pop("alpha")
    layers = info.pop("layers")
    return {
        "kind": found.kind,
        "base": found.base,
        "confidence": found.confidence,
        "reasons": list(found.reasons),
        "mismatch": found.mismatch,
        "cards": list(found.cards),
        "architecture": found.architecture,
        **info,
        "ranks": list(info["ranks"]),
        "stated_alpha": stated,
        "layers": layers,
        "keys": len(header.tensors),
        "size": header.size,
        "trigger_words": list(trigger_words(header.metadata)),
        "title": header.metadata.get("modelspec.title", ""),
        "licence": header.metadata.get("modelspec.license", ""),
    }


def _told_alpha(summary: dict[str, Any], alpha: float | None, stated: float | None) -> dict[str, Any]:
    """Alpha, and where it is from; where nothing tells it, a change is scaled by 1, as if alpha were the rank."""
    if alpha is not None:
        return {"alpha": alpha, "alpha_from": "tensors"}
    if stated is not None:
        return {"alpha": stated, "alpha_from": "metadata"}
    rank = summary["rank"]
    return {"alpha": None, "alpha_from": None} if rank is None else {"alpha": float(rank), "alpha_from": "rank"}


def _unread(adapters: list[Adapter]) -> list[str]:
    """What ComfyUI has no code for."""
    parts = {part for adapter in adapters for part in adapter.tensors}
    return [why for part, why in BEYOND_COMFYUI.items() if part in parts]


def _hash_note(metadata: Mapping[str, str], body: str) -> list[str]:
    stated = metadata.get(BODY_HASH, "").removeprefix("0x").lower()
    if not stated or stated == body:
        return []
    return [f"its metadata name the hash {stated[:12]}, and its content has {body[:12]}: it was changed after that"]


def _alpha(path: Path, adapters: list[Adapter]) -> float | None:
    """The alpha of most layers, from their tensors; None if there are no such tensors."""
    file = TensorFile(path)
    names = [adapter.tensors["alpha"] for adapter in adapters if "alpha" in adapter.tensors]
    values = Counter(float(values.flat[0]) for name in names if (values := file.floats(name)).size)
    return values.most_common(1)[0][0] if values else None


def _notes(summary: dict[str, Any], alpha: float | None, stated: float | None) -> list[str]:
    """What a user of the file should know."""
    notes = [
        f"{count} layers: {NOT_ADDITIVE[algorithm]}; it cannot be merged or resized"
        for algorithm, count in summary["layers"].items()
        if algorithm in NOT_ADDITIVE
    ]
    if alpha is None and stated is not None and summary["rank"] and stated != summary["rank"]:
        notes.append(
            f"its metadata state alpha {stated:g} for rank {summary['rank']}, and no tensor does: diffusers applies it"
            f" {stated / summary['rank']:g} times as strongly as ComfyUI"
        )
    if summary["mismatch"]:
        notes.append("its metadata name another base than its shapes show")
    return notes
