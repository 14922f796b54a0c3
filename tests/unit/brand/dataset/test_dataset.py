"""The check of a LoRA's training pictures: every fault, each made with a real file that has it."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFilter, PngImagePlugin
from typer.testing import CliRunner

from packshot.brand.dataset.dataset import Report, check_dataset
from packshot.cli.main import app
from packshot.errors import InputInvalid
from support.datasets import TRIGGER, drawn
from support.planted import swapped_profile

TODAY = datetime.date(2026, 11, 21)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fourteen faultless pictures of seven products, with captions and a table of rights."""
    rows = []
    for number in range(14):
        drawn(number).save(tmp_path / f"p{number:02}.png")
        (tmp_path / f"p{number:02}.txt").write_text(f"{TRIGGER} thing number {number}, from the side")
        rows.append({"file_name": f"p{number:02}.png", "product": f"product-{number // 2}", "rights": "own",
                     "rights_until": "", "people": "no", "release": ""})  # fmt: skip
    write_table(tmp_path, rows)
    return tmp_path


def write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def change(folder: Path, number: int, **values: str) -> None:
    rows = read_rows(folder)
    for row in rows:
        row.update(dict.fromkeys(values.keys() - row.keys(), ""))
    rows[number].update(values)
    write_table(folder, rows)


def check(folder: Path, **options: Any) -> Report:
    return check_dataset(folder, options.pop("trigger", TRIGGER), resolution=128, today=TODAY, **options)


def found(folder: Path, **options: Any) -> dict[str, str]:
    """Ids of the faults with the first picture that has each."""
    result: dict[str, str] = {}
    for fault in check(folder, **options).faults:
        result.setdefault(fault.id, fault.picture)
        assert fault.message
        assert fault.remedy
        assert fault.severity in ("error", "warning")
    return result


def test_a_faultless_set_has_no_fault_and_is_split_by_product(folder: Path) -> None:
    report = check(folder)
    assert report.faults == ()
    assert report.ok
    held = report.dataset.part("validation")
    assert [picture.product for picture in held] == [held[0].product] * 2, "a product's pictures stay together"
    assert len(report.dataset.part("train")) == 12
    assert report.dataset.part("validation") == check(folder).dataset.part("validation")
    assert check(folder, validation_fraction=0).dataset.part("validation") == []
    assert report.require() is report.dataset


def test_the_hash_is_of_what_is_trained_on_and_of_nothing_else(folder: Path, tmp_path: Path) -> None:
    own = check(folder).dataset.hash
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in folder.glob("p*.*"):
        (moved / f"renamed-{file.name}").write_bytes(file.read_bytes())
    rows = [row | {"file_name": f"renamed-{row['file_name']}"} for row in read_rows(folder)]
    write_table(moved, rows)
    assert check(moved).dataset.hash == own
    (moved / "renamed-p03.txt").write_text(f"{TRIGGER} something else")
    assert check(moved).dataset.hash != own


def faded(image: Image.Image) -> Image.Image:
    image.putalpha(200)
    return image


def resave(folder: Path, name: str, suffix: str, edit: Callable[[Image.Image], Image.Image], **options: Any) -> None:
    """Replace a picture by an edited one, under the name that the table has."""
    with Image.open(folder / name) as image:
        edited = edit(image.convert("RGB"))
    rows = read_rows(folder)
    for row in rows:
        if row["file_name"] == name:
            row["file_name"] = f"{Path(name).stem}{suffix}"
    (folder / name).unlink()
    edited.save(folder / f"{Path(name).stem}{suffix}", **options)
    write_table(folder, rows)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # by a quarter
    return exif


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "{}")
    return info


PAGES = [drawn(77)]

LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

