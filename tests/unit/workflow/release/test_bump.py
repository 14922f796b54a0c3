"""A release is made whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packshot.errors import InputInvalid, OutputUnwritable, WorkflowInvalid
from packshot.workflow.release.bump import bump_workflow, file_text
from packshot.workflow.release.checksums import read_sums, violations
from packshot.workflow.versions import read_version, releases
from packshot.workflow.workflow import Workflow
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

DRAFT: dict[str, Any] = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "pos": [0, 0], "widgets_values": [64, 64, 1, 0]},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "extra": {
        "packshot": {
            "name": "plain",
            "inputs": {"width": {"node": 1, "widget": "width"}},
            "outputs": {"image": {"node": 2}},
        }
    },
}


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A library of one workflow that was never released."""
    path = tmp_path / "plain.app.json"
    path.write_text(json.dumps(DRAFT))
    return path


def edit(path: Path, **block: Any) -> None:
    data = json.loads(path.read_text())
    data["extra"]["packshot"].update(block)
    path.write_text(json.dumps(data))


def set_value(path: Path, value: int) -> None:
    data = json.loads(path.read_text())
    data["nodes"][0]["widgets_values"][3] = value
    path.write_text(json.dumps(data))


def versions_of(path: Path) -> list[tuple[int, int, int]]:
    return sorted(version for version, _ in releases("plain", path.parent))


# -- releasing ---------------------------------------------------------------------------------------------------------


def test_the_first_release_is_1_0_0_and_freezes_the_file(draft: Path) -> None:
    made = bump_workflow(draft)
    assert (made.name, made.version, made.before, made.level) == ("plain", "1.0.0", "", "none")
    assert made.path == draft.parent / "releases" / "plain" / "1.0.0.app.json"
    assert made.path.read_bytes() == draft.read_bytes()
    assert Workflow.load(draft).version == "1.0.0"
    assert list(violations(made.path.parent)) == []


