"""Where tools may write a LoRA: never over the file that they read unless told, and never over an approved one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import BrandInvalid, InputInvalid
from ...hashes import HashCache
from ..kit import FILE_NAME, BrandKit, kits


def output_of(source: Path, out: Path | None, *, in_place: bool) -> Path:
    """Choose the file to write for one that is read.

    Raises:
        InputInvalid: no other file is named, and it may not be changed; or it is a kit's approved file.
    """
    if out is None and not in_place:
        raise InputInvalid(
            "no file to write is named, and the LoRA itself is not changed unasked", place=str(source),
            remedy="name the new file with --out, or say --in-place",
        )  # fmt: skip
    chosen = out or source
    enforce_output(chosen, [] if in_place else [source])
    return chosen


def enforce_output(out: Path, sources: Sequence[Path]) -> None:
    """Refuse a file that tools must not write.

    Args:
        sources: files that are read, and must stay as they are.

    Raises:
        InputInvalid: it is one of the sources, or a brand kit's approved file.
    """
    if not out.exists():
        return
    if any(source.exists() and out.samefile(source) for source in sources):
        raise InputInvalid(
            "is the file that is read, which stays as it is", place=str(out), remedy="name another file to write"
        )
    approving = _approving_kit(out)
    if approving is not None:
        raise InputInvalid(
            f"is the file that the brand kit {approving.name} has approved: once its bytes change the kit refuses it",
            place=str(out),
            remedy="write a new file, and have it approved",
        )


def _approving_kit(file: Path) -> BrandKit | None:
    """The kit that names the file by its SHA-256; kits are looked for in the settings, the examples and around it."""
    candidates = [kit for kit in _kits_around(file) if kit.loras]
    if not candidates:
        return None
    cache = HashCache()
    digest = cache.sha256(file)
    cache.save()
    return next((kit for kit in candidates if any(lora.sha256 == digest for lora in kit.loras)), None)


def _kits_around(file: Path) -> Iterator[BrandKit]:
    nearby = [folder for folder in list(file.resolve().parents)[:3] if (folder / FILE_NAME).is_file()]
    for folder in (*nearby, *kits().values()):
        with contextlib.suppress(BrandInvalid):  # one that is not valid approves nothing
            yield BrandKit.load(folder)
