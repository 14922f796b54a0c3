"""A catalogue on a host that gives something else than was asked for: its rows fail, and say why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile.hosts import MODES, WORKFLOW, serve


@pytest.mark.parametrize(
    ("name", "says"), [("picture-is-html", "a web page"), ("record-of-other-work", "other work"), ("honest", "")]
)
def test_a_row_is_done_only_with_the_picture_that_was_asked_for(name: str, says: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("sku,title,color\nMUG,a mug,7\n")
    (mode,) = (mode for mode in MODES if mode.name == name)
    line = [sys.executable, "-m", "packshot", "catalog", "run", str(table), "--workflow", str(WORKFLOW), "--json"]
    with serve(mode) as url:
        line += ["--host", url, "--out", str(tmp_path / "run")]
        run = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    counts = json.loads(run.stdout)
    assert (counts["done"], counts["failed"]) == ((0, 1) if says else (1, 0))
    assert ("[output-damaged]" in run.stderr) == bool(says)
    assert says in run.stderr
    assert not [
        path for path in tmp_path.rglob("*") if path.name.endswith((".part", ".html")) and path.name != "index.html"
    ]
