"""`packshot models licence`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from support.profiles import SHOP


def ask(*arguments: object, code: int = 0) -> Any:
    command = [sys.executable, "-m", "packshot", "models", "licence", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def test_the_command_answers_for_cards_workflows_and_files(own_settings: Path) -> None:
    assert ask("starter")["decision"] == "allow"
    answer = ask("product-shot@1.0.0")
    assert answer["decision"] == "allow"
    assert len(answer["components"]) == 3
    assert ask("flux2-dev", code=2)["reasons"][0]["clause_id"] == "non-commercial"
    assert ask("starter", "4x-UltraSharp.pth", code=2)["decision"] == "refuse"
    file = own_settings / "other.yaml"
    file.write_text(yaml.safe_dump({**SHOP, "purpose": "evaluation"}))
    assert ask("flux2-dev", "--profile", file)["decision"] == "duties"
    assert "did you mean 'flux2-dev'?" in ask("flux2-def", code=2)["error"]["remedy"]
