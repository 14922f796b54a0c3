"""The profile of whoever uses a model, read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.errors import InputInvalid
from packshot.models.licensing.licences import (
    load_profile,
)
from packshot.models.licensing.profile import COUNTRIES, EUROPEAN_UNION, Profile


def test_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "annual_revenue_usd: 500000\npublish_territories: [us, NO, EU]\nserver_territory: NO\n"
        "declared: {loras/brand.safetensors: own}\n"
    )
    read = load_profile(file)
    assert read.publish_territories == ("US", "NO", "EU"), "YAML takes a bare NO for false"
    assert read.server_territory == "NO"
    assert read.declared == {"brand.safetensors": "own"}
    assert read.file == file
    assert read.purpose is None


def test_without_a_file_nothing_is_said(own_settings: Path) -> None:
    empty = load_profile(None)
    assert empty == Profile()
    assert empty.file == own_settings / "profile.yaml"
    (own_settings / "profile.yaml").write_text("purpose: evaluation\n")
    assert load_profile(None).purpose == "evaluation"
    (own_settings / "profile.yaml").write_text("")
    assert load_profile(None) == Profile()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revenue: 5", "revenue: a licence profile has no such line"),
        ("annual_revenue_usd: '5'", "annual_revenue_usd: must be a number in digits"),
        ("annual_revenue_usd: 1e6", "annual_revenue_usd: must be a number in digits"),  # a text, to YAML 1.1
        ("annual_revenue_usd: true", "annual_revenue_usd"),
        ("annual_revenue_usd: -1", "annual_revenue_usd"),
        ("annual_revenue_usd: .nan", "annual_revenue_usd"),
        ("monthly_active_users: 1.5", "monthly_active_users"),
        ("publish_territories: [UK]", "the United Kingdom is GB"),
        ("publish_territories: [Germany]", "GERMANY"),
        ("publish_territories: DE", "publish_territories: must be a list"),
        ("server_territory: EU", "one country"),
        ("purpose: testing", "purpose"),
        ("hosted_for_others: 'no'", "hosted_for_others: must be true or false"),
        ("attestations: [bfl]", "attestations"),
        ("[1, 2]", "must be lines of NAME: VALUE"),
        ("purpose: [", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text(text)
    with pytest.raises(InputInvalid) as caught:
        load_profile(file)
    assert said in caught.value.message
    assert caught.value.place == str(file)


def test_a_profile_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no such licence profile"):
        load_profile(tmp_path / "none.yaml")
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_profile(tmp_path)


def test_the_union_has_27_members_and_their_outermost_regions() -> None:
    regions = {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}
    assert len(EUROPEAN_UNION - regions) == 27
    assert EUROPEAN_UNION < COUNTRIES
    assert len(COUNTRIES) == 249
    assert not EUROPEAN_UNION & {"GB", "CH", "NO", "IS", "TR", "UA"}
