"""A card's rules applied to what a user asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packshot.models.cards import FACTS, Card, Component, card_ids, load_card
from packshot.models.detect.detect import detect
from packshot.models.rules import Settings, fit_size, misfit, own_size_like, settings
from support.weights import model, prefixed, write_safetensors

SAMPLING = {"steps": 4, "cfg": 1.0, "sampler": "euler", "scheduler": "simple"}


def card(sampling: dict[str, Any] | None = None) -> Card:
    return Card.model_validate(
        {
            "id": "test",
            "name": "Test",
            "family": "other",
            "summary": "for tests",
            "licence": "mit",
            "components": [
                {
                    "slot": "checkpoint",
                    "title": "all",
                    "licence": "mit",
                    "files": [{"name": "test.safetensors", "precision": "fp16"}],
                }
            ],
            "latent": {"node": "EmptyLatentImage", "channels": 4, "compression": 8},
            "resolution": {
                "native": [1024, 768],
                "step": 16,
                "min_side": 256,
                "max_side": 2048,
                "min_pixels": 500_000,
                "max_pixels": 1_500_000,
            },
            "sampling": SAMPLING | (sampling or {}),
            "encoding": {},
            "capabilities": ["text-to-image"],
            "languages": ["en"],
            "sources": [{"facts": FACTS, "source": "made up", "checked": "2026-11-21", "evidence": "computed"}],
            "checked": "2026-11-21",
        }
    )


@pytest.mark.parametrize(
    ("asked", "made", "warned"),
    [
        ((0, 0), (1024, 768), []),
        ((1024, 0), (1024, 768), []),
        ((0, 384), (512, 384), ["may look worse"]),
        ((1000, 750), (992, 752), ["1000 x 750 became 992 x 752"]),
        ((1001, 744), (1008, 736), ["became"]),  # half a step goes down, more goes up
        ((8, 2048), (256, 2048), ["from 256 pixels"]),
        ((512, 512), (512, 512), ["0.5 to 1.5 megapixels"]),
        ((2064, 512), (2064, 512), ["sides up to 2048"]),
    ],
)
def test_a_size_becomes_one_that_the_model_can_make(
    asked: tuple[int, int], made: tuple[int, int], warned: list[str]
) -> None:
    width, height, warnings = fit_size(card(), *asked)
    assert (width, height) == made
    assert len(warnings) >= len(warned)
    assert not warnings or warned
    for words, warning in zip(warned, warnings, strict=False):
        assert words in warning


@pytest.mark.parametrize(
    ("picture", "made"),
    [
        ((1024, 768), (1024, 768)),
        ((400, 300), (1024, 768)),
        ((3000, 3000), (880, 880)),
        ((10, 4000), (256, 17728)),  # narrower than the model can make
    ],
)
def test_a_size_like_a_picture_has_its_proportions_and_the_models_own_number_of_pixels(
    picture: tuple[int, int], made: tuple[int, int]
) -> None:
    assert own_size_like(card(), *picture) == made


def test_without_overrides_the_settings_are_the_cards() -> None:
    own = {"steps": 20, "cfg": 4.5, "shift": 3.1, "shift_node": "ModelSamplingAuraFlow"}
    assert settings(card(own)) == (Settings(20, 4.5, None, "euler", "simple", 3.1), [])


def test_each_override_takes_the_place_of_the_cards_value() -> None:
    own = card({"guidance": 3.5, "shift_node": "ModelSamplingFlux"})
    given = {"steps": 9, "cfg": 2.0, "guidance": 5.0, "sampler": "heun", "scheduler": "beta", "shift": 1.5}
    assert settings(own, **given) == (Settings(9, 2.0, 5.0, "heun", "beta", 1.5), [])


@pytest.mark.parametrize(
    ("own", "given", "words"),
    [
        ({"distilled_guidance": True}, {"cfg": 1.1}, "CFG 1.1 is not applied"),
        ({}, {"guidance": 3.5}, "takes none"),
        ({}, {"shift": 3.0}, "shift 3 is not applied"),
    ],
)
def test_what_the_model_does_not_bear_is_not_applied_and_said(
    own: dict[str, Any], given: dict[str, Any], words: str
) -> None:
    applied, [warning] = settings(card(own), **given)
    assert applied == settings(card(own))[0]
    assert words in warning


def test_a_distilled_model_may_be_told_its_own_cfg() -> None:
    assert settings(card({"distilled_guidance": True}), cfg=1.0)[1] == []


def test_other_steps_than_a_distilled_model_was_made_for_are_taken_and_warned_of() -> None:
    applied, [warning] = settings(card({"fixed_steps": True}), steps=8)
    assert applied.steps == 8
    assert "exactly 4 steps" in warning
    assert settings(card({"fixed_steps": True}), steps=4)[1] == []


SLOTS = [(load_card(card_id), part) for card_id in card_ids() for part in load_card(card_id).components]

CORE = "model.diffusion_model."


def part_of(card_id: str) -> tuple[Card, Component]:
    card = load_card(card_id)
    return card, next(part for part in card.components if part.slot in ("checkpoint", "diffusion_model"))


def holds(tmp_path: Path, card_id: str, shapes: dict[str, tuple[int, ...]]) -> str:
    card, component = part_of(card_id)
    return misfit(card, component, detect(write_safetensors(tmp_path / "file.safetensors", shapes)))


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
    other = {name: detect(write_safetensors(tmp_path / name, model(name))) for name in ("z-image", "sd15")}
    for card, component in SLOTS:
        wrong = other["sd15" if card.family == "z-image" else "z-image"]
        assert bool(misfit(card, component, wrong)) == (component.detected_as is not None), (card.id, component.title)
