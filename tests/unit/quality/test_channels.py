"""Channels: their rules and sources, and which pictures pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from packshot import paths
from packshot.errors import InputInvalid
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from packshot.quality.channels import channel_ids, load_channel
from packshot.quality.picture import Picture
from packshot.quality.placing import place
from packshot.quality.run import check_file
from support.planted import PHOTOGRAPHS, photo, photograph, shape

CHANNELS = ("amazon-main", "amazon-other", "google-merchant", "gs1", "plain", "shopify", "vtex", "zalando")

STRICT = ("amazon-main", "google-merchant", "gs1", "zalando")


def test_the_channels_that_ship() -> None:
    assert tuple(channel_ids()) == CHANNELS


@pytest.mark.parametrize("channel_id", CHANNELS)
def test_every_rule_has_a_source_and_a_date(channel_id: str) -> None:
    channel = load_channel(channel_id)
    for source in channel.sources:
        assert source.source
        assert source.checked.year >= 2026
    assert {rule for source in channel.sources for rule in source.rules} == set(channel.rules)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rules": {"size.weight": {}}}, "there is no check 'size.weight'"),
        ({"rules": {"size.width": {"pattern": "x"}}}, "no such bound"),
        ({"rules": {"file.name": {"min": 1}}}, "no such bound"),
        ({"rules": {"size.width": {"min": 1}, "size.height": {}}}, "no source for size.height"),
        ({"rules": {}}, "a source for size.width, which is no rule here"),
        ({"rules": {"size.width": {"least": 1}}}, "least"),
        ({"id": "other"}, "the file is named 'mine.yaml'"),
        ({"background": "weiß"}, "background"),
    ],
)
def test_a_channel_that_is_not_valid(
    change: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {
        "id": "mine", "name": "Mine", "summary": "s", "rules": {"size.width": {"min": 5}},
        "output": {"width": 5, "height": 5},
        "sources": [{"rules": ["size.width"], "source": "x", "checked": "2026-01-01", "evidence": "own"}],
    }  # fmt: skip
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = paths.config_dir() / "channels"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    assert load_channel("mine").rules["size.width"].limit.minimum == 5
    (folder / "mine.yaml").write_text(yaml.safe_dump({**content, **change}))
    with pytest.raises(InputInvalid, match=message):
        load_channel("mine")


def test_an_unknown_channel() -> None:
    with pytest.raises(InputInvalid, match="did you mean 'amazon-main'"):
        load_channel("amazon-mian")


def cutout(name: str) -> Picture:
    """A photograph in the shape of a product, on nothing: its own pixels and a mask that was drawn."""
    pixels = photo(name).pixels
    mask = np.asarray(Image.fromarray(shape()[..., 3]).resize((pixels.shape[1], pixels.shape[0])))
    return Picture.from_array(np.dstack([pixels, mask]))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("channel_id", STRICT)
def test_what_is_made_for_a_channel_passes_it(name: str, channel_id: str, tmp_path: Path) -> None:
    channel = load_channel(channel_id)
    output = channel.output
    pixels = place(cutout(name), output)
    assert pixels.shape == (output.height, output.width, 3)
    file_name = "00614141999996_A1C1.jpg" if channel_id == "gs1" else "A1.jpg"
    options = WriteOptions(output.format, output.quality, output.max_bytes)
    written = write_picture(pixels, tmp_path, file_name, Statement("composite"), options)
    report = check_file(written.file, channel)
    failed = [verdict for verdict in report.verdicts if not verdict.passed]
    if output.width > 4 * photo(name).width:
        failed = [verdict for verdict in failed if verdict.reason != "blurred"]  # enlarged fourfold and more, it is
    assert not failed
    assert set(report.skipped) == {"text.unexpected"} & set(channel.rules)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_as_they_are_do_not_pass_amazon(name: str) -> None:
    report = check_file(photograph(name), load_channel("amazon-main"))
    assert not report.passed
    assert {"side-too-short", "background-not-exact", "no-product-on-plain-background"} & set(report.reasons)


def test_a_channels_own_name_rules() -> None:
    channel = load_channel("gs1")
    for name, passes in (
        ("00614141999996_A1C1.jpg", True), ("00614141999996_E0N0_s01.png", True), ("00614141999996_C9RA.tif", True),
        ("00614141999996_B7L1.jpeg", True), ("00614141999996_D3NP.tiff", True),
        ("614141999996_A1C1.jpg", False), ("00614141999996-A1C1.jpg", False), ("00614141999996_F1C1.jpg", False),
        ("00614141999996_A1X1.jpg", False), ("00614141999996_A1C1.webp", False),
    ):  # fmt: skip
        assert channel.rules["file.name"].limit.side(name) == ("within" if passes else "other"), name
