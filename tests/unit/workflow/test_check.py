"""All that is wrong with a workflow at once, each with its node and what to do."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import PackshotError, WorkflowInvalid
from packshot.workflow import Workflow
from packshot.workflow.check import check, check_workflow
from packshot.workflow.problems import Problem
from packshot.workflow.release.diff import diff
from packshot.workflow.release.migrate import migrate
from support.places import DATA

DEFINITIONS = DATA / "workflow_nodes.json"  # ComfyUI 0.30.0's own, with the starter model's files

INFO: dict[str, Any] = json.loads(DEFINITIONS.read_text())

SLUGS = {kind.slug for kind in PackshotError.__subclasses__()}

# A workflow with nothing wrong: a latent is sampled, decoded and saved.
SOUND: dict[str, Any] = {
    "version": 0.4,
    "nodes": [
        {"id": 1, "type": "UNETLoader", "title": "Model", "widgets_values": ["starter-flux2.safetensors", "default"]},
        {"id": 2, "type": "VAELoader", "title": "VAE", "widgets_values": ["starter-flux2-vae.safetensors"]},
        {
            "id": 3,
            "type": "CLIPLoader",
            "title": "Text encoder",
            "widgets_values": ["starter-clip-l.safetensors", "stable_diffusion", "default"],
        },
        {
            "id": 4,
            "type": "CLIPTextEncode",
            "title": "Words",
            "outputs": [{"name": "CONDITIONING", "type": "CONDITIONING", "links": [3, 4]}],
            "inputs": [
                {"name": "clip", "type": "CLIP", "link": 1},
                {"name": "text", "type": "STRING", "widget": {"name": "text"}, "link": None},
            ],
            "widgets_values": ["a mug"],
        },
        {"id": 5, "type": "EmptyFlux2LatentImage", "title": "Size", "widgets_values": [256, 256, 1]},
        {
            "id": 6,
            "type": "KSampler",
            "title": "Sampler",
            "inputs": [
                {"name": "model", "type": "MODEL", "link": 2},
                {"name": "positive", "type": "CONDITIONING", "link": 3},
                {"name": "negative", "type": "CONDITIONING", "link": 4},
                {"name": "latent_image", "type": "LATENT", "link": 5},
            ],
            "widgets_values": [5, "fixed", 20, 8.0, "euler", "normal", 1.0],
        },
        {
            "id": 7,
            "type": "VAEDecode",
            "title": "Decode",
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [8]}],
            "inputs": [
                {"name": "samples", "type": "LATENT", "link": 6},
                {"name": "vae", "type": "VAE", "link": 7},
            ],
        },
        {"id": 8, "type": "SaveImage", "title": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 8}],
         "widgets_values": ["shot"]},
    ],
    "links": [
        [1, 3, 0, 4, 0, "CLIP"], [2, 1, 0, 6, 0, "MODEL"], [3, 4, 0, 6, 1, "CONDITIONING"],
        [4, 4, 0, 6, 2, "CONDITIONING"], [5, 5, 0, 6, 3, "LATENT"], [6, 6, 0, 7, 0, "LATENT"],
        [7, 2, 0, 7, 1, "VAE"], [8, 7, 0, 8, 0, "IMAGE"],
    ],
    "extra": {
        "linearMode": True,
        "linearData": {"inputs": [[4, "text"], [6, "seed"]], "outputs": [8]},
        "packshot": {
            "name": "sound",
            "version": "1.0.0",
            "inputs": {"prompt": {"node": 4, "widget": "text"}, "seed": {"node": 6, "widget": "seed"}},
            "outputs": {"image": {"node": 8}},
            "requires": {"packs": {"some-pack": ">=1"}, "models": ["starter"]},
        },
    },
}  # fmt: skip


def problems(data: dict[str, Any], info: dict[str, Any] = INFO) -> list[Problem]:
    return check(Workflow(data, "test.app.json"), info)


def after(edit: Callable[[dict[str, Any]], Any]) -> list[Problem]:
    data = copy.deepcopy(SOUND)
    edit(data)
    return problems(data)


def node(data: dict[str, Any], number: int) -> dict[str, Any]:
    return next(each for each in data["nodes"] if each["id"] == number)


def put(number: int, at: int, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: node(data, number)["widgets_values"].__setitem__(at, value)


def block(data: dict[str, Any]) -> dict[str, Any]:
    return data["extra"]["packshot"]


def test_a_sound_workflow_has_no_problem() -> None:
    assert problems(SOUND) == []


# -- one thing wrong ---------------------------------------------------------------------------------------------------

Case = tuple[Callable[[dict[str, Any]], Any], str, str, str, str, str]  # edit, slug, node, input, message, remedy

WRONG: dict[str, Case] = {
    "a node of a pack": (
        lambda d: node(d, 7).update(type="FancyDecode", properties={"cnr_id": "fancy-nodes", "ver": "2.1.0"}),
        "node-missing", "7", "", "node type 'FancyDecode'", "the node pack 'fancy-nodes' (saved with 2.1.0)"),
    "a node of a pack on a site": (
        lambda d: node(d, 7).update(type="FancyDecode", properties={"aux_id": "someone/fancy"}),
        "node-missing", "7", "", "FancyDecode", "'someone/fancy'"),
    "a newer node of core": (
        lambda d: node(d, 7).update(type="VAEDecodeTurbo2", properties={"cnr_id": "comfy-core", "ver": "0.41.0"}),
        "node-missing", "7", "", "VAEDecodeTurbo2", "saved with 0.41.0: update the host"),
    "a node of nobody knows what": (
        lambda d: node(d, 7).update(type="FancyDecode"),
        "node-missing", "7", "", "FancyDecode", "requires: some-pack"),
    "a misspelt node": (
        lambda d: node(d, 7).update(type="VAEDecod"),
        "node-missing", "7", "", "'VAEDecod'", "did you mean 'VAEDecode'?"),
    "a missing model": (
        put(2, 0, "ae.safetensors"), "model-missing", "2", "vae_name", "'ae.safetensors'", "fetch starter"),
    "a misspelt model": (
        put(2, 0, "starter-flux2-va.safetensors"),
        "model-missing", "2", "vae_name", "starter-flux2-va", "did you mean 'starter-flux2-vae.safetensors'?"),
    "a number too large": (put(6, 2, 99999), "input-invalid", "6", "steps", "not between 1 and 10000", "canvas"),
    "a number too small": (put(6, 3, -1.0), "input-invalid", "6", "cfg", "between 0.0 and 100.0", "canvas"),
    "no number": (put(6, 2, "many"), "input-invalid", "6", "steps", "'many' is not a whole number", "canvas"),
    "no choice": (put(6, 4, "eular"), "input-invalid", "6", "sampler_name", "'eular'", "did you mean 'euler'?"),
    "a link from nowhere": (
        lambda d: d["links"][5].__setitem__(1, 66), "workflow-invalid", "7", "samples", "leads nowhere", "rewire"),
    "a link that is not there": (
        lambda d: d["links"].pop(5), "workflow-invalid", "7", "samples", "link 6 leads nowhere", "rewire"),
    "an input without a wire": (
        lambda d: node(d, 7)["inputs"].pop(), "workflow-invalid", "7", "vae", "nothing is wired", "wire a VAE"),
    "a wire from a muted node": (
        lambda d: node(d, 2).update(mode=2), "workflow-invalid", "7", "vae", "does not run", "wire a VAE"),
    "a contract that names a node that is gone": (
        lambda d: block(d)["outputs"].update(raw={"node": 70}),
        "workflow-invalid", "70", "", "the output 'raw' names node 70", "gives a result"),
    "an output that is none": (
        lambda d: (block(d)["outputs"].update(image={"node": 7}), d["extra"]["linearData"].update(outputs=[7])),
        "workflow-invalid", "7", "", "gives no result of its own", "saves or previews"),
    "a field without a name": (
        lambda d: d["extra"]["linearData"]["inputs"].append([6, "steps"]),
        "workflow-invalid", "6", "steps", "has no name in extra.packshot", "same order"),
    "an input without a field": (
        lambda d: block(d)["inputs"].update(steps={"node": 6, "widget": "steps"}),
        "workflow-invalid", "", "steps", "does not show the input 'steps'", "same order"),
    "another order": (
        lambda d: d["extra"]["linearData"]["inputs"].reverse(),
        "workflow-invalid", "", "", "another order than extra.packshot: seed, prompt", "same order"),
    "a field of nothing": (
        lambda d: d["extra"]["linearData"]["inputs"].append([6, "sharpness"]),
        "workflow-invalid", "6", "sharpness", "which is not there", "rebuild the App"),
    "a field in another form": (
        lambda d: d["extra"]["linearData"]["inputs"].append("seed"),
        "workflow-invalid", "", "", "1 entries of App Mode", "rebuild the App"),
    "no App Mode": (
        lambda d: d["extra"].pop("linearData"), "workflow-invalid", "", "", "no App Mode", "rebuild the App"),
    "no name": (lambda d: block(d).pop("name"), "workflow-invalid", "", "", "has no name", "hyphens"),
    "an odd name": (lambda d: block(d).update(name="My Shot"), "workflow-invalid", "", "", "'My Shot'", "hyphens"),
    "no version": (lambda d: block(d).pop("version"), "workflow-invalid", "", "", "has no version", "bump"),
    "an odd version": (lambda d: block(d).update(version="1.0"), "workflow-invalid", "", "", "'1.0'", "bump"),
    "a newer format": (lambda d: d.update(version=2), "workflow-invalid", "", "", "format 2", "update Packshot"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_thing_wrong_is_one_problem(case: str) -> None:
    edit, slug, number, name, said, remedy = WRONG[case]
    (found,) = after(edit)
    assert (found.slug, found.node, found.input) == (slug, number, name)
    assert said in found.message
    assert remedy in found.remedy
    if number in map(str, range(1, 9)):
        assert found.title == node(SOUND, int(number))["title"]


def test_a_widget_that_moved_is_named_with_the_nearest() -> None:
    def move(data: dict[str, Any]) -> None:
        block(data)["inputs"]["seed"]["widget"] = "noise_sed"
        block(data)["inputs"]["prompt"]["node"] = 44

    found = {each.input: each for each in after(move) if "no name" not in each.message}
    assert found["seed"].message == "\"Sampler\" (KSampler, node 6) has no widget 'noise_sed'"
    assert (found["seed"].node, found["seed"].title) == ("6", "Sampler")
    assert "node 44, which is not there" in found["prompt"].message


def test_a_file_without_outputs_says_so() -> None:
    def cut(data: dict[str, Any]) -> None:
        data["nodes"] = data["nodes"][:-1]
        data["extra"] = {}

    (found,) = after(cut)
    assert found.message == "no node of it gives a result"


def test_a_model_that_the_file_says_where_to_get_is_said() -> None:
    listed = [{"name": "ae.safetensors", "url": "https://models.example/ae.safetensors", "directory": "vae"}]

    def edit(data: dict[str, Any]) -> None:
        put(2, 0, "ae.safetensors")(data)
        node(data, 2)["properties"] = {"models": listed}

    (found,) = after(edit)
    assert found.remedy == "put it into models/vae on the host, from https://models.example/ae.safetensors"


def test_what_no_output_depends_on_is_not_judged() -> None:
    """The host runs such a file, too."""
    loose = {"id": 99, "type": "KSampler", "widgets_values": [5, "fixed", 99999, 8.0, "euler", "normal", 1.0]}
    assert after(lambda data: data["nodes"].append(loose)) == []


def test_values_are_judged_as_the_host_takes_them() -> None:
    assert after(put(6, 2, "20")) == []  # a text with a number in it is a number to the host
    assert after(put(6, 2, 20.7)) == []


def test_a_picture_that_the_host_lacks_is_a_problem_unless_the_caller_gives_it() -> None:
    data: dict[str, Any] = {
        "nodes": [
            {"id": 1, "type": "LoadImage", "title": "Photo", "widgets_values": ["mine.png", "image"]},
            {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
             "widgets_values": ["x"]},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }  # fmt: skip
    (found,) = problems(data)
    assert (found.slug, found.node, found.input) == ("input-invalid", "1", "image")
    assert "mine.png" in found.message
    assert problems({**data, "extra": {"linearData": {"inputs": [[1, "image"]], "outputs": [2]}}}) == []


# -- several at once ---------------------------------------------------------------------------------------------------


def test_all_problems_are_said_at_once() -> None:
    def spoil(data: dict[str, Any]) -> None:
        put(2, 0, "ae.safetensors")(data)
        put(6, 2, 99999)(data)
        put(6, 4, "eular")(data)
        node(data, 4)["type"] = "FancyEncode"
        block(data)["name"] = ""
        data["extra"]["linearData"]["inputs"].append([6, "sharpness"])

    found = after(spoil)
    assert [each.slug for each in found] == [
        "workflow-invalid", "node-missing", "model-missing", "input-invalid", "input-invalid", "workflow-invalid"
    ]  # fmt: skip


def test_a_missing_node_is_not_blamed_a_second_time() -> None:
    """Neither for what it was wired to, nor for what the contract and App Mode name of it."""
    found = after(lambda data: node(data, 4).update(type="FancyEncode"))
    assert [each.slug for each in found] == ["node-missing"]


@given(st.lists(st.sampled_from(sorted(WRONG)), min_size=1, max_size=5, unique=True))
def test_any_problems_together_are_all_data(cases: list[str]) -> None:
    data = copy.deepcopy(SOUND)
    for case in cases:
        with contextlib.suppress(KeyError, IndexError):  # the other edit took away what this one is about
            WRONG[case][0](data)
    found = problems(data)
    assert found
    for each in found:
        assert each.slug in SLUGS
        assert each.message
        assert each.remedy
    json.dumps([each.as_dict() for each in found])


# -- files that are hardly workflows -----------------------------------------------------------------------------------

INNER = "11111111-1111-4111-8111-111111111111"

_CIRCLE = {
    "nodes": [
        {"id": 1, "type": INNER, "title": "Box"},
        {"id": 2, "type": "Reroute", "inputs": [{"name": "", "link": 1}], "outputs": [{"name": ""}]},
        {"id": 3, "type": "PreviewImage", "title": "Look", "inputs": [{"name": "images", "link": 2}]},
    ],
    "links": [[1, 2, 0, 2, 0, "*"], [2, 2, 0, 3, 0, "*"]],
}

_NESTED = {**_CIRCLE, "definitions": {"subgraphs": [{"id": INNER, "name": "Box", "nodes": [{"id": 9, "type": INNER}]}]}}

BAD: dict[str, tuple[str, str]] = {
    "cut off": (json.dumps(SOUND)[:700], "not JSON"),
    "empty": ("", "not JSON"),
    "a list": ("[]", "not a workflow"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "no nodes": ("{}", "nodes"),
    "ids of the wrong type": (json.dumps({**SOUND, "nodes": [{"id": [1], "type": "Note"}]}), "without an id"),
    "the same id twice": (json.dumps({**SOUND, "nodes": SOUND["nodes"] + SOUND["nodes"][:1]}), "same id"),
    "links that are none": (json.dumps({**SOUND, "links": [["a", "b"]]}), "names no two ends"),
    "a circle": (json.dumps(_CIRCLE), "circle"),
    "a subgraph in itself": (json.dumps(_NESTED), "contains itself"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_hardly_one_is_a_problem_too(case: str, tmp_path: Path) -> None:
    text, said = BAD[case]
    path = tmp_path / "bad.app.json"
    path.write_text(text)
    found = check_workflow(str(path), INFO)
    assert any(said in each.message for each in found)
    assert all(each.slug == "workflow-invalid" or each.slug == "node-missing" for each in found)
    result = CliRunner().invoke(app, ["workflow", "check", str(path), "--object-info", str(DEFINITIONS), "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["ok"] is False


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.app.json"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    (found,) = check_workflow(str(path), INFO)
    assert "larger than" in found.message


_ODD = st.sampled_from([None, True, -1, 0, 2**70, 1.5, "", "x", [], [[]], {}, {"a": {}}, [None, 5, "x", {}], "\ud83d"])


def damage(data: Any, rng: random.Random, value: Any) -> None:
    """Put a value in the place of any part of a workflow, or take the part away."""
    while True:
        key = rng.choice(list(data) if isinstance(data, dict) else range(len(data)))
        inner = data[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.15:
            break
        data = inner
    if rng.random() < 0.2:
        del data[key]
    else:
        data[key] = copy.deepcopy(value)  # what is inserted may be damaged next


@settings(max_examples=400)
@given(st.randoms(use_true_random=False), st.lists(_ODD, min_size=1, max_size=3))
def test_no_damage_makes_anything_but_problems(rng: random.Random, values: list[Any]) -> None:
    data = copy.deepcopy(SOUND)
    for value in values:
        damage(data, rng, value)
    try:
        spoilt = Workflow(data, "spoilt.app.json")
    except WorkflowInvalid:
        return
    for each in check(spoilt, INFO):
        assert each.slug in SLUGS
    sound = Workflow(SOUND, "sound.app.json")
    for before, after_ in ((sound, spoilt), (spoilt, sound), (spoilt, spoilt)):
        diff(before, after_, INFO)
        diff(before, after_)
    migrate(spoilt, {"KSampler": [{"new_node_id": "VAEDecode"}]}, {"VAEDecode": INFO["VAEDecode"]})


@pytest.mark.parametrize("links", [True, [[]], [{}]])
def test_a_migration_cuts_wires_of_slots_that_name_none(links: Any) -> None:
    data = copy.deepcopy(SOUND)
    for each in data["nodes"]:
        for slot in each.get("outputs") or []:
            slot["links"] = links
        for slot in each.get("inputs") or []:
            if slot.get("link") is None:
                slot["link"] = links
    spoilt = Workflow(data, "spoilt.app.json")
    done = migrate(spoilt, {"KSampler": [{"new_node_id": "VAEDecode"}]}, {"VAEDecode": INFO["VAEDecode"]})
    assert done


def test_values_nested_deeply_are_a_problem_too() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    data = copy.deepcopy(SOUND)
    put(6, 2, deep)(data)
    assert problems(data)
    with pytest.raises(WorkflowInvalid, match="nested too deeply"):
        diff(Workflow(SOUND, "a"), Workflow(data, "b"))


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_answers_for_several_files(tmp_path: Path) -> None:
    sound, spoilt = tmp_path / "sound.app.json", tmp_path / "spoilt.app.json"
    sound.write_text(json.dumps(SOUND))
    data = copy.deepcopy(SOUND)
    put(6, 4, "eular")(data)
    put(2, 0, "[red]ae.safetensors")(data)
    spoilt.write_text(json.dumps(data))
    arguments = ["workflow", "check", str(sound), str(spoilt), "--object-info", str(DEFINITIONS)]

    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert {each["file"] for each in answer["problems"]} == {str(spoilt)}
    assert set(answer["problems"][0]) == {"file", "slug", "node", "title", "input", "message", "remedy"}

    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 2
    assert f"ok  {sound}" in said.stdout
    assert "[input-invalid]" in said.stdout
    assert "[red]ae.safetensors" in said.stdout, "what a file says is no markup"

    assert CliRunner().invoke(app, ["workflow", "check", str(sound), "--object-info", str(DEFINITIONS)]).exit_code == 0


def test_a_changed_release_fails_the_check(tmp_path: Path) -> None:
    path = tmp_path / "sound.app.json"
    path.write_text(json.dumps(SOUND))
    assert CliRunner().invoke(app, ["workflow", "bump", str(path)]).exit_code == 0
    released = tmp_path / "releases" / "sound" / "1.0.0.app.json"
    assert check_workflow(str(path), INFO) == check_workflow(str(released), INFO) == []
    released.write_bytes(released.read_bytes() + b"\n")
    for each in (path, released):
        (found,) = check_workflow(str(each), INFO)
        assert "1.0.0.app.json: a released file that has changed" in found.message
