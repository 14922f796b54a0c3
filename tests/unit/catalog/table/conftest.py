"""Tables written to files, for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.catalog.table.read import read_table


@pytest.fixture
def read(tmp_path: Path):
    def write(content: str):
        path = tmp_path / "table.txt"
        path.write_text(content, "utf-8")
        return read_table(path)

    return write


@pytest.fixture
def table(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "products.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
