"""Released files never change: ``SHA256SUMS`` beside them says what they are, in the form that ``sha256sum`` checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ...paths import write_text
from ..versions import SUFFIX

SUMS = "SHA256SUMS"


def read_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each released file by its name; empty where nothing was released yet."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def write_sums(folder: Path, sums: dict[str, str]) -> None:
    """Write ``SHA256SUMS``, sorted by name."""
    write_text(folder / SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def digest_of(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_released(path: Path) -> bool:
    """Whether a file is a release, which never changes."""
    return path.name in read_sums(path.parent)


def violations(folder: Path) -> Iterator[tuple[Path, str]]:
    """Released files that are not what ``SHA256SUMS`` says, each with what is wrong."""
    sums = read_sums(folder)
    present = {path.name: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    for name, path in present.items():
        if name not in sums:
            yield path, f"a released file that {SUMS} does not list"
        elif digest_of(path.read_bytes()) != sums[name]:
            yield path, "a released file that has changed since"
    for name in sorted(sums.keys() - present.keys()):
        yield folder / name, "a released file that is gone"
