"""Which folders on this machine hold catalogue runs, so that the canvas can show them.

A run writes its folder down when it begins. A page names a run by an id made of its folder: no page ever names a path.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..paths import cache_dir
from ..side_files import read_json, update_json
from .ledger.database import FILE_NAME

_MOST = 100  # folders kept, the newest first


def _list() -> Path:
    return cache_dir() / "runs.json"


def known_runs() -> dict[str, Path]:
    """The folders of runs that are still there, by id, the newest first."""
    return _folders(read_json(_list()))


def _folders(content: Any) -> dict[str, Path]:
    folders = [Path(each) for each in content if isinstance(each, str)] if isinstance(content, list) else []
    return {run_id(folder): folder for folder in folders if (folder / FILE_NAME).is_file()}


def run_id(folder: Path) -> str:
    """The id of a run's folder: 16 hexadecimal digits."""
    return hashlib.sha256(str(folder.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]


def remember_run(folder: Path) -> None:
    """Write a run's folder down. Where the user's cache cannot be written, the canvas does not show the run."""
    newest = folder.absolute()

    def with_own(content: Any) -> list[str]:
        others = (path for path in _folders(content).values() if path != newest)
        return [str(path) for path in (newest, *others)][:_MOST]

    update_json(_list(), with_own)
