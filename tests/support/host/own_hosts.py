"""Hosts of the tests' own: a models folder, and the user's settings that the host sees."""

from __future__ import annotations

import contextlib
import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from packshot import Client, Workflow
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from packshot.models.cards import card_ids, load_card
from packshot.run.policy import Admission
from support.places import INSIDE

TINY = INSIDE / "tiny_models.py"
PROFILE = {
    "annual_revenue_usd": 0,
    "monthly_active_users": 0,
    "publish_territories": ["US"],
    "server_territory": "US",
    "purpose": "production",
    "hosted_for_others": False,
    "trains_on_outputs": False,
    "attestations": ["bfl-commercial"],
}


class SettledClient(Client):
    """A client of somebody who has the host's own settings: its cards, and its licence profile."""

    def __init__(self, url: str, settings: Path, **options: Any) -> None:
        self._settings = settings
        with self._at_home():
            super().__init__(url, **options)

    def admit(self, workflow: str | Path | Workflow, inputs: Mapping[str, Any]) -> Admission:
        with self._at_home():
            return super().admit(workflow, inputs)

    @contextlib.contextmanager
    def _at_home(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CONFIG_HOME", str(self._settings))
            yield


@contextlib.contextmanager
def running(home: Path, installation: Installation, shelf: Path) -> Iterator[Client]:
    """A host on the models in ``shelf`` and the settings in ``home``, up until the block ends.

    The settings are the host's alone: the tests' own process, which goes on to other tests meanwhile, keeps its own.
    """
    managed = ManagedHost(home / "host", installation, shelf)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
            url = str(managed.up().url)
        with SettledClient(url, home / "settings", out=home / "out") as client:
            yield client
    finally:
        managed.down()


def _with_matting(shelf: Path, models: Path) -> None:
    shelf.mkdir()
    (shelf / "background_removal").symlink_to(models / "background_removal")


def write_stubs(home: Path, models: Path) -> Path:
    """A models folder with a stub for every file of every card, and a profile to which every licence is open."""
    shelf, settings = home / "models", home / "settings" / "packshot"
    _with_matting(shelf, models)
    empty = struct.pack("<Q", 2) + b"{}"  # a valid safetensors file without a tensor
    for card in (load_card(card_id) for card_id in card_ids()):
        for part in (*card.components, *card.controls):
            for file in part.files:
                path = shelf / part.folder / file.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(empty)
    settings.mkdir(parents=True)
    (settings / "profile.yaml").write_text(yaml.safe_dump(PROFILE))
    return shelf


def write_tiny(home: Path, installation: Installation, models: Path) -> Path:
    """A models folder with tiny models of four families, and cards for them in the user's settings; no profile."""
    shelf = home / "models"
    _with_matting(shelf, models)
    subprocess.run([installation.python, TINY, installation.comfyui, shelf], check=True, timeout=300)
    for file in models.glob("*/starter-*"):
        (shelf / file.parent.name).mkdir(parents=True, exist_ok=True)
        (shelf / file.parent.name / file.name).symlink_to(file)
    # In a folder of the user's own, and not what its name says.
    diffusion = shelf / "diffusion_models"
    (diffusion / "mine").mkdir()
    (diffusion / "mine" / "wrong-file.safetensors").symlink_to(shelf / "vae" / "tiny-kl16.safetensors")
    (diffusion / "forbidden.safetensors").symlink_to(diffusion / "tiny-sd3.safetensors")
    cards = home / "settings" / "packshot" / "cards"
    cards.mkdir(parents=True)
    for own in own_cards():
        (cards / f"{own['id']}.yaml").write_text(yaml.safe_dump(own))
    return shelf


def card(card_id: str, **changes: Any) -> dict[str, Any]:
    """A card of the tests' own, with the starter's text encoder."""
    return {
        "id": card_id,
        "name": card_id,
        "family": "other",
        "summary": "for tests",
        "licence": "apache-2.0",
        "components": [
            component("diffusion_model", f"{card_id}.safetensors"),
            component("text_encoder", "starter-clip-l.safetensors", "clip-l"),
            component("vae", "tiny-kl16.safetensors", "flux1-vae"),
        ],
        "latent": {"node": "EmptySD3LatentImage", "channels": 16, "compression": 8},
        "resolution": {
            "native": [256, 256],
            "step": 16,
            "min_side": 64,
            "max_side": 512,
            "min_pixels": 16384,
            "max_pixels": 262144,
        },
        "sampling": {
            "steps": 4,
            "cfg": 3.0,
            "sampler": "euler",
            "scheduler": "simple",
            "shift_node": "ModelSamplingSD3",
        },
        "encoding": {"clip_type": "stable_diffusion"},
        "capabilities": ["text-to-image"],
        "languages": ["en"],
        "sources": [
            {
                "facts": [
                    "release",
                    "files",
                    "licence",
                    "sampling",
                    "resolution",
                    "memory",
                    "capabilities",
                    "languages",
                ],
                "source": "made by the tests",
                "checked": "2026-11-21",
                "evidence": "computed",
            }
        ],
        "checked": "2026-11-21",
        **changes,
    }


def component(slot: str, file: str, detected_as: str | None = None) -> dict[str, Any]:
    return {
        "slot": slot,
        "title": f"tiny {slot}",
        "licence": "apache-2.0",
        "detected_as": detected_as,
        "files": [{"name": file, "precision": "fp16"}],
    }


def own_cards() -> list[dict[str, Any]]:
    sd15 = card("tiny-sd15", latent={"node": "EmptyLatentImage", "channels": 4, "compression": 8})
    sd15["components"][0]["detected_as"] = "sd15"
    sd15["components"][2] = component("vae", "tiny-kl4.safetensors", "sd-vae")
    sd15["capabilities"] = ["text-to-image", "control"]
    net = component("controlnet", "tiny-sd15-canny.safetensors")
    absent = component("controlnet", "absent.safetensors") | {"licence": "unknown"}
    sd15["controls"] = [
        net | {"kinds": ["canny"], "source": sd15["sources"][0]},
        absent | {"kinds": ["depth"], "source": sd15["sources"][0]},
    ]
    sd15["sampling"] = {"steps": 4, "cfg": 7.0, "sampler": "euler", "scheduler": "normal"}
    sd3 = card("tiny-sd3", encoding={"clip_type": "sd3"})
    sd3["components"][0]["detected_as"] = "sd3-medium"
    flux1 = card("tiny-flux1")
    flux1["components"][0]["detected_as"] = "flux1"
    flux1["sampling"] = {
        "steps": 4,
        "cfg": 1.0,
        "guidance": 3.5,
        "sampler": "euler",
        "scheduler": "simple",
        "distilled_guidance": True,
        "negative": "zero",
        "shift_node": "ModelSamplingFlux",
    }
    flux2 = card("tiny-flux2-edit", latent={"node": "EmptyFlux2LatentImage", "channels": 128, "compression": 16})
    flux2["components"][0] = component("diffusion_model", "starter-flux2.safetensors", "starter")
    flux2["components"][2] = component("vae", "starter-flux2-vae.safetensors", "flux2-vae")
    flux2["sampling"] = {"steps": 4, "cfg": 1.0, "sampler": "euler", "scheduler": "flux2", "distilled_guidance": True}
    edits = {"edit": "reference-latents", "max_references": 2, "reference_megapixels": 0.02}
    flux2["encoding"] = {"clip_type": "stable_diffusion"} | edits
    wrong = card("wrong-file")
    wrong["components"][0]["detected_as"] = "flux1"
    forbidden = card("forbidden", licence="unknown")
    forbidden["components"][0]["licence"] = "unknown"
    return [sd15, sd3, flux1, flux2, wrong, forbidden]
