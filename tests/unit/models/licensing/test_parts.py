"""Under whose terms a file of weights stands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from packshot.models.detect.findings import CARDS
from packshot.models.licensing.licences import UNPROVED, judge, licence_ids
from packshot.models.licensing.parts import (
    AS_NAMED,
    Origin,
    known_files,
    origin_of_file,
    origin_of_metadata,
    parts_of_files,
)
from packshot.models.licensing.profile import Profile


def test_the_licences_of_well_known_files_are_known() -> None:
    table = known_files().files
    assert {licence for one in table for licence in one.licences} <= set(licence_ids())
    assert len({one.pattern for one in table}) == len(table)
    assert all(one.pattern == one.pattern.lower() for one in table), "names are compared in lower case"


@pytest.mark.parametrize(
    ("metadata", "cards"),
    [
        ({"modelspec.architecture": "flux-1-dev/lora"}, ("flux1-dev", "flux1-schnell")),
        ({"ss_base_model_version": "sd_v1"}, ("sd15",)),
        ({"ss_base_model_version": "something new"}, ()),
        ({}, ()),
    ],
)
def test_metadata_say_what_a_lora_was_made_for(metadata: dict[str, str], cards: tuple[str, ...]) -> None:
    assert origin_of_metadata(metadata).cards == cards


def test_a_file_without_a_header_is_not_looked_into_unless_it_is_too_small_for_a_model(tmp_path: Path) -> None:
    file = tmp_path / "upscaler.pth"
    file.write_bytes(b"not looked at")
    assert origin_of_file(file) == AS_NAMED
    os.truncate(file, 2_000_000_000)
    assert origin_of_file(file) is None


FLUX, TURBO = "flux1-dev.safetensors", "z_image_turbo_bf16.safetensors"
FLUX_HEADER = Origin(CARDS["flux1"], addition=False)
ABOUT_US: dict[str, Any] = {
    "annual_revenue_usd": 500_000.0, "monthly_active_users": 0, "publish_territories": ["US"], "server_territory": "US",
    "hosted_for_others": False, "trains_on_outputs": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "origin", "purpose", "decision"),
    [
        (TURBO, Origin(CARDS["z-image"], addition=False), "production", "allow"),
        (TURBO, AS_NAMED, "production", "allow"),
        (TURBO, None, "production", "refuse"),
        (TURBO, None, "evaluation", "allow"),
        (TURBO, None, None, "allow"),
        (TURBO, FLUX_HEADER, "production", "refuse"),
        (TURBO, FLUX_HEADER, None, "refuse"),
        (FLUX, None, "production", "refuse"),
        ("RealESRGAN_x4plus.pth", None, "production", "refuse"),
        ("RealESRGAN_x4plus.pth", AS_NAMED, "production", "allow"),
    ],
)
def test_a_name_is_no_proof_for_production(
    name: str, origin: Origin | None, purpose: str | None, decision: str
) -> None:
    profile = Profile.model_validate({**ABOUT_US, "purpose": purpose})
    found = judge(parts_of_files([name], [], profile, lambda _: origin), profile)
    assert found.decision == decision
    unproved = {part.decision for part in found.parts if part.part.licence == UNPROVED}
    assert unproved == (set() if origin else {"refuse" if purpose == "production" else "allow"})


def test_what_cannot_be_looked_into_says_how_it_can_be_proved() -> None:
    profile = Profile.model_validate({**ABOUT_US, "purpose": "production"})
    (reason,) = judge(parts_of_files([TURBO], [], profile, lambda _: None), profile).reasons
    assert "install the Packshot node pack on the host" in reason.changes_if
    assert f"`{TURBO}: LICENCE` under `declared:`" in reason.changes_if
    declared = profile.model_copy(update={"declared": {TURBO: "apache-2.0"}})
    assert judge(parts_of_files([TURBO], [], declared, lambda _: None), declared).decision == "allow"


def test_what_metadata_claim_is_no_proof_for_production() -> None:
    profile = Profile.model_validate({**ABOUT_US, "purpose": "production"})
    claimed = origin_of_metadata({"modelspec.architecture": "z-image-turbo/lora"})
    assert not claimed.read
    decision = judge(parts_of_files(["brand.safetensors"], [], profile, lambda _: claimed), profile)
    assert [reason.licence for reason in decision.reasons if reason.licence == UNPROVED]
