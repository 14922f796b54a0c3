"""Scripts of ``support/inside``, which the host's own Python runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from packshot.host.install import Installation
from support.places import INSIDE


def inside(installation: Installation, script: str, what: str, *files: Path) -> Any:
    """Ask a script ``what``, and return the JSON on the last line of its answer."""
    command = [str(installation.python), str(INSIDE / script), what, str(installation.comfyui), *map(str, files)]
    # glibc gives back what is freed, so that an address space can be limited to what a decode takes.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=1200, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
