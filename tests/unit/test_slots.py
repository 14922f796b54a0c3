"""Which files a card's slots take: the card's own model, in whatever size, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.models.cards import Card, Component, card_ids, load_card
from packshot.models.detect.detect import detect_file
from packshot.models.rules import misfit
from support.weights import model, prefixed, write_safetensors

SLOTS = [(load_card(card_id), part) for card_id in card_ids() for part in load_card(card_id).components]
CORE = "model.diffusion_model."


def part_of(card_id: str) -> tuple[Card, Component]:
    card = load_card(card_id)
    return card, next(part for part in card.components if part.slot in ("checkpoint", "diffusion_model"))


def holds(tmp_path: Path, card_id: str, shapes: dict[str, tuple[int, ...]]) -> str:
    card, component = part_of(card_id)
    return misfit(card, component, detect_file(write_safetensors(tmp_path / "file.safetensors", shapes)))


DEV = model("flux1")
SCHNELL = {name: shape for name, shape in DEV.items() if not name.startswith("guidance_in.")}
VAE = {"first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3)}
SDXL = {**prefixed(CORE, model("sdxl")), **VAE}
PLAYGROUND = {**SDXL, "edm_mean": (1, 4, 1, 1), "edm_std": (1, 4, 1, 1)}


@pytest.mark.parametrize(
    ("card_id", "shapes", "found"),
    [
        ("flux1-dev", DEV, ""),
        ("flux1-schnell", SCHNELL, ""),
        ("flux1-schnell", DEV, "flux1-dev"),
        ("flux1-dev", SCHNELL, "flux1-schnell"),
        ("sdxl", SDXL, ""),
        ("playground-v2.5", PLAYGROUND, ""),
        ("sdxl", PLAYGROUND, "playground-v2.5"),
        ("flux2-klein-4b", model("flux2-klein-4b"), ""),
        ("flux2-klein-4b-base", model("flux2-klein-4b"), ""),
        ("flux2-klein-4b", model("flux2-klein-9b"), "flux2-klein-9b"),
        ("flux2-klein-4b", {"decoder.conv_in.weight": (512, 32, 3, 3)}, "vae"),
        ("flux2-klein-4b", {"a.weight": (3, 3)}, ""),
    ],
)
def test_a_slot_takes_the_cards_own_model(
    tmp_path: Path, card_id: str, shapes: dict[str, tuple[int, ...]], found: str
) -> None:
    assert holds(tmp_path, card_id, shapes) == found


def test_a_checkpoint_of_a_model_goes_into_the_slot_of_its_diffusion_model(tmp_path: Path) -> None:
    assert holds(tmp_path, "flux1-dev", {**prefixed(CORE, DEV), **VAE}) == ""


def test_every_slot_of_every_card_refuses_a_model_of_another_base(tmp_path: Path) -> None:
    other = {name: detect_file(write_safetensors(tmp_path / name, model(name))) for name in ("z-image", "sd15")}
    for card, component in SLOTS:
        wrong = other["sd15" if card.family == "z-image" else "z-image"]
        assert bool(misfit(card, component, wrong)) == (component.detected_as is not None), (card.id, component.title)
