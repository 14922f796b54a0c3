"""The workflow on the canvas as programs see it: ``POST /packshot/workflow/contract``, ``…/app`` and ``…/release``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths
from aiohttp import web
from server import PromptServer

import nodes as core

from ...client.errors import PackshotError
from ...client.paths import atomic_write
from ...client.workflow.app_mode import read_app_mode
from ...client.workflow.canvas.convert import convert
from ...client.workflow.canvas.definitions import ObjectInfo
from ...client.workflow.canvas.graph import read_json
from ...client.workflow.check import check
from ...client.workflow.contract import InputSpec, read_block
from ...client.workflow.problems import Problem
from ...client.workflow.propose import Proposed, outputs_of, propose, with_contract
from ...client.workflow.release.bump import bump_workflow, file_text, next_version
from ...client.workflow.release.diff import diff
from ...client.workflow.snippets import reference, snippets
from ...client.workflow.versions import SUFFIX, releases, version_text
from ...client.workflow.workflow import Workflow
from .serving import answer, post, read_object, refuse, text_of, unknown_user

_LIMIT = 32 << 20  # bytes of a workflow; the largest official one has less than one
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_UNRELEASED = "extra.packshot has no version"


def register() -> None:
    """Add the routes."""

    @post("/packshot/workflow/contract")
    async def contract(request: web.Request) -> web.Response:
        data = _workflow(await read_object(request, _LIMIT))
        info = await definitions(data)
        library = _library(request)
        url = f"{request.scheme}://{request.host}"
        return answer(await asyncio.to_thread(describe, data, info, library, url))

    @post("/packshot/workflow/app")
    async def app(request: web.Request) -> web.Response:
        content = await read_object(request, _LIMIT)
        data = _workflow(content)
        info = await definitions(data)
        return answer(await asyncio.to_thread(_app, content, data, info))

    @post("/packshot/workflow/release")
    async def release(request: web.Request) -> web.Response:
        content = await read_object(request, _LIMIT)
        data = _workflow(content)
        info = await definitions(data)
        path = _library(request) / f"{_name(content)}{SUFFIX}"
        return answer(await asyncio.to_thread(_release, content, data, info, path))


def _workflow(content: Mapping[str, Any]) -> dict[str, Any]:
    data = content.get("workflow")
    if not isinstance(data, dict):
        raise refuse(400, "there is no workflow", place="'workflow'")
    return data


def _name(content: Mapping[str, Any]) -> str:
    name = text_of(content, "name", 64)
    if not _NAME.fullmatch(name):
        raise refuse(
            400, f"'{name}' is no name for a workflow", place="'name'", remedy="lower case, with hyphens: product-shot"
        )
    return name


def _library(request: web.Request) -> Path:
    """The user's folder of workflows, as core's own saving finds it."""
    try:
        path = PromptServer.instance.user_manager.get_request_user_filepath(request, "workflows", create_dir=False)
    except KeyError as error:
        raise unknown_user() from error
    if path is None:
        raise refuse(400, "this user has no folder")
    return Path(path)


async def definitions(data: Mapping[str, Any]) -> ObjectInfo:
    """The definitions of the nodes that a workflow uses, made by core's own ``/object_info``; of others, the names."""
    routes = PromptServer.instance.routes
    (handler,) = {route.handler for route in routes if getattr(route, "path", "") == "/object_info/{node_class}"}
    found: dict[str, Any] = {name: {} for name in core.NODE_CLASS_MAPPINGS}
    with folder_paths.cache_helper:
        for kind in sorted(set(_kinds(data)) & found.keys()):
            # All that the handler asks of a request.
            response = await handler(SimpleNamespace(match_info={"node_class": kind}))
            found |= json.loads(response.text)
    return found


def _kinds(data: Mapping[str, Any]) -> Iterator[str]:
    inner = data.get("definitions")
    subgraphs = inner.get("subgraphs") if isinstance(inner, Mapping) else None
    extra = data.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    parts = [data, *(subgraphs if isinstance(subgraphs, list) else [])]
    parts += list(groups.values()) if isinstance(groups, Mapping) else []
    for part in parts:
        held = part.get("nodes") if isinstance(part, Mapping) else None
        for node in held if isinstance(held, list) else []:
            if isinstance(node, Mapping) and isinstance(node.get("type"), str):
                yield node["type"]


