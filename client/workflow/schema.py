"""A workflow's contract for other programs: JSON Schema (draft 2020-12) of what it takes, OpenAPI 3.1 of a call.

Both say what :meth:`~.contract.Contract.check` accepts and :meth:`~packshot.comfy.job.Result.as_dict` gives, so that a
gateway or a form generator in any language can stand before Packshot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import InputInvalid
from .app_mode import identifier
from .canvas.definitions import ObjectInfo
from .contract import Contract, InputSpec, output_types
from .workflow import PreparedWorkflow, Workflow

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"INT": "integer", "FLOAT": "number", "STRING": "string", "BOOLEAN": "boolean"}

Schema = dict[str, Any]


def write_schema(prepared: PreparedWorkflow, info: ObjectInfo, language: Literal["json", "openapi"]) -> Schema:
    """Write a workflow's contract for other programs.

    Args:
        info: the node definitions that it was prepared with.
        language: ``json`` for :func:`json_schema`, ``openapi`` for :func:`openapi`.
    """
    workflow, contract = prepared.workflow, prepared.contract
    if language == "json":
        return json_schema(workflow, contract)
    return openapi(workflow, contract, output_types(contract, prepared.api, info))


def json_schema(workflow: Workflow, contract: Contract) -> Schema:
    """The schema of an object with values for some or all inputs; what is left out has the artist's own value.

    It differs from :meth:`Contract.check` in one thing: JSON Schema counts 7.0 as an integer.
    """
    return {
        "$schema": _DIALECT,
        "title": f"{workflow.name}@{workflow.version}" if workflow.version else workflow.name,
        **({"description": workflow.summary} if workflow.summary else {}),
        "type": "object",
        "properties": {name: _property(spec) for name, spec in contract.inputs.items()},
        "additionalProperties": False,
    }


def openapi(workflow: Workflow, contract: Contract, types: Mapping[str, str]) -> Schema:
    """An OpenAPI 3.1 document with one operation: make one job and answer with its results.

    Args:
        types: what each output is made of, see :func:`~.contract.output_types`.
    """
    schema = json_schema(workflow, contract)
    schema.pop("$schema")  # the dialect of OpenAPI 3.1 builds on the same draft
    made = ", ".join(f"{name} ({kind})" for name, kind in types.items())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": workflow.name,
            "version": workflow.version or "0",
            **({"summary": workflow.summary} if workflow.summary else {}),
        },
        "paths": {
            f"/workflows/{identifier(workflow.name)}": {
                "post": {
                    "operationId": identifier(workflow.name),
                    "summary": workflow.summary or f"Run {workflow.name}",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Inputs"}}},
                    },
                    "responses": {
                        "200": _answer(f"The results: {made}" if made else "The results", "Result"),
                        "4XX": _answer("The call is refused; nothing was made", "Problem"),
                        "5XX": _answer("The host is away, or the job failed", "Problem"),
                    },
                }
            }
        },
        "components": {"schemas": {"Inputs": schema, "Result": _result(contract), "Problem": _PROBLEM}},
    }


def _property(spec: InputSpec) -> Schema:
    found: Schema = {"description": spec.help} if spec.help else {}
    if spec.uploads:
        return {**found, "type": "string", "default": spec.default, "x-file": "the name of a file in the input folder"}
    if spec.type in _TYPES:
        found["type"] = _TYPES[spec.type]
    if spec.type in ("INT", "FLOAT"):
        found |= {"minimum": spec.minimum} if spec.minimum is not None else {}
        found |= {"maximum": spec.maximum} if spec.maximum is not None else {}
    if spec.choices is not None:
        found["enum"] = list(spec.choices)
    with contextlib.suppress(InputInvalid):  # a default that this host does not take is no valid value here
        found["default"] = spec.check(spec.default)
    return found


def _result(contract: Contract) -> Schema:
    name: Schema = {"type": "string"}
    if contract.outputs:
        name["enum"] = list(contract.outputs)
    output = {
        "name": name,
        "kind": {"enum": ["image", "video", "audio", "text", "file"]},
        "file": {"type": "string"},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "reused": {"type": "boolean", "description": "the host had it from an earlier job"},
    }
    return {
        "type": "object",
        "properties": {
            "job": {"type": "string", "format": "uuid"},
            "host": {"type": "string"},
            "outputs": {
                "type": "array",
                "items": {"type": "object", "properties": output, "required": list(output)},
            },
            "seconds": {"type": ["number", "null"], "description": "by the host's clock"},
            "timings": {"type": "object", "additionalProperties": {"type": "number"}},
            "memory": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["job", "host", "outputs", "seconds", "timings", "memory"],
    }


def _answer(description: str, name: str) -> Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


_PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "slug": {"type": "string", "description": "the kind of error; never renamed"},
                "message": {"type": "string"},
                "place": {"type": "string"},
                "remedy": {"type": "string"},
            },
            "required": ["slug", "message", "place", "remedy"],
        }
    },
    "required": ["error"],
}
