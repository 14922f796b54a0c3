"""What a run's pictures must pass, with what was found of the mattes that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from packshot.quality.channels import load_channel
from packshot.run.channel import ChannelCheck, checks_failed, failures_of
from support.planted import product


def finding(slug: str, value: float, *, decisive: bool) -> dict[str, Any]:
    """An entry as *Packshot Matte* records it, against a limit of 0.04."""
    return {
        "id": f"matte.{slug}", "value": value, "limit": 0.04, "unit": "share", "sound": value <= 0.04, "slug": slug,
        "message": "", "decisive": decisive,
    }  # fmt: skip


def matte(*findings: Mapping[str, Any]) -> dict[str, Any]:
    return {"node": "2", "findings": list(findings)}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture that the channel takes."""
    path = tmp_path / "product.png"
    Image.fromarray(product((60, 60, 1140, 1140), side=1200)).save(path)
    return path


@pytest.fixture(scope="module")
def check() -> ChannelCheck:
    return ChannelCheck(load_channel("amazon-main"))


def test_a_sound_matte_passes_and_its_figures_are_reported(check: ChannelCheck, picture: Path) -> None:
    report = check.judge(picture, [matte(finding("parts-lost", 0.01, decisive=True))])
    assert report.passed
    (verdict,) = (verdict for verdict in report.verdicts if verdict.id == "matte.parts-lost")
    assert (verdict.value, verdict.limit.maximum) == (0.01, 0.04)


def test_a_decisive_finding_fails_the_report(check: ChannelCheck, picture: Path) -> None:
    report = check.judge(picture, [matte(finding("parts-lost", 0.2, decisive=True))])
    assert (report.passed, report.reasons) == (False, ("parts-lost",))
    assert failures_of(report) == ["parts-lost (matte.parts-lost 0.2, at most 0.04)"]
    assert "parts-lost" in str(checks_failed(report))


def test_a_finding_that_is_only_said_does_not(check: ChannelCheck, picture: Path) -> None:
    report = check.judge(picture, [matte(finding("see-through", 0.9, decisive=False))])
    assert report.passed
    assert "matte.see-through" in {verdict.id for verdict in report.verdicts}


def test_of_several_products_each_counts(check: ChannelCheck, picture: Path) -> None:
    sound, lost = finding("halo", 0.0, decisive=True), finding("halo", 0.9, decisive=True)
    assert check.judge(picture, [matte(sound), matte(sound)]).passed
    assert check.judge(picture, [matte(sound), matte(lost)]).reasons == ("halo",)


def test_without_a_channel_nothing_is_kept_out(picture: Path) -> None:
    assert ChannelCheck(None).judge(picture, [matte(finding("parts-lost", 0.9, decisive=True))]).passed