PICTURES: list[tuple[str, bool, Callable[[Path], object]]] = [
    ("unreadable", True, lambda at: (at / "p03.png").write_bytes((at / "p03.png").read_bytes()[:300])),
    ("unreadable", True, lambda at: (at / "p03.png").write_text("no picture")),
    ("unreadable", True, lambda at: (at / "p03.png").write_bytes(b"")),
    ("wrong-mode", False, lambda at: resave(at, "p03.png", ".tif", lambda image: image.convert("CMYK"))),
    ("wrong-mode", True, lambda at: resave(at, "p03.png", ".png", lambda image: image.convert("1"))),
    ("greyscale", False, lambda at: resave(at, "p03.png", ".png", lambda image: image.convert("L"))),
    ("transparent", False, lambda at: resave(at, "p03.png", ".png", faded)),
    ("too-small", True, lambda at: resave(at, "p03.png", ".png", lambda image: image.resize((100, 100)))),
    ("cropped", False, lambda at: resave(at, "p03.png", ".png", lambda image: image.resize((900, 200)))),
    ("blurred", False, lambda at: resave(at, "p03.png", ".png", lambda one: one.filter(ImageFilter.GaussianBlur(9)))),
    ("not-srgb", False, lambda at: resave(at, "p03.png", ".png", lambda one: one, icc_profile=swapped_profile())),
    ("profile-invalid", False, lambda at: resave(at, "p03.png", ".png", lambda one: one, icc_profile=LAB)),
    ("heavy-jpeg", False, lambda at: resave(at, "p03.png", ".jpg", lambda image: image, quality=30)),
    ("rotated", False, lambda at: resave(at, "p03.png", ".jpg", lambda one: one, quality=95, exif=turned())),
    ("animated", True, lambda at: resave(at, "p03.png", ".tif", lambda one: one, save_all=True, append_images=PAGES)),
    ("generated", False, lambda at: resave(at, "p03.png", ".png", lambda image: image, pnginfo=text_chunk())),
    ("generated", False, lambda at: resave(at, "p03.png", ".jpg", lambda one: one, quality=95, xmp=digital_source())),
    ("caption-missing", True, lambda at: (at / "p03.txt").unlink()),
    ("caption-empty", True, lambda at: (at / "p03.txt").write_text(" \n")),
    ("caption-not-utf8", True, lambda at: (at / "p03.txt").write_bytes(b"kilnharbor caf\xe9")),
    ("caption-too-long", False, lambda at: (at / "p03.txt").write_text(f"{TRIGGER} " + "word " * 80)),
    ("trigger-missing", True, lambda at: (at / "p03.txt").write_text("kilnharbors thing")),
    ("not-in-table", True, lambda at: write_table(at, [row for row in read_rows(at) if row["file_name"] != "p03.png"])),
    ("rights-missing", True, lambda at: change(at, 3, rights="unknown")),
    ("rights-expired", True, lambda at: change(at, 3, rights_until="2026-11-20")),
    ("date-invalid", True, lambda at: change(at, 3, rights_until="next year")),
    ("people-unknown", True, lambda at: change(at, 3, people="")),
    ("release-missing", True, lambda at: change(at, 3, people="yes")),
    ("split-invalid", True, lambda at: change(at, 3, split="test")),
]  # fmt: skip


def digital_source() -> bytes:
    return b"<x:xmpmeta>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</x:xmpmeta>"


@pytest.mark.parametrize(
    ("fault", "error", "spoil"), PICTURES, ids=[f"{one[0]}-{at}" for at, one in enumerate(PICTURES)]
)
def test_a_fault_of_one_picture_is_found_and_named(
    folder: Path, fault: str, error: bool, spoil: Callable[[Path], object]
) -> None:
    spoil(folder)
    report = check(folder)
    named = [one for one in report.faults if one.id == fault]
    assert named, report.faults
    assert {Path(one.picture).stem for one in named} <= (
        {"p03"} if fault != "split-invalid" else {f"p{n:02}" for n in range(14)}
    )
    assert {one.severity for one in named} == {"error" if error else "warning"}
    assert report.ok is not error
    if error:
        with pytest.raises(InputInvalid, match=r"\([a-z0-9-]+\)"):
            report.require()


def test_what_is_allowed_passes(folder: Path) -> None:
    change(folder, 3, rights_until="2026-11-21", people="yes", release="contract 17")
    assert found(folder) == {}


def test_files_that_belong_to_nothing(folder: Path) -> None:
    (folder / "p99.txt").write_text("alone")
    change(folder, 3, file_name="gone.png")
    faults = found(folder)
    assert faults["caption-orphan"] == "p99.txt"
    assert faults["missing-file"] == "gone.png"
    assert faults["not-in-table"] == "p03.png"
    rows = read_rows(folder)
    write_table(folder, [*rows, rows[0]])
    assert found(folder)["listed-twice"] == "p00.png"


@pytest.mark.parametrize(
    ("trigger", "fault"),
    [("mug", "trigger-common"), ("white background", "trigger-common"), ("Tasse", "trigger-common"),
     ("ab", "trigger-invalid"), ("a,b c", "trigger-invalid"), ("", "trigger-invalid"), ("x" * 41, "trigger-invalid")],
)  # fmt: skip
def test_a_trigger_must_be_a_word_of_its_own(folder: Path, trigger: str, fault: str) -> None:
    assert fault in found(folder, trigger=trigger)


def test_duplicates_exact_and_near(folder: Path) -> None:
    (folder / "p04.png").write_bytes((folder / "p05.png").read_bytes())
    faults = found(folder, validation_fraction=0)
    assert faults["duplicate"] == "p05.png"
    with Image.open(folder / "p06.png") as image:
        image.resize((300, 300), Image.Resampling.LANCZOS).convert("RGB").save(folder / "p07.png")
    assert found(folder, validation_fraction=0)["near-duplicate"] == "p07.png"


