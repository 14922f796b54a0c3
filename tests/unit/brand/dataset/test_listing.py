"""A folder of training pictures as systems, cameras and other tools leave it."""

from __future__ import annotations

import codecs
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from packshot.brand.dataset.dataset import Report, check_dataset
from packshot.errors import InputInvalid
from support.datasets import TRIGGER, draw_set, drawn

EXPECTED = {"rights-unstated", "people-unstated"}  # no set here has a table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw_set(tmp_path)
    return tmp_path


def check(folder: Path) -> Report:
    return check_dataset(folder, TRIGGER, resolution=128)


def faults(folder: Path) -> dict[str, list[str]]:
    """Pictures by the ids of their faults."""
    names: dict[str, list[str]] = {}
    for fault in check(folder).faults:
        names.setdefault(fault.id, []).append(fault.picture)
    assert names.keys() >= EXPECTED
    return {fault: pictures for fault, pictures in names.items() if fault not in EXPECTED}


@pytest.mark.parametrize(
    "name",
    ["._p03.png", "._p03.txt", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.jpg", "~$p03.txt",
     "__MACOSX/p03.png", ".ipynb_checkpoints/p03-checkpoint.png", "@eaDir/p03.png/SYNOPHOTO_THUMB_M.jpg",
     "#recycle/old.png", "$RECYCLE.BIN/x.jpg", "sub/.thumbnails/p.png", ".git/x.txt"],
)  # fmt: skip
def test_what_systems_leave_is_passed_over(folder: Path, name: str) -> None:
    before = check(folder).dataset.hash
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\0\5\x16\7\0")
    assert faults(folder) == {}
    assert check(folder).dataset.hash == before


def test_a_set_may_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    draw_set(tmp_path / ".cache")
    assert check(tmp_path / ".cache").ok


def move(folder: Path, old: str, new: str) -> None:
    (folder / old).rename(folder / new)


CAPTIONS: list[Callable[[Path], object]] = [
    lambda at: move(at, "p03.txt", "p03.caption"),
    lambda at: move(at, "p03.txt", "p03.TXT"),
    lambda at: move(at, "p03.txt", "p03.Caption"),
    lambda at: move(at, "p03.txt", "P03.txt"),
    lambda at: move(at, "p03.txt", "p03.png.txt"),
    lambda at: move(at, "p03.png", "p03.PNG"),
    lambda at: (at / "p03.txt").write_bytes(codecs.BOM_UTF8 + f"{TRIGGER} thing 3".encode()),
    lambda at: (at / "p03.txt").write_bytes(f"{TRIGGER} thing 3".encode("utf-16")),
    lambda at: (at / "p03.txt").write_bytes(codecs.BOM_UTF16_BE + f"{TRIGGER} thing 3".encode("utf-16-be")),
    lambda at: (at / "p03.txt").write_bytes(f"{TRIGGER} thing 3".encode("utf-32")),
    lambda at: (at / "p03.txt").write_bytes(f"{TRIGGER}\r\nthing 3\r\n".encode()),
]


