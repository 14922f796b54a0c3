"""Options that the benchmarks share. The standard library alone: some of them run in ComfyUI's own Python."""

from __future__ import annotations

import argparse


def add_smoke(parser: argparse.ArgumentParser) -> None:
    """Add ``--smoke``, by which every benchmark shows in seconds that it still works."""
    parser.add_argument("--smoke", action="store_true", help="one row of the smallest size: no figure to quote")


def add_host(parser: argparse.ArgumentParser) -> None:
    """Add ``--host``, for a benchmark that otherwise starts a ComfyUI of its own."""
    parser.add_argument("--host", metavar="URL", help="a running ComfyUI with Packshot; by default one is started")
