"""Which file a workflow's name stands for: ``product-shot``, ``product-shot@1``, ``product-shot@1.0.0``, or a path.

A library is a folder: ``<name>.app.json`` is the newest release of each workflow, and ``releases/<name>/`` has all of
them, ``<version>.app.json``. The one that ships with Packshot is found by name; another by the paths of its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import WorkflowInvalid, nearest
from ..paths import shipped

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)
SUFFIX = ".app.json"

Version = tuple[int, int, int]


def library() -> dict[str, Path]:
    """The newest release of each workflow that ships with Packshot, by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(shipped("workflows").glob(f"*{SUFFIX}"))}


def release_folder(name: str, folder: Path | None = None) -> Path:
    """Where the releases of a workflow are kept.

    Args:
        folder: of the library; by default the one that ships with Packshot.
    """
    return (folder or shipped("workflows")) / "releases" / name


def releases(name: str, folder: Path | None = None) -> Iterator[tuple[Version, Path]]:
    """The released versions of a workflow, in no particular order; see :func:`release_folder`."""
    for path in release_folder(name, folder).glob(f"*{SUFFIX}"):
        version = read_version(path.name.removesuffix(SUFFIX))
        if version is not None:
            yield version, path


def read_version(text: str) -> Version | None:
    """A version of three numbers of up to nine digits, without leading zeros; None for any other text."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def version_text(version: Version) -> str:
    """``1.2.0``."""
    return ".".join(map(str, version))


def resolve(reference: str | Path) -> Path:
    """The file that a reference stands for.

    ``name`` and ``name@latest`` are the newest release; ``name@1`` and ``name@1.2`` the newest within them. What ends
    in ``.json`` or holds a path separator is a file of the user's own.

    Raises:
        WorkflowInvalid: no workflow of that name, or no such version of it.
    """
    text = str(reference)
    if isinstance(reference, Path) or text.endswith(".json") or "/" in text or "\\" in text:
        return Path(reference)
    name, _, wanted = text.partition("@")
    known = library()
    if name not in known:
        raise WorkflowInvalid(
            f"there is no workflow '{name}'",
            remedy=nearest(name, known) or "give the path of a workflow file saved from the canvas",
        )
    if wanted in ("", "latest"):
        return known[name]
    prefix = wanted.split(".")
    found = [(version, path) for version, path in releases(name) if list(map(str, version))[: len(prefix)] == prefix]
    if not found:
        released = ", ".join(version_text(version) for version, _ in sorted(releases(name)))
        raise WorkflowInvalid(f"{name} has no version '{wanted}'", remedy=f"released: {released or 'none yet'}")
    return max(found)[1]


def release_of(reference: str | Path) -> Path:
    """The released file that is the same as the one that a reference stands for, or that one where none is."""
    path = resolve(reference)
    name = path.name.removesuffix(SUFFIX)
    try:
        content = path.read_bytes()
        alike = [
            found for found in sorted(releases(name, path.parent), reverse=True) if found[1].read_bytes() == content
        ]
    except OSError:
        return path  # loading it says what is wrong
    return alike[0][1] if alike else path
