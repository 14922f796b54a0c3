"""Releasing a workflow: the version that its changes ask for, and a file of that version which never changes again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputInvalid, NodeMissing, WorkflowInvalid
from ...paths import atomic_write
from ..canvas.definitions import ObjectInfo
from ..canvas.opener import open_graph
from ..check import check
from ..contract import read_block
from ..versions import SUFFIX, Version, read_version, release_folder, releases, resolve, version_text
from ..workflow import Workflow
from .checksums import digest_of, read_sums, violations, write_sums
from .diff import LEVELS, Diff, Level, diff

FIRST: Version = (1, 0, 0)
NONE: Level = "none"


@dataclass(frozen=True, slots=True)
class Release:
    """What was released.

    Attributes:
        name, version: of the workflow.
        before: the newest version until now; empty for the first one.
        level: what the version was raised by; ``none`` for the first one, and where one that was cut short is finished.
        changes: since the version before.
        path: the released file.
    """

    name: str
    version: str
    before: str
    level: Level
    changes: Diff
    path: Path

    def as_dict(self) -> dict[str, Any]:
        """Give the release as ``packshot workflow bump --json`` prints it."""
        answer = {"name": self.name, "version": self.version, "before": self.before or None, "file": str(self.path)}
        return {**answer, **self.changes.as_dict(), "level": self.level}


def bump_workflow(reference: str | Path, level: Level | None = None, info: ObjectInfo | None = None) -> Release:
    """Release a workflow as it now is in its library: freeze it under the next version, and give the file that version.

    The released file comes first, so that one that was cut short is finished by the next call.

    Args:
        reference: a name of the library that ships, or the path of ``<name>.app.json`` in the folder of another one.
        level: raise the version by more than the changes ask for; where only the layout changed, by so much.
        info: node definitions, with which it shows when an input takes less than before.

    Raises:
        WorkflowInvalid: it has no name, or the file another; it has problems; a released file was changed; nothing is
            to be released.
        InputInvalid: the level asked for is below what the changes ask for.
        OutputUnwritable: the folder or the disk refuses; no release is left behind.
    """
    path = resolve(reference)
    workflow = Workflow.load(path)
    name = _name(workflow, path)
    folder = release_folder(name, path.parent)
    known = dict(releases(name, path.parent))
    newest = max(known, default=None)
    _refuse_changed(folder, newest)
    if newest is None:
        changes, raised, version = Diff("none", ()), NONE, FIRST
    else:
        released = Workflow.load(known[newest])
        changes = diff(released, workflow, info)
        raised = _level(changes.level, level, _unversioned(released.data) == _unversioned(workflow.data), path)
        version = next_version(newest, raised)
    _refuse_problems(Workflow(_versioned(workflow.data, version_text(version)), workflow.place), info)
    target = folder / f"{version_text(version)}{SUFFIX}"
    content = file_text(_versioned(workflow.data, version_text(version)))
    if version != newest:
        _freeze(target, content)
    elif workflow.version == version_text(version):
        raise WorkflowInvalid(
            f"nothing has changed since {name}@{workflow.version}",
            place=str(path),
            remedy="there is nothing to release; edit the workflow on the canvas and save it here",
        )
    _write(path, content)
    before = version_text(newest) if newest else ""
    return Release(name, version_text(version), before, raised, changes, target)


def _refuse_problems(workflow: Workflow, info: ObjectInfo | None) -> None:
    """Freeze nothing that `check` refuses; without node definitions, nothing whose subgraphs never end.

    Raises:
        WorkflowInvalid: there is a problem.
    """
    if info is None:
        with contextlib.suppress(NodeMissing):
            open_graph(workflow.graph, {}, workflow.place)
        return
    for problem in check(workflow, info):
        where = " ".join(filter(None, (f"node {problem.node}" if problem.node else "", problem.title, problem.input)))
        raise WorkflowInvalid(
            f"it is not released with a problem: {problem.message}",
            place=", ".join(filter(None, (workflow.place, where))),
            remedy=problem.remedy,
        )


def file_text(data: Mapping[str, Any]) -> bytes:
    """A workflow as the content of a file, with a line for each value, which version control compares."""
    try:
        return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # JSON can escape halves of characters, which UTF-8 cannot encode
        return (json.dumps(data, indent=2) + "\n").encode()


def _name(workflow: Workflow, path: Path) -> str:
    name = (read_block(workflow.data) or {}).get("name")
    if not isinstance(name, str) or not name:
        raise WorkflowInvalid(
            "it has no name in extra.packshot, and so cannot be released", place=str(path), remedy="give it one"
        )
    if path.name != f"{name}{SUFFIX}":
        raise WorkflowInvalid(
            f"the workflow '{name}' is released from {name}{SUFFIX}, and this is {path.name}",
            place=str(path),
            remedy=f"save it as {name}{SUFFIX} in the folder of the library, or give it another name",
        )
    return name


def _level(needed: Level, asked: Level | None, same: bool, path: Path) -> Level:
    """What to raise the version by.

    Args:
        same: whether the files are the same in every way but their versions.
    """
    if needed == NONE and (same or asked is None):
        if not same:
            raise WorkflowInvalid(
                "nothing but the layout has changed since the last release",
                place=str(path),
                remedy="release it all the same with --level patch",
            )
        return NONE
    if asked is None:
        return needed
    if LEVELS.index(asked) < LEVELS.index(needed):
        raise InputInvalid(
            f"the changes ask for a {needed} version, and {asked} is less",
            place="--level",
            remedy="see them with `packshot workflow diff`; callers rely on the number",
        )
    return asked


def next_version(version: Version, level: Level) -> Version:
    """The version after one, when it is raised by a level."""
    major, minor, patch = version
    return {
        "none": version,
        "patch": (major, minor, patch + 1),
        "minor": (major, minor + 1, 0),
        "major": (major + 1, 0, 0),
    }[level]


def _versioned(data: Mapping[str, Any], version: str) -> dict[str, Any]:
    return {**data, "extra": {**data["extra"], "packshot": {**data["extra"]["packshot"], "version": version}}}


def _unversioned(data: Mapping[str, Any]) -> dict[str, Any]:
    return _versioned(data, "")


def _refuse_changed(folder: Path, newest: Version | None) -> None:
    """Refuse where a release is not what it was. What is listed beyond the newest one was cut short and never was."""
    for path, wrong in violations(folder):
        version = read_version(path.name.removesuffix(SUFFIX))
        if version is None or (newest is not None and version <= newest):
            raise WorkflowInvalid(wrong, place=str(path), remedy="put it back as it was, from a copy or from git")


def _freeze(target: Path, content: bytes) -> None:
    """Add a release and its line in the sums: the line first, so that no released file is ever without one."""
    sums = {name: digest for name, digest in read_sums(target.parent).items() if (target.parent / name).is_file()}
    write_sums(target.parent, {**sums, target.name: digest_of(content)})
    try:
        _write(target, content)
    except BaseException:
        write_sums(target.parent, sums)
        raise


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)
