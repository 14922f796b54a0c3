"""Whether a folder on this machine can take what a host is about to write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LEAST = 32 << 20  # bytes: a large PNG and its record


def disk_problem(folder: Path, least: int = LEAST) -> str:
    """Say why nothing can be written into a folder; empty where it can be, and where nothing can be known.

    Args:
        folder: where files are to go; one that is not there yet is made in the nearest folder above it.
        least: bytes that must be free.
    """
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not os.access(folder, os.W_OK):
            return f"its output folder cannot be written: {folder}"
        if shutil.disk_usage(folder).free < least:
            return f"the disk of its output folder is full: {folder}"
    except OSError:
        pass
    return ""
