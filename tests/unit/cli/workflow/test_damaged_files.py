"""Damaged files of the library, through every command: done, or an error with a slug and a remedy, never a traceback.

``packshot`` turns a :class:`PackshotError` into its slug and exit code; any other exception would be a traceback.
"""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import PackshotError, WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.canvas.definitions import read_object_info
from packshot.workflow.release.checksums import violations
from packshot.workflow.release.lock import lock_path, read_lock
from packshot.workflow.release.migrate import migrate
from packshot.workflow.versions import library, release_folder
from support.places import DATA

DEFINITIONS = DATA / "canvas_object_info.json"

CASES: dict[str, dict[str, Any]] = json.loads((DATA / "canvas.json").read_text(encoding="utf-8"))

REPLACEMENTS: dict[str, Any] = json.loads((DATA / "node_replacements.json").read_text())

FILES: dict[str, dict[str, Any]] = {
    **{name: json.loads(path.read_text(encoding="utf-8")) for name, path in library().items()},
    **{f"case-{number}": case["workflow"] for number, case in enumerate(CASES.values())},
}

strange = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            -1,
            2**31,
            2**64,
            10**40,
            0.5,
            1e308,
            "",
            "1",
            "-10",
            "*",
            "Reroute",
            "workflow>x",
            "\ud83d",
            "\0",
        ),
        *(
            "a" * 300,
            "../x",
            "x.safetensors",
            "[bold]",
            "[/]",
            '"',
            "1.0.0",
            [],
            {},
            [[]],
            [1, 2, 3, 4, 5],
            {"name": 1},
        ),
    ]
)

garbage = st.sampled_from([b"9" * 5000, b"[", b'"', b"\\ud800", b"\0", b"\xff", b"NaN", b"1e999", b"{}"])


def damage(data: st.DataObject, part: Any) -> None:
    """Go down to some place in the file, and there replace, remove, repeat, swap or wrap something."""
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return
        key, other = data.draw(st.sampled_from(keys)), data.draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and part[key] and data.draw(st.integers(0, 5)):
            part = part[key]
            continue
        change = data.draw(st.sampled_from(["replace", "remove", "repeat", "swap", "wrap"]))
        if change == "replace":
            part[key] = copy.deepcopy(data.draw(strange))
        elif change == "remove":
            del part[key]
        elif change == "swap":
            part[key], part[other] = part[other], part[key]
        elif change == "wrap":
            part[key] = [part[key]]
        elif isinstance(part, list):
            part.append(copy.deepcopy(part[key]))
        return


def damaged(data: st.DataObject, workflow: dict[str, Any]) -> bytes:
    """The file after one to four changes; one in eight is damaged as bytes, too."""
    workflow = copy.deepcopy(workflow)
    for _ in range(data.draw(st.integers(1, 4))):
        damage(data, workflow)
    content = json.dumps(workflow).encode()
    if data.draw(st.integers(0, 7)) == 0:
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + data.draw(garbage) + content[at + data.draw(st.integers(0, 3)) :]
        content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    return content


def run(*arguments: object) -> str:
    """Run a command as ``packshot`` does; returns what it writes to standard output."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    error = done.exception
    assert error is None or isinstance(error, SystemExit | PackshotError), (arguments, error)
    if isinstance(error, PackshotError):
        assert error.slug != PackshotError.slug
        assert error.remedy, (arguments, error)
    else:
        assert done.exit_code in (0, 2, 3)
    return done.stdout


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
def test_every_command_answers_for_a_damaged_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    folder = tmp_path_factory.mktemp("library")
    path, whole = folder / f"{name}.app.json", folder / "whole.json"
    whole.write_text(json.dumps(FILES[name]))
    path.write_text(json.dumps(FILES[name]))
    run("workflow", "bump", path)  # its first release, where the file has a name
    content = damaged(data, FILES[name])
    path.write_bytes(content)
    out = ("--object-info", DEFINITIONS, "--out-dir", folder / "out")
    for line in run("workflow", "convert", path, *out, "--json").splitlines():
        json.loads(line)
    for made in (folder / "out").glob("*.json"):
        json.loads(made.read_bytes())
    for command in (["show", path, "--json"], ["show", path, "--schema", "openapi"], ["check", path, "--json"]):
        answer = run("workflow", *command, "--object-info", DEFINITIONS)
        assert not answer or json.loads(answer)
    run("workflow", "check", path, "--object-info", DEFINITIONS)
    answer = run("workflow", "diff", whole, path, "--json")
    assert not answer or json.loads(answer)["level"] in ("none", "patch", "minor", "major")
    run("workflow", "diff", path, whole)
    run("workflow", "bump", path)
    for release in folder.glob("releases/*/*.app.json"):
        Workflow.load(release)
        assert list(violations(release.parent)) == [], "half a release"
    try:
        flow = Workflow.load(path)
    except WorkflowInvalid:
        return
    migrated, _ = migrate(flow, REPLACEMENTS, read_object_info(DEFINITIONS))
    Workflow(json.loads(json.dumps(migrated)), "migrated")
    shutil.rmtree(folder)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_lock_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    release = release_folder("product-shot") / "1.1.0.app.json"
    path = tmp_path_factory.mktemp("lock") / release.name
    lock_path(path).write_bytes(damaged(data, json.loads(lock_path(release).read_bytes())))
    with contextlib.suppress(WorkflowInvalid):
        read_lock(path)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(sorted(CASES)))
def test_damaged_definitions_are_an_error_or_a_graph(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    folder = tmp_path_factory.mktemp("definitions")
    path, definitions = folder / "w.json", folder / "object_info.json"
    path.write_text(json.dumps(CASES[name]["workflow"]))
    definitions.write_bytes(damaged(data, json.loads(DEFINITIONS.read_bytes())))
    run("workflow", "convert", path, "--object-info", definitions, "--out-dir", folder / "out")
    run("workflow", "check", path, "--object-info", definitions)
