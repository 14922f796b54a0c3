"""Runs remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.catalog.known_runs import known_runs, remember_run, run_id


def test_runs_are_remembered_newest_first_and_forgotten_when_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert known_runs() == {}
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        (folder / "ledger.sqlite").touch()
        remember_run(folder)
    assert list(known_runs()) == [run_id(folders[1]), run_id(folders[0])]
    remember_run(folders[0])
    assert list(known_runs().values()) == folders
    (folders[0] / "ledger.sqlite").unlink()
    assert list(known_runs().values()) == folders[1:]


@pytest.mark.parametrize("content", ["", "{", "3", '{"a": 1}', "[1, null, {}]", "\x00"])
def test_a_damaged_list_of_runs_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "cache" / "packshot" / "runs.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert known_runs() == {}
    (tmp_path / "ledger.sqlite").touch()
    remember_run(tmp_path)
    assert list(known_runs().values()) == [tmp_path]
