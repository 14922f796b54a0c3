"""Where a trained LoRA is written: never over a file that is finished, whose SHA-256 may be approved in a brand kit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ...errors import PackshotError
from ...models.files.read import read_header


def numbered(path: Path) -> Iterator[Path]:
    """Yield a file's name and those that follow: ``kiln``, ``kiln-2``, ``kiln-3`` and so on, with its suffix."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def planned_steps(path: Path) -> int | None:
    """Read for how many steps a finished LoRA of ours was trained; None: it is not finished, or not ours."""
    done, planned = _steps(path)
    return planned if done == planned else None


def is_replaceable(path: Path) -> bool:
    """Say whether a training may write at ``path``: nothing is there, or a LoRA of ours that lacks its last steps."""
    if not (path.exists() or path.is_symlink()):
        return True
    done, planned = _steps(path)
    return done is not None and planned is not None and done < planned


def _steps(path: Path) -> tuple[int | None, int | None]:
    """Steps done and steps planned, by a file's metadata; None: it says nothing, or another program wrote it."""
    try:
        metadata = read_header(path).metadata
        if "packshot.version" not in metadata:
            return None, None
        return int(metadata["ss_steps"]), int(metadata["ss_max_train_steps"])
    except (PackshotError, KeyError, ValueError):
        return None, None
