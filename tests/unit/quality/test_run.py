"""Which checks run on a picture, a file and a catalogue."""

from __future__ import annotations

from pathlib import Path

from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.picture import Picture
from packshot.quality.registry import all_checks
from packshot.quality.run import check_file, check_files, check_picture
from support.planted import encoded, photo, product


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
