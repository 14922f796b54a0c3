"""A library of the user's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from packshot.paths import shipped


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The user's own copy of the library; returns the newest release of ``product-shot`` in it, with no lock."""
    folder = tmp_path / "library"
    shutil.copytree(shipped("workflows"), folder)
    for lock in folder.rglob("*.lock.json"):
        lock.unlink()
    return folder / "releases" / "product-shot" / "1.2.0.app.json"
