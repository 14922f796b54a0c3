"""`packshot plan`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packshot.models.memory.plan import STREAM


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from packshot.cli import main; main()", "plan", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_command_answers_in_json_and_in_words(tmp_path: Path) -> None:
    options = ("product-shot", "--vram", "12GiB", "--card", "flux2-dev", "--models", str(tmp_path))
    answer = json.loads(command(*options, "--json").stdout)
    assert set(answer) == {"fits", "phases", "peak_gib", "files", "advice"}
    assert [phase["phase"] for phase in answer["phases"]] == ["text encoder", "diffusion", "VAE decode"]
    assert answer["fits"] is True
    assert answer["phases"][1]["means"] == STREAM
    words = command(*options)
    assert "fits in 12.0 GiB" in words.stdout
    assert "estimates, not measurements" in words.stdout


def test_the_command_takes_the_files_of_a_released_workflow(tmp_path: Path) -> None:
    answer = json.loads(command("product-shot@1.0.0", "--vram", "2", "--models", str(tmp_path), "--json").stdout)
    assert answer["fits"] is True


def test_the_command_refuses_what_is_no_size() -> None:
    answer = command("product-shot", "--vram", "much", "--json")
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["error"]["slug"] == "input-invalid"