@pytest.mark.parametrize("change", CAPTIONS, ids=range(len(CAPTIONS)))
def test_a_caption_is_read_in_every_usual_form(folder: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    assert faults(folder) == {}
    captions = [picture.caption for picture in check(folder).dataset.pictures if picture.name.lower() == "p03.png"]
    assert captions[0].startswith(f"{TRIGGER} thing")


def test_accents_of_a_mac_are_those_of_another_system(folder: Path) -> None:
    move(folder, "p03.png", f"{unicodedata.normalize('NFD', 'tassé')}.png")
    move(folder, "p03.txt", f"{unicodedata.normalize('NFC', 'tassé')}.txt")
    (folder / "p04.txt").write_text(f"{TRIGGER} cafe\u0301", encoding="utf-8")
    assert faults(folder) == {}
    assert check(folder).dataset.pictures[3].caption == f"{TRIGGER} caf\u00e9"
    assert "tass\u00e9.png" in [picture.name for picture in check(folder).dataset.pictures]


@pytest.mark.parametrize("name", ["p03.json", "p03.cap", "p03.txt.txt", "p03.md"])
def test_a_file_that_is_not_read_as_a_caption_is_named(folder: Path, name: str) -> None:
    move(folder, "p03.txt", name)
    report = check(folder)
    fault = next(fault for fault in report.faults if fault.id == "caption-missing")
    assert (fault.picture, name in fault.message, "p03.txt" in fault.remedy) == ("p03.png", True, True)


@pytest.mark.parametrize(("text", "fault"), [("", "caption-empty"), (b"caf\xe9 kilnharbor", "caption-not-utf8"),
                         (f"{TRIGGER} x".encode("utf-16-le"), "caption-not-utf8")])  # fmt: skip
def test_a_caption_that_cannot_be_read_is_named(folder: Path, text: str | bytes, fault: str) -> None:
    (folder / "p03.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert faults(folder) == {fault: ["p03.png"]}
    assert not check(folder).ok


def test_a_caption_twice_and_a_caption_for_two(folder: Path) -> None:
    (folder / "p03.caption").write_text("another", encoding="utf-8")
    assert faults(folder) == {"caption-unread": ["p03.caption"]}
    assert f"{TRIGGER} thing number 3" in [picture.caption for picture in check(folder).dataset.pictures]
    drawn(40).save(folder / "p05.jpg", quality=95)
    assert faults(folder)["caption-shared"] == ["p05.png"]
    assert check(folder).ok


def test_a_variant_of_the_trigger_is_a_warning(folder: Path) -> None:
    (folder / "p03.txt").write_text("ｋｉｌｎｈａｒｂｏｒのマグ", encoding="utf-8")
    assert faults(folder) == {"trigger-variant": ["p03.png"]}
    assert check(folder).ok
    (folder / "p03.txt").write_text("kilnharbors thing", encoding="utf-8")
    fault = next(fault for fault in check(folder).faults if fault.id == "trigger-missing")
    assert "inside another word" in fault.message


def test_folders_in_folders(folder: Path) -> None:
    draw_set(folder / "more", 3)
    for name in ("p00", "p01", "p02"):  # the same names as above, and other pictures
        drawn(50 + int(name[1:])).save(folder / "more" / f"{name}.png")
    assert faults(folder) == {}
    assert len(check(folder).dataset.pictures) == 15


def test_links(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    move(folder, "p03.png", str(elsewhere / "kept.png"))
    (folder / "p03.png").symlink_to(elsewhere / "kept.png")
    assert faults(folder) == {}
    (folder / "p04.png").unlink()
    (folder / "p04.png").symlink_to(folder / "gone.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "round").symlink_to(folder)
    assert faults(folder) == {"unreadable": ["p04.png"], "folder-skipped": ["linked", "round"]}


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "p03.png").unlink()
    os.mkfifo(folder / "p03.png")
    assert faults(folder) == {"unreadable": ["p03.png"]}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("p03.heic", b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        ("p03.HEIC", b"\0\0\0\x18ftypmif1" + bytes(40), "HEIC"),
        ("p03.jpg", b"\0\0\0\x18ftypheix" + bytes(40), "HEIC"),
        ("p03.jxl", b"\xff\x0a" + bytes(40), "JPEG XL"),
        ("p03.png", b"", "empty"),
        ("p03.png", b"<!DOCTYPE html><html>", "web page"),
        ("p03.png", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("p03.png", bytes(100), "blanks or zeros"),
    ],
)
def test_what_is_no_picture_to_us_is_named_as_what_it_is(folder: Path, name: str, data: bytes, words: str) -> None:
    (folder / "p03.png").unlink()
    (folder / name).write_bytes(data)
    fault = next(fault for fault in check(folder).faults if fault.id == "unreadable")
    assert fault.picture == name
    assert words in fault.message
    assert "BytesIO" not in fault.message
    assert faults(folder).keys() == {"unreadable"}


def test_raw_files_layers_and_videos_are_named_and_stop_nothing(folder: Path) -> None:
    for name in ("p03.CR2", "p03.psd", "clip.MOV", "logo.svg"):
        (folder / name).write_bytes(b"x")
    assert faults(folder) == {"format-unread": ["clip.MOV", "logo.svg", "p03.CR2", "p03.psd"]}
    assert check(folder).ok
    for path in folder.glob("p*.png"):
        path.unlink()
    with pytest.raises(InputInvalid, match=r"only .*: it is a"):
        check(folder)


def test_tiny_and_moving_pictures(folder: Path) -> None:
    drawn(3).resize((1, 1)).save(folder / "p03.png")
    (folder / "p04.png").unlink()
    drawn(4).save(folder / "p04.gif", save_all=True, append_images=[drawn(60), drawn(61)], duration=100)
    (folder / "p05.png").unlink()
    drawn(5).save(folder / "p05.gif")
    (folder / "p06.png").unlink()
    drawn(6).save(folder / "p06.jpg", format="MPO", save_all=True, append_images=[drawn(62)], quality=95)
    assert faults(folder) == {"too-small": ["p03.png"], "animated": ["p04.gif"]}