def describe(data: dict[str, Any], info: ObjectInfo, library: Path, url: str) -> dict[str, Any]:
    """What the API panel shows of a workflow."""
    workflow = Workflow(data, "the workflow")
    problems = check(workflow, info)
    found: dict[str, Any] = {
        "name": workflow.name if read_block(data) else "",
        "version": workflow.version,
        "summary": workflow.summary,
        "app": read_app_mode(data) is not None,
        "names": workflow.input_names,
        "inputs": [],
        "outputs": [],
        "problems": [problem.as_dict() for problem in problems],
        "snippets": {},
        "changes": _changes(workflow, info, library),
    }
    try:
        prepared = workflow.prepare(info)
    except PackshotError:
        return found  # why is among the problems
    contract = prepared.contract
    found["inputs"] = [_input(each) for each in contract.inputs.values()]
    found["outputs"] = [{"name": name, "node": node} for name, node in contract.outputs.items()]
    found["snippets"] = snippets(workflow, contract, prepared.api.nodes, url)
    found["reference"] = reference(workflow)
    return found


def _input(spec: InputSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "node": spec.node,
        "widget": spec.widget,
        "type": spec.type,
        "default": _exact(spec.default),
        "min": _exact(spec.minimum),
        "max": _exact(spec.maximum),
        "choices": len(spec.choices) if spec.choices is not None else None,
        "uploads": spec.uploads,
        "help": spec.help,
    }


def _exact(value: Any) -> Any:
    """A whole number that JavaScript would round, as text."""
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def _changes(workflow: Workflow, info: ObjectInfo, library: Path) -> dict[str, Any] | None:
    """What has changed since the newest release, the user's own or that of the library; None: there is none."""
    name = workflow.name
    if not _NAME.fullmatch(name):
        return None
    known = dict(releases(name, library)) or dict(releases(name))
    if not known:
        return None
    newest = max(known)
    try:
        found = diff(Workflow.load(known[newest]), workflow, info)
    except PackshotError as error:
        return {"since": version_text(newest), "level": "none", "next": "", "changes": [], "error": str(error)}
    after = version_text(next_version(newest, found.level)) if found.level != "none" else ""
    return {"since": version_text(newest), "next": after, **found.as_dict()}


def _app(content: Mapping[str, Any], data: dict[str, Any], info: ObjectInfo) -> dict[str, Any]:
    """What could be the inputs of a workflow; with a choice among them, the file as an app with these."""
    workflow = Workflow(data, "the workflow")
    api = convert(workflow.graph, info, workflow.place)
    proposed, outputs = propose(data, api), outputs_of(data, api, info)
    chosen = content.get("inputs")
    if chosen is None:
        return {"inputs": [_proposed(each) for each in proposed], "outputs": outputs}
    if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
        raise refuse(400, "it must be a list of names", place="'inputs'")
    by_name = {each.name: each for each in proposed}
    if unknown := [each for each in chosen if each not in by_name]:
        raise refuse(400, f"there is no input '{unknown[0][:80]}' to choose", place="'inputs'")
    inputs = [by_name[each] for each in dict.fromkeys(chosen)]
    return {"workflow": with_contract(data, _name(content), text_of(content, "summary", 500), inputs, outputs)}


def _proposed(each: Proposed) -> dict[str, str]:
    return {"name": each.name, "node": each.node, "widget": each.widget, "kind": each.kind, "title": each.title}


def _release(content: Mapping[str, Any], data: dict[str, Any], info: ObjectInfo, path: Path) -> dict[str, Any]:
    """Write the workflow into the user's library and release it, as ``packshot workflow bump`` does.

    Raises:
        Refusal: another workflow has the file, or this one has problems.
        PackshotError: see :func:`bump`; the file is as it was before.
    """
    name = _name(content)
    before = path.read_bytes() if path.is_file() else None
    if before is not None and (read_block(read_json(path)) or {}).get("name") != name:
        raise refuse(409, "another workflow is saved there", place=path.name, remedy="choose another name")
    workflow = Workflow(data, "the workflow")
    api = convert(workflow.graph, info, workflow.place)
    inputs = [each for each in propose(data, api) if each.kind == "app"]
    if not inputs:
        raise refuse(400, "it has no inputs yet", remedy="make it an App first: its fields are the inputs")
    named = with_contract(data, name, text_of(content, "summary", 500), inputs, outputs_of(data, api, info))
    named["extra"]["linearMode"] = bool((data.get("extra") or {}).get("linearMode"))
    problems = [each for each in check(Workflow(named, path.name), info) if not _of_release(each)]
    if problems:
        first = problems[0]
        where = f"{first.title} {first.input}".strip()
        raise refuse(400, f"it is not released with a problem: {first.message}", place=where, remedy=first.remedy)
    try:
        with atomic_write(path) as file:
            file.write(file_text(named))
        made = bump_workflow(path, None, info)
    except PackshotError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            with atomic_write(path) as file:
                file.write(before)
        raise
    return {
        "name": made.name,
        "version": made.version,
        "before": made.before,
        "level": made.level,
        "changes": made.changes.as_dict()["changes"],
        "file": f"workflows/{path.name}",
        "workflow": read_json(path),
    }


def _of_release(problem: Problem) -> bool:
    """A problem that releasing solves."""
    return problem.message.startswith(_UNRELEASED)
