"""``packshot workflow list`` and ``show``: what is in the library, and what a workflow takes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from ...workflow import Workflow
from ...workflow.schema import write_schema
from ..common import HeaderOption, HostOption, JsonOption, echo
from .options import ObjectInfoOption, WorkflowArgument, definitions
from .review import show_contract


def list_workflows(as_json: JsonOption = False) -> None:
    """List the library."""
    library = Workflow.library()
    if as_json:
        answer = [{"name": flow.name, "version": flow.version, "summary": flow.summary} for flow in library]
        echo(json.dumps({"workflows": answer}, ensure_ascii=False))
        return
    for flow in library:
        echo(f"{flow.name}@{flow.version}  {flow.summary}")


class SchemaKind(str, Enum):
    """The languages in which a contract is given to other programs."""

    JSON = "json"
    OPENAPI = "openapi"


def show(
    workflow: WorkflowArgument,
    schema: Annotated[
        SchemaKind | None, typer.Option(help="Print the inputs as JSON Schema, or a call as OpenAPI.")
    ] = None,
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a workflow's inputs with their types, ranges and defaults, which the host's nodes define."""
    loaded = Workflow.load(workflow)
    with definitions(object_info, host, header) as info:
        prepared = loaded.prepare(info, runs=False)
        document = write_schema(prepared, info, schema.value) if schema is not None else prepared.as_dict()
    if schema is not None:
        echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif as_json:
        echo(json.dumps(document, ensure_ascii=False))
    else:
        show_contract(prepared)
