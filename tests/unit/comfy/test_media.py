"""What outputs are by their bytes."""

from __future__ import annotations

import pytest

from packshot.comfy.media import check, prove, saved_family
from packshot.errors import OutputDamaged
from support.host.jobs import picture

PNG = picture(7)
JPEG = b"\xff\xd8\xff\xe0" + bytes(9000)
MP4 = b"\0\0\0\x18ftypmp42" + bytes(9000)
WEBM = b"\x1aE\xdf\xa3" + bytes(100)
FLAC = b"fLaC" + bytes(100)
PAGE = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("head", "suffix", "saves"),
    [
        (PNG, ".png", "image"),
        (JPEG, ".jpeg", "image"),
        (MP4, ".mp4", "video"),
        (WEBM, ".webm", "video"),
        (MP4, ".m4a", "audio"),
        (FLAC, ".flac", "audio"),
        (b"OggS" + bytes(50), ".opus", "audio"),
        (b"ID3\x04" + bytes(50), ".mp3", None),
        (PNG, ".png", None),
        (b"glTF\x02", ".glb", None),
        (b"", ".txt", None),
        (b'{"a": 1}', ".json", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ".svg", None),
        (b"anything", "", None),
    ],
)
def test_what_nodes_save_passes(head: bytes, suffix: str, saves: str | None) -> None:
    check(head, suffix, saves, "host")


@pytest.mark.parametrize(
    ("head", "suffix", "saves", "says"),
    [
        (PAGE, ".html", None, "'.html' is no output"),
        (PNG, ".exe", None, "'.exe' is no output"),
        (PAGE, ".png", None, "a web page"),
        (PAGE, ".bin", "image", "a web page"),
        (MP4, ".png", "image", "a video"),
        (PNG, ".mp4", "video", "saves a video"),
        (JPEG, ".png", "image", "a JPEG"),
        (b"", ".png", "image", "an empty file"),
        (b"<svg>", ".svg", "image", "an SVG"),
        (b"MZ\x90\0", ".wav", None, "'.wav'"),
    ],
)
def test_another_kind_of_file_is_refused(head: bytes, suffix: str, saves: str | None, says: str) -> None:
    with pytest.raises(OutputDamaged, match=says) as caught:
        check(head, suffix, saves, "host")
    assert caught.value.place == "host"


def test_a_file_is_judged_before_any_of_it_is_passed_on() -> None:
    slices = [PNG[at : at + 3] for at in range(0, len(PNG), 3)]
    assert b"".join(prove(iter(slices), ".png", "image", "host")) == PNG
    assert b"".join(prove(iter([MP4[:5000], MP4[5000:]]), ".mp4", "video", "host")) == MP4
    with pytest.raises(OutputDamaged):
        next(prove(iter([PAGE, PAGE]), ".png", None, "host"))


def test_only_known_nodes_say_what_they_save() -> None:
    graph = {"1": {"class_type": "SaveImage"}, "2": {"class_type": "SomePackSaver"}}
    assert [saved_family(graph, node) for node in ("1", "2", "3")] == ["image", None, None]
