"""What metadata claim, against the shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.models.detect.model_shapes import variants
from support.models.detection import detected
from support.weights import model


@pytest.mark.parametrize(
    ("key", "value", "mismatch"),
    [
        ("modelspec.architecture", "flux-1-dev", False),
        ("modelspec.architecture", "Flux.1-schnell", False),
        ("modelspec.architecture", "stable-diffusion-xl-v1-base", True),
        ("ss_base_model_version", "sdxl_base_v1-0", True),
        ("modelspec.architecture", "Flux.2-klein-4b", True),
        ("modelspec.architecture", "my own model", False),
    ],
)
def test_metadata_that_contradicts_the_shapes_is_flagged(tmp_path: Path, key: str, value: str, mismatch: bool) -> None:
    found = detected(tmp_path, model("flux1"), metadata={key: value})
    assert (found.base, found.mismatch) == ("flux1", mismatch)
    assert any(value in reason for reason in found.reasons) == mismatch


BASES = {variant.name: variant.base for variant in variants()}


@pytest.mark.parametrize(
    ("claimed", "variant", "mismatch"),
    [
        ("black-forest-labs/FLUX.1-dev", "flux1", False),
        ("flux-1-schnell/lora", "flux1", False),
        ("stabilityai/stable-diffusion-xl-base-1.0", "flux1", True),
        ("stable-diffusion-v3.5-large", "sd3.5-large", False),
        ("stable-diffusion-3.5-medium", "sd3.5-large", True),
        ("sd_1.5", "sd15", False),
        ("stable-diffusion-v2-1-768", "sd15", True),
        ("wangkanai/FLUX.1", "flux1", False),
        ("Wan2.1-T2V-14B", "wan2.1-14b", False),
        ("wanderlust", "flux1", False),
    ],
)
def test_claims_in_the_spellings_of_hubs_and_trainers(
    tmp_path: Path, claimed: str, variant: str, mismatch: bool
) -> None:
    found = detected(tmp_path, model(variant), metadata={"modelspec.architecture": claimed})
    assert (found.base, found.mismatch) == (BASES[variant], mismatch)
