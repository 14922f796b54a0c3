"""Side files never fail a run, and never hold it up."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from packshot import side_files
from packshot.hashes import HashCache
from packshot.side_files import read_json, update_json


@pytest.fixture(autouse=True)
def _said_anew() -> None:
    side_files._say.cache_clear()


def _fill(path: Path, fault: str) -> None:
    path.parent.mkdir(parents=True)
    if fault == "a pipe":
        os.mkfifo(path)
    elif fault == "endless":
        path.symlink_to("/dev/zero")
    elif fault == "a folder":
        path.mkdir()
    elif fault != "nothing":
        path.write_text(fault)


@pytest.mark.parametrize("fault", ["nothing", "", "{", "[" * 100_000, "\x00", "a pipe", "endless"])
def test_what_cannot_be_read_counts_as_never_kept_and_is_written_anew(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "cache" / "timings.json"
    _fill(file, fault)
    assert read_json(file) is None
    update_json(file, lambda known: [known])
    assert read_json(file) == [None]


@pytest.mark.parametrize("fault", ["unwritable", "a folder", "locked", "lock is a link"])
def test_what_cannot_be_written_is_said_once(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_files, "_PATIENCE", 0.05)
    file = tmp_path / "cache" / "timings.json"
    other = FileLock(tmp_path / "other.lock")
    if fault == "unwritable":
        (tmp_path / "cache").write_text("")
    else:
        _fill(file, "a folder" if fault == "a folder" else "[]")
    if fault == "locked":
        other = FileLock(file.with_suffix(".lock"))
    elif fault == "lock is a link":
        file.with_suffix(".lock").symlink_to(tmp_path / "loop")
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with other:
        for _ in range(3):
            update_json(file, lambda _: [1])
    assert [message for message in caplog.messages if str(file) in message] == caplog.messages
    assert len(caplog.messages) == 1


def test_what_two_write_at_once_is_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: update_json(file, lambda known: sorted([*(known or []), n])), range(40)))
    assert read_json(file) == list(range(40))


def test_hashes_of_two_processes_are_both_kept(tmp_path: Path) -> None:
    first, second = HashCache(tmp_path / "hashes.json"), HashCache(tmp_path / "hashes.json")
    for cache, name in ((first, "a"), (second, "b")):
        (tmp_path / name).write_text(name)
        cache.sha256(tmp_path / name)
        cache.save()
    assert set(json.loads((tmp_path / "hashes.json").read_text())) == {str(tmp_path / "a"), str(tmp_path / "b")}
