"""A card's rules applied to what a user asks for."""

from __future__ import annotations

from typing import Any

import pytest

from packshot.models.cards import FACTS, Card
from packshot.models.rules import Settings, fit_size, own_size_like, settings

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