def test_a_red_and_a_blue_mug_are_no_duplicates(folder: Path) -> None:
    for name, colour in (("p08.png", "#C02020"), ("p09.png", "#2050C0")):
        image = Image.new("RGB", (160, 160), "#F0F0F0")
        ImageDraw.Draw(image).ellipse((40, 40, 120, 130), fill=colour)
        image.save(folder / name)
    assert "near-duplicate" not in found(folder)


def test_a_leak_between_the_parts(folder: Path) -> None:
    for number in range(14):
        change(folder, number, split="validation" if number in (4, 5) else "train")
    assert found(folder) == {}
    assert len(check(folder).dataset.part("validation")) == 2
    change(folder, 5, split="train")  # the two pictures of one product
    assert "leak" in found(folder)
    change(folder, 5, split="validation")
    with Image.open(folder / "p05.png") as image:
        image.convert("RGB").resize((200, 200)).save(folder / "p10.png")
    assert found(folder)["leak"] == "p10.png"


def test_a_near_duplicate_in_the_same_part_hides_no_leak(folder: Path) -> None:
    for number in range(14):
        change(folder, number, split="validation" if number in (4, 5) else "train")
    with Image.open(folder / "p05.png") as image:
        for name, side in (("p02.png", 220), ("p10.png", 200)):  # p10 is like p02, which comes first, and like p05
            image.convert("RGB").resize((side, side)).save(folder / name)
    leaks = [fault.picture for fault in check(folder).faults if fault.id == "leak"]
    assert leaks == ["p05.png", "p10.png"]


def test_too_few_and_too_many(folder: Path, tmp_path: Path) -> None:
    for number in range(4, 14):
        (folder / f"p{number:02}.png").unlink()
        (folder / f"p{number:02}.txt").unlink()
    write_table(folder, read_rows(folder)[:4])
    assert "too-few-pictures" in found(folder)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(230):
        drawn(number, 128).save(many / f"{number}.jpg", quality=95)
        (many / f"{number}.txt").write_text(f"{TRIGGER} {number}")
    faults = found(many)
    assert "many-pictures" in faults
    assert {"rights-unstated", "people-unstated"} <= faults.keys()


def test_pictures_that_never_vary(tmp_path: Path) -> None:
    for number in range(12):
        image = Image.new("RGB", (160, 160), "white")
        pen = ImageDraw.Draw(image)
        pen.rectangle((50 + number, 60, 80 + number, 100), fill=(150 + number, 150, 150))
        pen.text((4, 145), "SAMPLE STOCK", fill="black")  # the same mark in the same corner
        image.save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"{TRIGGER} thing")
    faults = found(tmp_path)
    assert {"caption-repeated", "one-background", "little-variety", "repeated-mark"} <= faults.keys()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda at: (at / "metadata.jsonl").write_text("{}"),
        lambda at: (at / "metadata.csv").write_text("number,text\na,b\n"),
        lambda at: (at / "metadata.csv").write_bytes(b"file_name\n\xff\xfe\n"),
    ],
)
def test_a_table_that_cannot_be_read_stops_the_check(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(folder)
    with pytest.raises(InputInvalid, match="table-invalid"):
        check(folder)


def test_a_table_of_json_lines_holds_captions_and_consent(folder: Path) -> None:
    lines = []
    for row in read_rows(folder):
        name = row["file_name"]
        (folder / name).with_suffix(".txt").unlink()
        lines.append(json.dumps({"file_name": name, "text": f"{TRIGGER} {name}", "people": False, "rights": "own"}))
    (folder / "metadata.csv").unlink()
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    report = check(folder)
    assert report.faults == ()
    assert report.dataset.pictures[0].caption == f"{TRIGGER} p00.png"
    (folder / "metadata.jsonl").write_text("\n".join([*lines[1:], "[]"]))
    with pytest.raises(InputInvalid, match="line 14"):
        check(folder)


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputInvalid):
        check(tmp_path / name)


def test_the_command_answers_with_its_exit_code(folder: Path) -> None:
    command = ["lora", "dataset", "check", str(folder), "--trigger", TRIGGER, "--resolution", "128"]
    done = CliRunner().invoke(app, [*command, "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["ok"], answer["train"], answer["validation"]) == (0, True, 12, 2)
    (folder / "p03.txt").write_text("nothing")
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 3
    assert "trigger-missing" in done.stdout
    done = CliRunner().invoke(app, [*command[:3], str(folder / "nowhere"), "--trigger", TRIGGER])
    assert isinstance(done.exception, InputInvalid)


def test_the_command_writes_a_configuration(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "config"
    command = ["lora", "export-config", str(folder), "--trigger", TRIGGER, "--trainer", "musubi-tuner"]
    command += ["--base", "flux2-klein-4b-base", "--resolution", "128", "--out", str(out), "--name", "kiln", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert [Path(file).name for file in json.loads(done.stdout)["files"]] == ["kiln-dataset.toml", "kiln.sh"]
    assert str(folder) in (out / "kiln-dataset.toml").read_text()
