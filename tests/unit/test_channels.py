"""Channels as data, pictures made for them, and the command that checks them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from packshot import paths
from packshot.cli.main import app
from packshot.errors import InputInvalid
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from packshot.quality.annotate import annotate
from packshot.quality.channels import channel_ids, load_channel
from packshot.quality.checks import Given
from packshot.quality.masks import find_product
from packshot.quality.picture import Picture
from packshot.quality.placing import place
from packshot.quality.registry import all_checks
from packshot.quality.run import check_file, check_files, check_picture
from support.planted import PHOTOGRAPHS, encoded, photo, photograph, product, shape

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
        ({"background": "white"}, "background"),
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


@pytest.mark.parametrize("fill", [0.5, 0.75, 0.9, 1.0])
@pytest.mark.parametrize("size", [(900, 900), (700, 1000), (1000, 300)])
def test_placing_a_cutout(fill: float, size: tuple[int, int]) -> None:
    output = load_channel("amazon-main").output.model_copy(
        update={"fill": fill, "width": size[0], "height": size[1], "background": "#EFE6D6"}
    )
    pixels = place(Picture.from_array(shape()), output)
    region = find_product(pixels)
    assert region is not None
    assert region.background.tolist() == [0xEF, 0xE6, 0xD6]
    box = region.box
    assert max(box.width / size[0], box.height / size[1]) == pytest.approx(fill, abs=4 / min(size))
    assert abs(box.left + box.right - size[0]) <= 6
    assert abs(box.top + box.bottom - size[1]) <= 6
    assert (pixels[region.clear_background()] == (0xEF, 0xE6, 0xD6)).all()
    assert box.width / box.height == pytest.approx(0.71 / 0.6, rel=0.05)  # never stretched


def test_placing_keeps_a_picture_of_the_right_size_as_it_is() -> None:
    output = load_channel("plain").output.model_copy(update={"width": 600, "height": 400})
    assert np.array_equal(place(photo("coffee.png"), output), photo("coffee.png").pixels)


def test_placing_pads_with_the_pictures_own_background() -> None:
    grey = Picture.from_array(product((150, 150, 250, 250), (201, 202, 203)))
    pixels = place(grey, load_channel("zalando").output)
    assert (pixels[:20] == (201, 202, 203)).all()


def test_placing_needs_a_product_to_place() -> None:
    with pytest.raises(InputInvalid, match="no product"):
        place(photo("coffee.png"), load_channel("amazon-main").output)
    mask = np.zeros(photo("coffee.png").pixels.shape[:2], bool)
    mask[100:300, 200:400] = True
    placed = place(photo("coffee.png"), load_channel("amazon-main").output, mask=mask)
    assert placed.shape == (2000, 2000, 3)


def test_which_checks_run(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(product(side=600, box=(90, 90, 510, 510)), "PNG"))
    plain = {v.id for v in check_file(path, load_channel("plain")).verdicts}
    assert {"file.readable", "technical.sharpness", "product.fill-side"} <= plain
    assert not any(check_id.startswith(("palette.", "fidelity.", "text.", "logo.", "catalogue.")) for check_id in plain)
    given = Given(palette={"kelp": "#20302D"}, original=Picture.from_array(product(side=600, box=(90, 90, 510, 510))))
    more = {v.id for v in check_file(path, load_channel("plain"), given).verdicts} - plain
    assert more == {check_id for check_id in all_checks() if check_id.startswith(("palette.", "fidelity."))}


def test_a_picture_that_is_no_file_has_no_file_to_check() -> None:
    report = check_picture(
        Picture.from_array(product(side=1200, box=(60, 60, 1140, 1140))), load_channel("amazon-main")
    )
    assert report.passed
    assert not any(v.id.startswith("file.") for v in report.verdicts[1:])


def test_a_catalogue_finds_the_same_picture_twice(tmp_path: Path) -> None:
    made = {"a": photo("coffee.png"), "b": photo("chelsea.png"), "c": photo("rocket.jpg"), "twin": photo("coffee.png")}
    for name, picture in made.items():
        (tmp_path / f"{name}.png").write_bytes(encoded(picture.pixels, "PNG"))
    paths = [tmp_path / f"{name}.png" for name in made]
    reasons = {Path(r.file).stem: r.reasons for r in check_files(paths, load_channel("plain"), together=True)}
    duplicates = [name for name, codes in reasons.items() if "near-duplicate" in codes]
    assert duplicates == ["a", "twin"]


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encoded(photo("coffee.png").pixels, "PNG"))
    paths = [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"]
    for report in check_files(paths, load_channel("plain"), together=True):
        assert "near-duplicate" in report.reasons


def test_the_annotated_picture_shows_what_failed() -> None:
    pixels = product((0, 100, 200, 300), side=900)
    pixels[20:38, 600:618] = 250
    report = check_picture(Picture.from_array(pixels), load_channel("amazon-main"))
    sheet = np.asarray(annotate(report))
    assert sheet.shape[0] > 900
    assert (sheet[30, 610] == (196, 43, 43)).all()
    assert not np.array_equal(sheet[:900], pixels)


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_the_command(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encoded(product((70, 70, 930, 930), side=1000), "PNG"))
    pixels = product((70, 70, 930, 930), side=1000)
    pixels[3, 3] = 254
    bad.write_bytes(encoded(pixels, "PNG"))
    code, text = command("check", good, "--channel", "amazon-main", "--json")
    answer = json.loads(text)
    assert (code, answer["passed"], answer["channel"]) == (0, True, "amazon-main")
    assert set(answer["images"][0]["checks"][0]) == {"id", "value", "unit", "limit", "passed", "reason"}
    assert answer["images"][0]["skipped"] == [{"id": "text.unexpected", "needs": "ocr"}]
    code, text = command("check", tmp_path, "--channel", "amazon-main", "--json", "--annotate", tmp_path / "out")
    answer = json.loads(text)
    assert (code, [image["passed"] for image in answer["images"]]) == (3, [False, True])
    assert answer["images"][0]["reasons"] == ["background-not-exact"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0001-bad.png", "0002-good.png"]
    code, text = command("check", bad, good, "--channel", "amazon-main")
    assert code == 3
    assert "FAIL background.exact" in text


def test_the_command_with_all_that_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "look").mkdir()
    for name in PHOTOGRAPHS[:4]:
        (tmp_path / "look" / f"{name}.png").write_bytes(encoded(photo(name).pixels, "PNG"))
    kit = tmp_path / "brand.yaml"
    kit.write_text('name: Test\npalette:\n  - {name: kelp, hex: "#20302D"}\n')
    mark = tmp_path / "logo.png"
    mark.write_bytes(encoded(shape(60), "PNG"))
    picture = photograph("coffee.png")
    code, text = command(
        "check",
        picture,
        "--brand",
        kit,
        "--references",
        tmp_path / "look",
        "--original",
        picture,
        "--logo",
        mark,
        "--json",
    )
    found = {check["id"]: check for check in json.loads(text)["images"][0]["checks"]}
    assert code == 3
    assert found["fidelity.max-difference"]["value"] == 0
    assert found["colour.distribution"]["value"] == 0
    assert found["palette.coverage"]["value"] < 1
    assert found["logo.presence"]["reason"] == "logo-missing"


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no pictures here"):
        command("check", tmp_path)


def test_a_channels_own_name_rules() -> None:
    channel = load_channel("gs1")
    for name, passes in (
        ("00614141999996_A1C1.jpg", True), ("00614141999996_E0N0_s01.png", True), ("00614141999996_C9RA.tif", True),
        ("00614141999996_B7L1.jpeg", True), ("00614141999996_D3NP.tiff", True),
        ("614141999996_A1C1.jpg", False), ("00614141999996-A1C1.jpg", False), ("00614141999996_F1C1.jpg", False),
        ("00614141999996_A1X1.jpg", False), ("00614141999996_A1C1.webp", False),
    ):  # fmt: skip
        assert channel.rules["file.name"].limit.side(name) == ("within" if passes else "other"), name
