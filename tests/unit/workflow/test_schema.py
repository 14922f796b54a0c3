"""A contract as JSON Schema and OpenAPI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import InputInvalid, InputUnknown
from packshot.workflow import Workflow
from packshot.workflow.contract import output_types, read_names
from packshot.workflow.schema import json_schema, openapi
from support.canvas_graphs import app_file
from support.places import DATA

INFO: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())

FLOW = Workflow(
    {
        "nodes": [
            {"id": 7, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0]},
            {"id": 8, "type": "PrimitiveBoolean", "widgets_values": [False]},
            {"id": 9, "type": "LoadImage", "title": "Photo", "widgets_values": ["example.png", "image"]},
            {"id": 10, "type": "PrimitiveStringMultiline", "widgets_values": ["a mug"]},
            {"id": 11, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
        ],
        "links": [[1, 9, 0, 11, 0, "IMAGE"]],
        "extra": {
            "packshot": {
                "name": "all-types",
                "version": "1.2.0",
                "summary": "Every type of input.",
                "inputs": {
                    "seed": {"node": 7, "widget": "seed", "help": "Another number, another picture."},
                    "cfg": {"node": 7, "widget": "cfg"},
                    "sampler": {"node": 7, "widget": "sampler_name"},
                    "tile": {"node": 8, "widget": "value"},
                    "photo": {"node": 9, "widget": "image"},
                    "prompt": {"node": 10, "widget": "value"},
                },
                "outputs": {"image": {"node": 11}},
            }
        },
    },
    "all-types.app.json",
)

PREPARED = FLOW.prepare(INFO)

CONTRACT = PREPARED.contract

SCHEMA = json_schema(FLOW, CONTRACT)

TYPES = output_types(CONTRACT, PREPARED.api, INFO)


def accepted(values: dict[str, Any]) -> bool:
    try:
        CONTRACT.check(values)
    except (InputInvalid, InputUnknown):
        return False
    return True


def valid(values: Any, schema: dict[str, Any] = SCHEMA) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(values))


def test_the_schema_is_one_of_its_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"] == "all-types@1.2.0"
    assert SCHEMA["properties"]["seed"] == {
        "description": "Another number, another picture.",
        "type": "integer",
        "minimum": 0,
        "maximum": 2**64 - 1,
        "default": 5,
    }


def test_the_artists_own_values_are_valid() -> None:
    assert valid({name: spec.default for name, spec in CONTRACT.inputs.items()})
    assert valid({})


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["euler", "dpmpp_2m", "example.png"])
)


@given(st.sampled_from([*CONTRACT.inputs, "sampler_name", ""]), _SCALARS | st.lists(_SCALARS, max_size=2))
def test_it_accepts_exactly_what_the_contract_accepts(name: str, value: Any) -> None:
    whole = isinstance(value, float) and value.is_integer() and name == "seed"  # 7.0 is an integer to JSON Schema
    if not whole:
        assert valid({name: value}) == accepted({name: value})


def test_openapi_describes_one_operation_with_the_same_schema() -> None:
    document = openapi(FLOW, CONTRACT, TYPES)
    openapi_spec_validator.validate(document)
    ((path, item),) = document["paths"].items()
    assert path == "/workflows/all_types"
    assert list(item) == ["post"]
    assert item["post"]["operationId"] == "all_types"
    inputs = document["components"]["schemas"]["Inputs"]
    assert valid({"seed": 3}, inputs)
    assert not valid({"seed": -3}, inputs)
    assert not valid({"sed": 3}, inputs)
    assert "image (IMAGE)" in item["post"]["responses"]["200"]["description"]


def test_openapi_describes_the_answer_of_a_run_and_of_an_error() -> None:
    from packshot.comfy.job import Result
    from packshot.comfy.outputs import Output

    schemas = openapi(FLOW, CONTRACT, TYPES)["components"]["schemas"]
    output = Output("image", "image", Path("out/a.png"), "0" * 64, reused=False)
    answer = Result("job", "http://host", [output], 1.5, {"3": 0.5}).as_dict()
    assert valid(answer, schemas["Result"])
    answer["outputs"][0]["name"] = "picture"  # type: ignore[index]
    assert not valid(answer, schemas["Result"])
    assert valid({"error": InputInvalid("no", place="here").as_dict()}, schemas["Problem"])


def test_a_workflow_without_inputs_outputs_or_version_has_its_documents_too() -> None:
    bare = Workflow({"nodes": [], "links": []}, "bare.json")
    contract = bare.prepare(INFO).contract
    assert not valid({"x": 1}, json_schema(bare, contract))
    openapi_spec_validator.validate(openapi(bare, contract, {}))


def _names(data: dict[str, Any]) -> list[str]:
    return [each.name for each in read_names(data).inputs]


def test_names_come_from_labels() -> None:
    data = app_file([[7, "cfg"], [7, "steps"], [10, "value"]], {"cfg": "CFG scale", "steps": "Anzahl Schritte"})
    assert _names(data) == ["cfg_scale", "anzahl_schritte", "value"]
    schema = json_schema(Workflow(data, "foreign.json"), Workflow(data, "foreign.json").prepare(INFO).contract)
    assert valid({"cfg_scale": 7.5, "anzahl_schritte": 4}, schema)
    assert not valid({"cfg": 7.5}, schema)


def test_a_default_that_this_host_does_not_take_is_not_in_the_schema() -> None:
    """OpenAPI wants every default to be valid. A combo without choices finds them out while it runs."""
    info = json.loads(json.dumps(INFO))
    info["KSampler"]["input"]["required"]["scheduler"][0] = []
    data = app_file([[7, "cfg"], [7, "scheduler"], [7, "sampler_name"]])
    data["nodes"][0]["widgets_values"][3:6] = [1e6, "gone", "unheard of"]
    prepared = Workflow(data, "foreign.json").prepare(info)
    assert prepared.contract.check({"scheduler": "anything"})
    properties = json_schema(prepared.workflow, prepared.contract)["properties"]
    assert properties["scheduler"] == {"default": "unheard of"}
    assert "default" not in properties["cfg"]
    assert "default" not in properties["sampler_name"]
    openapi_spec_validator.validate(openapi(prepared.workflow, prepared.contract, {}))


@pytest.mark.parametrize("kind", ["json", "openapi"])
def test_the_command_prints_the_document(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(FLOW.data))
    arguments = ["workflow", "show", str(file), "--schema", kind, "--object-info", str(DATA / "object_info.json")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed == (SCHEMA if kind == "json" else openapi(FLOW, CONTRACT, TYPES))
