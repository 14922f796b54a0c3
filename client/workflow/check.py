"""All that is wrong with a workflow, found without running it: by its file and node definitions, live or saved."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import NodeMissing, PackshotError, WorkflowInvalid
from .app_mode import AppMode, read_app_mode
from .canvas.convert import ApiGraph, convert, where_from
from .canvas.definitions import DYNAMIC_COMBO, ObjectInfo
from .canvas.graph import Node
from .check_values import check_values
from .contract import find_field, read_block, read_input, read_names, read_requires
from .problems import Problem, as_problem, find_node, invalid, near, title_of
from .release.checksums import is_released, violations
from .versions import SUFFIX, read_version, release_folder, resolve
from .workflow import Workflow

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NEWEST_FORMAT = 1  # of the canvas's files: 0.4, and 1 with links as objects
_REBUILD = "rebuild the App on the canvas, and save again"
_AGREE = "name the same widgets in the same order in App Mode and in extra.packshot"


def check(workflow: Workflow, info: ObjectInfo) -> list[Problem]:
    """Everything that is wrong with a workflow; empty when a host with these definitions would run it.

    Args:
        info: the host's answer to ``/object_info``, live or saved.
    """
    found = list(_check_file(workflow))
    try:
        api = convert(workflow.graph, info, workflow.place)
    except WorkflowInvalid as error:
        return [*found, as_problem(error, workflow.place)]
    nodes = [_about_node(error, workflow, info) for error in api.problems]
    missing = {problem.node for problem in nodes if problem.slug == NodeMissing.slug}
    known = {(problem.node, problem.input) for problem in nodes}
    values = (each for each in check_values(workflow, api, info) if (each.node, each.input) not in known)
    out_of_place = {node for node, name in known if _is_dynamic(api, node, name)}
    return [
        *found,
        *nodes,
        *(each for each in values if each.node not in out_of_place),
        *_check_names(workflow, api, info, missing),
        *_check_app(workflow, api, missing),
    ]


def check_workflow(reference: str | Path, info: ObjectInfo) -> list[Problem]:
    """Find all that is wrong with a workflow, and whether the releases beside it are what they were.

    Args:
        reference: a name of the library, with or without ``@version``, or the path of a file.
        info: node definitions: a client's ``object_info``, or the host's answer to ``/object_info`` as it was saved.

    Returns:
        The problems; none when a host with these definitions would run it. A file that cannot be read is one problem.
    """
    try:
        path = resolve(reference)
        workflow = Workflow.load(path)
    except PackshotError as error:
        return [as_problem(error, "")]
    name = path.name.removesuffix(SUFFIX)
    folder = path.parent if is_released(path) else release_folder(name, path.parent)
    kept = [
        invalid(f"{released.name}: {wrong}", "put it back as it was; a change is a new version, made with `bump`")
        for released, wrong in violations(folder)
    ]
    return [*check(workflow, info), *kept]


def _check_file(workflow: Workflow) -> Iterator[Problem]:
    written = workflow.data.get("version")
    if isinstance(written, int | float) and written > _NEWEST_FORMAT:
        remedy = "update Packshot, or save it with an older frontend"
        yield invalid(f"it was saved in format {written}, newer than this Packshot reads", remedy)
    block = read_block(workflow.data)
    if block is None:
        return
    name, version = block.get("name"), block.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        said = "has no name" if name is None else f"is named {str(name)[:80]!r}"
        yield invalid(f"extra.packshot {said}", "name it in lower case, with hyphens: product-shot")
    if not isinstance(version, str) or read_version(version) is None:
        said = "has no version" if version is None else f"has the version {str(version)[:80]!r}"
        yield invalid(f"extra.packshot {said}", "release it with `packshot workflow bump`, which gives it one")


# -- nodes -------------------------------------------------------------------------------------------------------------


def _about_node(error: PackshotError, workflow: Workflow, info: ObjectInfo) -> Problem:
    """What the conversion found; for a node type that the host lacks, with the pack that it comes from."""
    problem = as_problem(error, workflow.place)
    node = find_node(workflow, problem.node, problem.title) if isinstance(error, NodeMissing) else None
    if node is None:
        return problem
    guess = near(node.type, info)
    return replace(problem, remedy="; ".join(filter(None, (guess, _install(node, workflow)))))


def _install(node: Node, workflow: Workflow) -> str:
    """How to get a node, by the pack that the canvas noted when it was saved, or that the workflow says it needs."""
    required, remedy = read_requires(workflow.data).get("packs"), where_from(node)
    if not remedy and isinstance(required, Mapping) and required:
        return f"install the node packs that the workflow requires: {', '.join(map(str, required))}"
    return remedy or "install the node pack it comes from on the host, or remove the node"


def _is_dynamic(api: ApiGraph, node: str, name: str) -> bool:
    """Whether a widget is a dynamic combo: where its value is wrong, those after it are for other inputs."""
    field = api.fields.get((node, name))
    return field is not None and field.widget.spec.type == DYNAMIC_COMBO


# -- the contract and App Mode -----------------------------------------------------------------------------------------


def _check_names(workflow: Workflow, api: ApiGraph, info: ObjectInfo, missing: Collection[str]) -> Iterator[Problem]:
    names = read_names(workflow.data)
    for each in names.inputs:
        if each.node in missing:
            continue
        try:
            read_input(each, api, workflow.place)
        except PackshotError as error:
            title = _title(workflow, each.node)
            yield Problem(error.slug, each.node, title, each.name, error.message, error.remedy)
    for name, node in names.outputs.items():
        if node in missing:
            continue
        title, found = _title(workflow, node), api.nodes.get(node)
        if found is None:
            why = "does not run" if find_node(workflow, node) else "is not there"
            message = f"the output '{name}' names node {node}, which {why}"
            yield invalid(message, "name a node that gives a result", node=node, title=title)
        elif not info[found["class_type"]].get("output_node"):
            message = f"the output '{name}' names a node that gives no result of its own"
            yield invalid(message, "name one that saves or previews something", node=node, title=title)


def _check_app(workflow: Workflow, api: ApiGraph, missing: Collection[str]) -> Iterator[Problem]:
    app, block = read_app_mode(workflow.data), read_block(workflow.data)
    if app is None:
        if block is not None and block.get("inputs"):
            yield invalid("it has inputs for programs and no App Mode", _REBUILD)
        return
    if app.odd:
        yield invalid(f"{app.odd} entries of App Mode name no widget or node", _REBUILD)
    if app.active and not app.outputs:
        yield invalid("App Mode shows no result", "choose an output in the App builder, and save again")
    if block is None:
        return  # App Mode is the contract then, and was looked at as such
    for each in app.inputs:
        if each.node not in missing and find_field(api, each.node, each.widget) is None:
            message = f"App Mode shows '{each.widget}' of node {each.node}, which is not there"
            yield invalid(message, _REBUILD, node=each.node, title=_title(workflow, each.node), name=each.widget)
    for node in app.outputs:
        if node not in missing and node not in api.nodes:
            message = f"App Mode shows the result of node {node}, which is not there or does not run"
            yield invalid(message, _REBUILD, node=node, title=_title(workflow, node))
    yield from _check_agreement(workflow, api, app)


def _check_agreement(workflow: Workflow, api: ApiGraph, app: AppMode) -> Iterator[Problem]:
    """Contract and App Mode name the same widgets in the same order; what is not there is reported elsewhere."""
    names = read_names(workflow.data)
    named = {id(field): each.name for each in names.inputs if (field := find_field(api, each.node, each.widget))}
    shown = {id(field): each for each in app.inputs if (field := find_field(api, each.node, each.widget))}
    for key, each in shown.items():
        if key not in named:
            message = f"App Mode shows '{each.widget}' of node {each.node}, which has no name in extra.packshot"
            yield invalid(message, _AGREE, node=each.node, title=_title(workflow, each.node), name=each.widget)
    for key, name in named.items():
        if key not in shown:
            yield invalid(f"App Mode does not show the input '{name}'", _AGREE, name=name)
    common = [key for key in shown if key in named]
    if common != [key for key in named if key in shown]:
        order = ", ".join(named[key] for key in common)
        yield invalid(f"App Mode shows the inputs in another order than extra.packshot: {order}", _AGREE)
    if {*names.outputs.values()} & api.nodes.keys() != {*app.outputs} & api.nodes.keys():
        yield invalid("App Mode and extra.packshot name different outputs", _AGREE)


def _title(workflow: Workflow, node: str) -> str:
    found = find_node(workflow, node)
    return title_of(found, workflow) if found else ""
