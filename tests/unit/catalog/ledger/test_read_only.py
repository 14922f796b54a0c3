"""A finished run is read where nothing may be written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hostile.tampering import accept, finished_run

from packshot import CatalogRun
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger

COMMANDS = ("status", "audit", "hosts", "verify")


@pytest.fixture
def left_open(tmp_path: Path) -> Path:
    """A run whose last rows are in the log beside the ledger alone, as after a kill."""
    run = finished_run(tmp_path / "run")
    with CatalogRun(run) as catalog:
        catalog.retry(["S1"])
        accept(catalog, "S1")
        catalog.report()
        shutil.copytree(run, tmp_path / "left")
    assert (tmp_path / "left" / f"{FILE_NAME}-wal").stat().st_size > 0
    return tmp_path / "left"


def read_only(folder: Path) -> Path:
    """Take all rights to write from a folder; for root too, who has them whatever a folder says."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def packshot(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody who may not write there."""
    command = [sys.executable, "-m", "packshot", "catalog", *words]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", *command]
    environment = {**os.environ, "HOME": "/nonexistent"}
    for name in ("CACHE", "CONFIG", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(folder.parent / "nobody")
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=environment)


def assert_readable(folder: Path, out: Path) -> None:
    before = sorted((path.name, path.stat().st_size) for path in folder.rglob("*"))
    for command in COMMANDS:
        answer = packshot(folder, command, str(folder), "--json")
        assert (answer.returncode, answer.stderr) == (0, ""), command
        assert json.loads(answer.stdout)
    out.mkdir()
    out.chmod(0o777)
    answer = packshot(folder, "report", str(folder), "--out", str(out), "--json")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"../{folder.name}/pictures/S1.png" in (out / "index.html").read_text()
    assert (out / "manifest.csv").read_text().count("\n") == 9
    assert sorted((path.name, path.stat().st_size) for path in folder.rglob("*")) == before


needs_other_user = pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and shutil.which("setpriv") is None), reason="needs setpriv"
)


@needs_other_user
def test_a_run_of_somebody_else(tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)
    assert_readable(read_only(finished_run(tmp_path / "run")), tmp_path / "out")


@needs_other_user
def test_a_run_that_was_killed(left_open: Path, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)
    assert_readable(read_only(left_open), tmp_path / "out")


def test_a_ledger_of_an_earlier_version_is_not_brought_up_to_date_on_disk(tmp_path: Path) -> None:
    finished_run(tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / FILE_NAME)) as db:
        newer = "DROP TABLE stamps; DROP TABLE private; ALTER TABLE items DROP COLUMN deaths;"
        db.executescript(f"{newer} ALTER TABLE attempts DROP COLUMN slug; PRAGMA user_version = 2")
    content = (tmp_path / "run" / FILE_NAME).read_bytes()
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        assert ledger.counts().done == 8
        assert ledger.all("SELECT * FROM stamps") == []
    assert (tmp_path / "run" / FILE_NAME).read_bytes() == content
