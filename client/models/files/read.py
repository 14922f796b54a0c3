"""Reads the header of a file of weights, whatever its format; what is none is refused by its first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from ...errors import ModelCorrupt, ModelMissing
from . import gguf_header, safetensors_header
from .header import Header, corrupt, printable

_LOOKED_AT = 512  # bytes in which files that are no weights show what they are
_SHORTEST_TEXT = 8  # characters: less is no file of weights whatever it says
_REFETCH = "accept the licence where the model is published, log in, and fetch it again"
# What other files begin with, and what they are.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF-", "a PDF document"),
)


def read_header(path: str | Path) -> Header:
    """Read the header of a safetensors or GGUF file.

    Raises:
        ModelMissing: there is no such file.
        ModelCorrupt: it is no regular file, no file of weights, a pickle, or its header contradicts itself or the
            size of the file.
    """
    path = Path(path)
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(_LOOKED_AT)
        _refuse_what_is_not_weights(path, start)
        file.seek(0)
        read = gguf_header.read if start.startswith(b"GGUF") else safetensors_header.read
        try:
            return read(file, path, size)
        except OSError as error:  # a disk or a network share that fails in the middle
            raise _unreadable(path, error) from error


def _open(path: Path) -> IO[bytes]:
    """Open a regular file; a pipe or a device, which could block for ever, is refused and never opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "no regular file"
            corrupt(path, f"is {what}", remedy="name a .safetensors or .gguf file")
        # Between the look and the opening it may have become a pipe: do not wait for its other end.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return open(os.open(path, flags), "rb", buffering=0)  # noqa: PTH123
    except FileNotFoundError as error:
        raise ModelMissing("there is no such file", place=str(path), remedy="check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelCorrupt:
    said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return ModelCorrupt(f"cannot be read: {said}", place=str(path), remedy="check its permissions and the disk")


def _refuse_what_is_not_weights(path: Path, start: bytes) -> None:
    if not start:
        corrupt(path, "is empty")
    # torch.save writes a ZIP archive, and before PyTorch 1.6 a bare pickle: protocol 2 with a long integer first. A
    # safetensors file may begin with the same two bytes (a header of 640), but has zeros and a brace after them.
    if start.startswith((b"PK\x03\x04", b"\x80\x02")) and start[4:9] != b"\0\0\0\0{":
        corrupt(
            path,
            "is a pickle (.ckpt, .pt, .pth, .bin): to read one is to run what it holds, so it is not read",
            remedy="get the model as .safetensors, or convert the file on a machine that may run it",
        )
    for magic, kind in _STARTS:
        if start.startswith(magic):
            corrupt(path, f"is {kind}", remedy="name the .safetensors or .gguf file, or unpack the archive first")
    if len(start) == _LOOKED_AT and not start.strip(b"\0"):
        corrupt(path, "begins with zeros: a download that was set up and not finished", remedy="fetch it again")
    _refuse_text(path, start)


def _refuse_text(path: Path, start: bytes) -> None:
    """Refuse what a server or git wrote in place of the model, by what it says."""
    text = _text(start)
    if text is None:
        return
    lower = text.lower()
    if lower.startswith(("version https://git-lfs", "version https://hawser")):
        corrupt(path, "is a Git LFS pointer and not the file itself", remedy="run `git lfs pull` where it came from")
    if lower.startswith(("/annex/objects/", "../.git/annex/")):
        corrupt(path, "is a git-annex pointer and not the file itself", remedy="run `git annex get` where it came from")
    if lower.startswith("<"):
        what = "a web page" if "<html" in lower or "<!doctype html" in lower else "a web page or an answer in XML"
        corrupt(path, f"is {what}, saved in place of the model", remedy=_REFETCH)
    if '"weight_map"' in lower:
        remedy = "name the .safetensors files that it lists"
        corrupt(path, "is the index (JSON) of a model in several files, and holds no weights", remedy=remedy)
    if lower.startswith(("{", "[")):
        corrupt(path, f"is an answer in JSON, saved in place of the model: {printable(text)}", remedy=_REFETCH)
    corrupt(path, f"is text, and no file of weights: {printable(text)}", remedy=_REFETCH)


def _text(start: bytes) -> str | None:
    """The first bytes as text; None if they are none, as of every file of weights: its length has zeros in it."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = start[: len(start) // 2 * 2].decode("utf-16", "replace")
    else:
        text = start.decode("utf-8-sig", "replace").rstrip("\ufffd")  # the last character may be cut
    text = " ".join(text.split())
    return text if len(text) >= _SHORTEST_TEXT and text.isprintable() and "\ufffd" not in text else None
