"""Files kept by key in a folder of bounded size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packshot.kept import KeptFiles


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "kept", limit=1000, suffix=".bin")


def files(kept: KeptFiles) -> list[Path]:
    return sorted(kept.folder.iterdir())


def test_what_is_kept_is_read_and_nothing_else(kept: KeptFiles) -> None:
    assert kept.read("aa") is None
    kept.write("aa", b"one")
    assert kept.read("aa") == b"one"
    assert kept.read("ab") is None
    kept.write("aa", b"two")
    assert kept.read("aa") == b"two"
    assert len(files(kept)) == 1


@pytest.mark.parametrize("damage", [b"", b"on", b"onE", b"one more"])
def test_a_damaged_file_counts_as_never_kept_and_is_replaced(kept: KeptFiles, damage: bytes) -> None:
    kept.write("aa", b"one")
    files(kept)[0].write_bytes(damage)
    assert kept.read("aa") is None
    assert files(kept) == []
    kept.write("aa", b"one")
    assert kept.read("aa") == b"one"


def test_a_damaged_file_that_is_written_again_without_being_read_is_whole(kept: KeptFiles) -> None:
    kept.write("aa", b"one")
    files(kept)[0].write_bytes(b"bad")
    kept.write("aa", b"one")
    assert kept.read("aa") == b"one"


def test_beyond_the_limit_those_go_that_were_not_used_for_longest(kept: KeptFiles) -> None:
    for number, key in enumerate(("aa", "bb", "cc")):
        kept.write(key, bytes(300))
        os.utime(next(kept.folder.glob(f"{key}.*")), (number, number))
    assert kept.read("aa") is not None  # used now
    kept.write("dd", bytes(300))
    assert [key for key in ("aa", "bb", "cc", "dd") if kept.read(key) is not None] == ["aa", "cc", "dd"]


def test_a_file_beyond_the_limit_alone_is_kept_until_the_next(kept: KeptFiles) -> None:
    kept.write("aa", bytes(2000))
    assert kept.read("aa") == bytes(2000)
    kept.write("bb", bytes(10))
    assert kept.read("aa") is None


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptFiles(tmp_path / "file" / "kept", 1000, ".bin")
    for _ in range(3):
        kept.write("aa", b"one")
    assert kept.read("aa") is None
    assert len(caplog.messages) == 1
    assert str(kept.folder) in caplog.messages[0]


def test_a_pipe_among_the_files_is_passed_over(kept: KeptFiles) -> None:
    kept.write("aa", b"one")
    os.mkfifo(kept.folder / f"aa.{'0' * 64}.bin")
    assert kept.read("aa") == b"one"
