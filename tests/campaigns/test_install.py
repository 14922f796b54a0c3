"""An install that is killed again and again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

_KILLED_INSTALL = """
import os, signal, sys
from pathlib import Path
from packshot.host.install import install

def progress(line):
    print(line, flush=True)
    if line.startswith("installing torch"):
        os.kill(os.getpid(), signal.SIGKILL)

install(Path(sys.argv[1]), progress)
"""


def test_an_install_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    def run() -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", _KILLED_INSTALL, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert result.returncode == -signal.SIGKILL, result.stderr
        return [line for line in result.stdout.splitlines() if not line.startswith("Downloading")]

    assert [line.split()[0] for line in run()] == ["making", "fetching", "installing"]
    assert (tmp_path / "ComfyUI" / "main.py").is_file()
    assert [line.split()[0] for line in run()] == ["installing"]

    # Pins of another release: everything from the step that they belong to is done again.
    (tmp_path / "steps" / "source").write_text("another sha256")
    (tmp_path / "ComfyUI" / "main.py").write_text("an older main.py")
    assert [line.split()[0] for line in run()] == ["fetching", "installing"]
    assert (tmp_path / "ComfyUI" / "main.py").read_text() != "an older main.py"
