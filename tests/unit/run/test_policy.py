"""What a run is held to, read from names and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot import BrandKit, Profile
from packshot.errors import BrandInvalid, InputInvalid
from packshot.paths import shipped
from packshot.run.policy import RunPolicy

KIT = shipped("examples") / "brands" / "aldern-quay"


def test_names_and_files_are_read(tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text("purpose: evaluation\n")
    policy = RunPolicy.of(profile=profile, brand=str(KIT), channel="amazon-main", waive=["lock"])
    assert policy.profile.purpose == "evaluation"
    assert policy.kit is not None
    assert policy.kit.hash == BrandKit.load(KIT).hash
    assert policy.channel is not None
    assert policy.channel.id == "amazon-main"
    assert policy.waive == {"lock"}


def test_what_is_read_already_is_taken_as_it_is() -> None:
    profile, kit = Profile(purpose="production"), BrandKit.load(KIT)
    policy = RunPolicy.of(profile=profile, brand=kit)
    assert policy.profile is profile
    assert policy.kit is kit


@pytest.mark.parametrize(
    ("waive", "message", "remedy"),
    [
        ("licence", "'licence' cannot be waived", "say in your licence profile what is so"),
        ("kit", "'kit' cannot be waived", "have its LoRAs approved"),
        ("lokc", "'lokc' is no stop", "did you mean 'lock'?"),
    ],
)
def test_only_what_may_be_waived_is(waive: str, message: str, remedy: str) -> None:
    with pytest.raises(InputInvalid, match=message) as caught:
        RunPolicy.of(waive=[waive])
    assert remedy in caught.value.remedy


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="channel"):
        RunPolicy.of(channel="amazn-main")
    with pytest.raises(BrandInvalid):
        RunPolicy.of(brand=tmp_path)
