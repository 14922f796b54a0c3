"""Tables from somebody who means harm: what their rows may read, and what their files may cost."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import openpyxl
import pytest
from hostile.tables import probes

from packshot.catalog.table import binary_rows, json_rows, read, rows
from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid


def test_sixty_addresses_are_refused_or_read_as_their_owner_wrote(tmp_path: Path) -> None:
    addresses = list(itertools.takewhile(lambda probe: not probe.name.startswith("photograph"), probes(tmp_path)))
    assert len(addresses) > 90
    assert not [probe for probe in addresses if not probe.held]


@pytest.mark.parametrize(
    ("module", "limit", "name", "content"),
    [
        (rows, "MOST_ROWS", "rows.csv", b"sku,title\n" + b",\n" * 200),
        (rows, "_MOST_MEMORY", "texts.csv", b"sku,title\n" + b"A,Mug\n" * 200),
        (json_rows, "_MOST_MEMORY", "lists.json", b'[{"sku":"A","title":"Mug","x":[' + b"[]," * 200 + b"1]}]"),
    ],
)
def test_a_table_with_more_than_it_may_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    monkeypatch.setattr(module, limit, 100)
    with pytest.raises(CatalogInvalid, match="more "):
        read_table(path)


def write_workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["sku", "title"])
    book.active.append(["A", "Mug"])
    book.save(path)
    return path


@pytest.mark.parametrize(("limit", "most"), [("memory", 1 << 20), ("output", 10), ("cells", 3), ("rows", 1)])
def test_the_process_that_reads_a_workbook_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    path = write_workbook(tmp_path / "table.xlsx")
    assert len(read_table(path).products) == 1
    monkeypatch.setitem(binary_rows._LIMITS, limit, most)
    with pytest.raises(CatalogInvalid, match="more than a table may have"):
        read_table(path)


def test_a_workbook_that_takes_for_ever_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_workbook(tmp_path / "table.xlsx")
    monkeypatch.setattr(binary_rows, "_PATIENCE", 0.0001)
    with pytest.raises(CatalogInvalid, match="takes too long"):
        read_table(path)


def test_a_workbook_is_read_in_a_thread_and_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_workbook(tmp_path / "table.xlsx")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the current folder')")
    tables: list[read.Table] = []
    thread = threading.Thread(target=lambda: tables.append(read_table(path)))
    thread.start()
    thread.join()
    assert [product.title for product in tables[0].products] == ["Mug"]


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    command = [sys.executable, "-m", "packshot", "check", str(tmp_path / "pipe.png"), "--channel", "plain"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "not-a-file" in done.stdout + done.stderr
