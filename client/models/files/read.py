"""Reads the header of a file of weights, whatever its format; what is none is refused by its first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from ...errors import ModelCorrupt, ModelMissing
from . import gguf_header, safetensors_header
from .header import Header, corrupt


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
        start = file.read(16)
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
    if start.startswith(b"version https://"):
        corrupt(path, "is a Git LFS pointer and not the file itself", remedy="run `git lfs pull` where it came from")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        corrupt(
            path,
            "is a web page, saved in place of the model",
            remedy="accept the licence where the model is published, log in, and fetch it again",
        )
