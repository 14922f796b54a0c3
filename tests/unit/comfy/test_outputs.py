from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.comfy.http import HostApi
from packshot.comfy.outputs import fetch, safe_suffix, select
from packshot.comfy.protocol import HostFile, HostText
from packshot.errors import OutputMissing, OutputUnwritable

IMAGE = HostFile("9", "a_00001_.png", "shop", "output")

PREVIEW = HostFile("8", "tmp_00001_.png", "", "temp")

TEXT = HostText("6", "a red mug")


@pytest.fixture
def api() -> Iterator[HostApi]:
    """Texts come with the record: nothing is asked of this address."""
    api = HostApi("127.0.0.1:9")
    yield api
    api.close()


def test_without_promises_all_count_but_previews() -> None:
    assert select([PREVIEW, IMAGE, TEXT], {}) == [("9", IMAGE), ("6", TEXT)]
    assert select([PREVIEW], {}) == [("8", PREVIEW)]
    assert select([], {}) == []


def test_promised_outputs_come_in_the_order_and_by_the_names_of_the_promise() -> None:
    again = HostFile("9", "a_00002_.png", "shop", "output")
    wanted = {"caption": "6", "image": "9", "canvas": "8", "copy": "9"}
    assert select([PREVIEW, IMAGE, again, TEXT], wanted) == [
        ("caption", TEXT),
        ("image", IMAGE),
        ("image", again),
        ("canvas", PREVIEW),
        ("copy", IMAGE),
        ("copy", again),
    ]


def test_a_promise_that_is_not_kept_is_named() -> None:
    with pytest.raises(OutputMissing, match="'depth'") as caught:
        select([IMAGE], {"image": "9", "depth": "12"})
    assert caught.value.place == "node 12"


def test_texts_become_files(api: HostApi, tmp_path: Path) -> None:
    texts = [
        ("caption", HostText("6", "red\nröd")),
        ("alt", HostText("7", "half \ud83d")),
        ("none", HostText("5", "")),
    ]
    outputs = fetch(api, texts, tmp_path / "new" / "folder", "mug", frozenset({"7"}), durable=True, graph={})
    assert [(o.name, o.kind, o.file.name, o.reused) for o in outputs] == [
        ("caption", "text", "mug.txt", False),
        ("alt", "text", "mug-2.txt", True),
        ("none", "text", "mug-3.txt", False),
    ]
    assert [output.read() for output in outputs] == ["red\nröd".encode(), b"half ?", b""]
    assert [output.sha256 for output in outputs] == [hashlib.sha256(output.read()).hexdigest() for output in outputs]
    assert outputs[0].as_dict() == {
        "name": "caption",
        "kind": "text",
        "file": str(tmp_path / "new" / "folder" / "mug.txt"),
        "sha256": outputs[0].sha256,
        "reused": False,
    }


def test_a_folder_that_is_a_file_is_refused(api: HostApi, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    with pytest.raises(OutputUnwritable):
        fetch(api, [("caption", TEXT)], blocked, "mug", frozenset(), durable=False, graph={})
    assert blocked.read_bytes() == b""


@pytest.mark.parametrize(
    ("filename", "suffix"),
    [
        ("a.PNG", ".png"),
        ("a.tar.gz", ".gz"),
        ("clip.mp4", ".mp4"),
        ("a", ""),
        (".hidden", ""),
        ("a.p/ng", ""),
        ("a.png\n", ""),
        ("a.png [output]", ""),
        ("..\\..\\a.flac", ".flac"),
        ("a.muchtoolongasuffix", ""),
        ("a.ﬁ", ""),
    ],
)
def test_only_a_plain_extension_is_taken_over(filename: str, suffix: str) -> None:
    assert safe_suffix(filename) == suffix


@settings(deadline=None)
@given(st.text())
def test_no_name_leads_out_of_the_folder(filename: str) -> None:
    assert re.fullmatch(r"(\.[a-z0-9]{1,16})?", safe_suffix(filename))
