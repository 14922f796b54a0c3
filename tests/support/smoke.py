"""Runs a benchmark in its smallest form, as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.places import ROOT

needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")),
    reason="no Chromium on this machine",
)


def smoke(script: str, *words: object, cwd: Path, python: Path | str = sys.executable, **variables: str) -> str:
    """Run ``bench/SCRIPT`` to its end; returns what it prints on standard output.

    Args:
        words: of its command line.
        cwd: where it runs, and writes what it writes by default.
        variables: of its environment.
    """
    command = [str(python), str(ROOT / "bench" / script), *map(str, words)]
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
