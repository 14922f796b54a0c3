"""Sizes as people read them."""

from __future__ import annotations


def gib(size: float) -> str:
    """Bytes of memory: ``1.50 GiB``, and below a quarter of one ``12.3 MiB``."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.1f} MiB"
