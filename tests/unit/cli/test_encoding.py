"""A file's own words reach a terminal whatever they hold: what cannot be encoded is escaped, as JSON escapes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from support.places import DATA

HALF = "\ud83d"  # the first half of a character beyond the basic plane, which no encoding takes by itself


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", f"Glaze{HALF}ö"), ("ascii", "Glaze?ö")])  # by click
def test_half_a_character_in_a_workflow_is_no_traceback(tmp_path: Path, encoding: str, shown: str) -> None:
    file = tmp_path / "half.json"
    file.write_text(json.dumps({"nodes": [{"id": 1, "type": f"Glaze{HALF}ö"}], "links": [], "version": 0.4}))
    command = [sys.executable, "-m", "packshot", "workflow", "convert", file, "--json"]
    command += ["--object-info", DATA / "canvas_object_info.json", "--out-dir", tmp_path / "out"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    run = subprocess.run(list(map(str, command)), capture_output=True, check=False, timeout=60, env=environment)
    assert run.returncode == 3, run.stderr
    (problem,) = json.loads(run.stdout)["problems"]
    assert problem["slug"] == "node-missing"
    assert shown in problem["message"]
    assert b"Traceback" not in run.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp437", "shift_jis", "utf-8"])
def test_an_answer_is_json_in_any_encoding_of_the_stream(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "café ł 赤い 😀"
    folder.mkdir()
    Image.new("RGB", (160, 160)).save(folder / "a.png")
    command = [sys.executable, "-m", "packshot", "lora", "dataset", "check", str(folder), "--trigger", "kiln", "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    run = subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment)
    assert run.returncode == 3, run.stderr
    assert json.loads(run.stdout.decode(encoding))["folder"] == str(folder)
