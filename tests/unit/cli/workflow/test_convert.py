"""``packshot workflow convert``: files in, files out, a line for each that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.places import DATA

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))

INFO = DATA / "canvas_object_info.json"


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """A folder of workflows, two of them broken."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for name in ("bypass", "nested"):
        (folder / f"{name}.json").write_text(json.dumps(CASES[name]["workflow"]), encoding="utf-8")
    (folder / "cut.json").write_text('{"nodes": [', encoding="utf-8")
    nodes = [{"id": i, "type": f"Nowhere{i}", "title": "Soft"} for i in range(8)]
    (folder / "missing.json").write_text(json.dumps({"nodes": nodes, "links": []}), encoding="utf-8")
    return folder


def convert(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packshot", "workflow", "convert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_each_file_becomes_one_of_the_same_name(flows: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "api"
    done = convert(flows / "bypass.json", flows / "nested.json", "--object-info", INFO, "--out-dir", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in out.iterdir()) == ["bypass.json", "nested.json"]
    for path in out.iterdir():
        assert json.loads(path.read_text(encoding="utf-8")) == CASES[path.stem]["submitted"]


def test_a_line_for_each_file_that_fails_and_the_others_are_converted(flows: Path, tmp_path: Path) -> None:
    files = sorted(flows.iterdir())
    done = convert(*files, flows / "gone.json", "--object-info", INFO, "--out-dir", tmp_path / "api", "--json")
    assert done.returncode == 3
    assert sorted(path.name for path in (tmp_path / "api").iterdir()) == ["bypass.json", "nested.json"]
    lines = done.stderr.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(flows / f"{n}.json") for n in ("cut", "missing", "gone")]
    assert "[workflow-invalid] line 1, column 12: not JSON" in lines[0]
    missing = "[node-missing] \"Soft\" (Nowhere0, node 0): the host does not have the node type 'Nowhere0'; "
    assert missing in lines[1]
    assert "; and 3 more (install the node pack" in lines[1]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(answer["file"]).name for answer in answers] == [*(path.name for path in files), "gone.json"]
    assert [len(answer["problems"]) for answer in answers] == [0, 1, 8, 0, 1]
    assert [answer["out"] is None for answer in answers] == [False, True, True, False, True]
    assert answers[2]["problems"][7]["slug"] == "node-missing"
    assert answers[2]["problems"][7]["place"] == f'{files[2]}, "Soft" (Nowhere7, node 7)'


@pytest.mark.parametrize("content", ["", "[]", '{"KSampler": 5}', '{"error": "no such page"}'])
def test_node_definitions_that_are_none(flows: Path, tmp_path: Path, content: str) -> None:
    info = tmp_path / "object_info.json"
    info.write_text(content, encoding="utf-8")
    done = convert(flows / "bypass.json", "--object-info", info, "--out-dir", tmp_path / "api", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["slug"], error["place"]) == (2, "input-invalid", str(info))
    assert "/object_info" in error["remedy"]
    assert not (tmp_path / "api").exists()


def test_nothing_is_written_over(flows: Path) -> None:
    before = (flows / "bypass.json").read_bytes()
    done = convert(flows / "bypass.json", "--object-info", INFO, "--out-dir", flows)
    assert done.returncode == 2
    assert "would be written over" in done.stderr
    assert (flows / "bypass.json").read_bytes() == before


def test_two_files_of_one_name(flows: Path, tmp_path: Path) -> None:
    other = tmp_path / "bypass.json"
    other.write_bytes((flows / "bypass.json").read_bytes())
    done = convert(flows / "bypass.json", other, "--object-info", INFO, "--out-dir", tmp_path / "api")
    assert done.returncode == 2
    assert "2 files are called 'bypass.json'" in done.stderr
    assert not (tmp_path / "api").exists()


@pytest.mark.parametrize("arguments", [[], ["bypass.json"], ["--out-dir", "api"]])
def test_bad_usage(arguments: list[str]) -> None:
    assert convert(*arguments).returncode == 2
