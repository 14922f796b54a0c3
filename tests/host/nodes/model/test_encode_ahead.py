"""Conditioning that is kept on disk is core's own to the last bit, and nothing is kept of which that is not sure."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from packshot.host.install import Installation
from support.places import INSIDE

SCRIPT = INSIDE / "conditioning.py"


def test_what_is_kept_is_what_core_computes(installation: Installation, models: Path, tmp_path: Path) -> None:
    encoder = models / "text_encoders" / "starter-clip-l.safetensors"
    command = [str(installation.python), str(SCRIPT), str(installation.comfyui), str(encoder)]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=550, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said.pop("files") == 1
    assert [name for name, holds in said.items() if not holds] == []
