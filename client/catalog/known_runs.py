"""Which folders on this machine hold catalogue runs, so that the canvas can show them.

A run writes its folder down when it begins. A page names a run by an id made of its folder: no page ever names a path.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from filelock import FileLock

from ..errors import OutputUnwritable
from ..paths import cache_dir, write_text
from .ledger.database import FILE_NAME

_MOST = 100  # folders kept, the newest first


def _list() -> Path:
    return cache_dir() / "runs.json"


def known_runs() -> dict[str, Path]:
    """The folders of runs that are still there, by id, the newest first."""
    try:
        content = json.loads(_list().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    folders = [Path(each) for each in content if isinstance(each, str)] if isinstance(content, list) else []
    return {run_id(folder): folder for folder in folders if (folder / FILE_NAME).is_file()}


def run_id(folder: Path) -> str:
    """The id of a run's folder: 16 hexadecimal digits."""
    return hashlib.sha256(str(folder.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]


def remember_run(folder: Path) -> None:
    """Write a run's folder down. Where the user's cache cannot be written, the canvas does not show the run."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        with FileLock(_list().with_suffix(".lock")):
            folders = [folder.absolute(), *(each for each in known_runs().values() if each != folder.absolute())]
            write_text(_list(), json.dumps([str(each) for each in folders[:_MOST]], indent=1) + "\n")
    except (OSError, OutputUnwritable):
        return