def test_the_changes_decide_the_number(draft: Path) -> None:
    bump_workflow(draft)
    set_value(draft, 5)
    assert bump_workflow(draft).version == "1.0.1"
    edit(draft, inputs={"width": {"node": 1, "widget": "width"}, "colour": {"node": 1, "widget": "color"}})
    made = bump_workflow(draft)
    assert (made.version, made.before, made.level) == ("1.1.0", "1.0.1", "minor")
    edit(draft, inputs={"colour": {"node": 1, "widget": "color"}})
    assert bump_workflow(draft).version == "2.0.0"
    assert versions_of(draft) == [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    assert list(violations(made.path.parent)) == []
    assert draft.read_bytes() == (made.path.parent / "2.0.0.app.json").read_bytes()


def test_more_may_be_asked_for_and_less_is_refused(draft: Path) -> None:
    bump_workflow(draft)
    set_value(draft, 5)
    assert bump_workflow(draft, "minor").version == "1.1.0"
    edit(draft, inputs={})
    before = draft.read_bytes()
    with pytest.raises(InputInvalid, match="ask for a major version"):
        bump_workflow(draft, "minor")
    assert draft.read_bytes() == before
    assert versions_of(draft) == [(1, 0, 0), (1, 1, 0)]


def test_nothing_to_release_is_refused(draft: Path) -> None:
    bump_workflow(draft)
    with pytest.raises(WorkflowInvalid, match=r"nothing has changed since plain@1\.0\.0"):
        bump_workflow(draft)
    with pytest.raises(WorkflowInvalid, match="nothing has changed"):
        bump_workflow(draft, "major")


def test_layout_alone_is_released_only_when_asked_for(draft: Path) -> None:
    bump_workflow(draft)
    data = json.loads(draft.read_text())
    data["nodes"][0]["pos"] = [500, 500]
    draft.write_text(json.dumps(data))
    with pytest.raises(WorkflowInvalid, match="nothing but the layout"):
        bump_workflow(draft)
    assert json.loads(draft.read_text()) == data
    made = bump_workflow(draft, "patch")
    assert made.version == "1.0.1"
    assert json.loads(made.path.read_text())["nodes"][0]["pos"] == [500, 500]


def test_with_definitions_a_narrower_input_is_a_major_version(draft: Path) -> None:
    bump_workflow(draft)
    data = json.loads(draft.read_text())
    info = {**INFO, "Narrow": json.loads(json.dumps(INFO["EmptyImage"]))}
    info["Narrow"]["input"]["required"]["width"][1]["max"] = 100
    data["extra"] |= {"linearMode": True, "linearData": {"inputs": [[1, "width"]], "outputs": [2]}}
    data["nodes"][0]["type"] = "Narrow"
    draft.write_text(json.dumps(data))
    assert bump_workflow(draft, info=info).version == "2.0.0"


@pytest.mark.parametrize("definitions", [None, INFO])
def test_nothing_is_released_that_check_refuses(draft: Path, definitions: Any) -> None:
    data = json.loads(draft.read_text())
    inner = {"id": "a", "name": "a", "inputs": [], "outputs": [], "nodes": [{"id": 1, "type": "a"}], "links": []}
    data["definitions"] = {"subgraphs": [inner]}
    data["nodes"].append({"id": 3, "type": "a"})
    draft.write_text(json.dumps(data))
    before = draft.read_bytes()
    with pytest.raises(WorkflowInvalid):
        bump_workflow(draft, info=definitions)
    assert draft.read_bytes() == before
    assert not (draft.parent / "releases").exists()


@pytest.mark.parametrize(
    ("block", "said"),
    [({"name": None}, "no name"), ({"name": "other"}, "released from other"), ({"name": "../plain"}, "released from")],
)
def test_a_file_without_its_name_is_refused(draft: Path, block: dict[str, Any], said: str) -> None:
    edit(draft, **block)
    with pytest.raises(WorkflowInvalid, match=said):
        bump_workflow(draft)
    assert not (draft.parent / "releases").exists()


def test_a_file_without_a_block_is_refused(draft: Path) -> None:
    draft.write_text(json.dumps({**DRAFT, "extra": {}}))
    with pytest.raises(WorkflowInvalid, match="no name"):
        bump_workflow(draft)


def test_nothing_is_released_on_top_of_a_changed_release(draft: Path) -> None:
    made = bump_workflow(draft)
    set_value(draft, 9)
    made.path.write_bytes(made.path.read_bytes() + b" ")
    with pytest.raises(WorkflowInvalid, match="has changed since") as caught:
        bump_workflow(draft)
    assert caught.value.place == str(made.path)
    made.path.unlink()
    (made.path.parent / "0.9.0.app.json").write_bytes(file_text(DRAFT))
    with pytest.raises(WorkflowInvalid, match="does not list"):
        bump_workflow(draft)


@pytest.mark.parametrize("change", ["changed", "unlisted", "gone"])
def test_a_release_that_changes_is_found(draft: Path, change: str) -> None:
    made = bump_workflow(draft)
    if change == "changed":
        made.path.write_bytes(made.path.read_bytes().replace(b"64", b"65"))
    elif change == "unlisted":
        (made.path.parent / "1.2.3.app.json").write_bytes(made.path.read_bytes())
    else:
        made.path.unlink()
    ((path, wrong),) = violations(made.path.parent)
    assert {"changed": "changed", "unlisted": "does not list", "gone": "gone"}[change] in wrong
    assert path.suffix == ".json"


# -- cut short ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """As on a full disk, files of more than 400 bytes cannot be written: the sums can, a workflow cannot.

    Within the block alone: where the tests' own output goes to a file, that must not meet the limit.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_refuses_leaves_no_release_behind(draft: Path) -> None:
    before = draft.read_bytes()
    with small_files(), pytest.raises(OutputUnwritable):
        bump_workflow(draft)
    assert draft.read_bytes() == before
    folder = draft.parent / "releases" / "plain"
    assert read_sums(folder) == {}
    assert list(violations(folder)) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from packshot.workflow.release.bump import bump_workflow
seen = 0
def stop(event, arguments):
    global seen
    if event == "os.rename":
        seen += 1
        if seen == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(stop)
bump_workflow(Path(sys.argv[1]))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_release_that_is_killed_is_finished_by_the_next_call(draft: Path, step: int) -> None:
    """Each file takes its place by one rename: killed before the first, the second and the third of them."""
    bump_workflow(draft)
    set_value(draft, 5)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(draft), str(step)], check=False)
    assert ended.returncode == -signal.SIGKILL
    for version, path in releases("plain", draft.parent):
        assert read_version(Workflow.load(path).version) == version, "half a release"
    assert bump_workflow(draft).version == "1.0.1"
    folder = draft.parent / "releases" / "plain"
    assert list(violations(folder)) == []
    assert draft.read_bytes() == (folder / "1.0.1.app.json").read_bytes()
    with pytest.raises(WorkflowInvalid, match="nothing has changed"):
        bump_workflow(draft)


def test_a_text_that_utf_8_cannot_hold_is_written_all_the_same(draft: Path) -> None:
    edit(draft, summary="half a character: \ud83d")
    made = bump_workflow(draft)
    assert Workflow.load(made.path).summary == "half a character: \ud83d"
