"""Every card against the real host: what it expands into is accepted, and is what the official template does."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import uuid
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from packshot import Client
from packshot.host.install import Installation
from packshot.models.cards import Card, Control, card_ids, load_card
from packshot.models.rules import fit_size, settings
from support.places import ROOT

TEMPLATES = yaml.safe_load((ROOT / "tests" / "data" / "templates.yaml").read_text(encoding="utf-8"))

CARDS = [card_id for card_id in card_ids() if load_card(card_id).supported_by_host]

EDITORS = [card_id for card_id in CARDS if load_card(card_id).encoding.edit]


def module(name: str, file: Path, **options: Any) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file, **options)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def expand(installation: Installation) -> SimpleNamespace:
    """The pack's own expansions and core's graph builder; neither needs torch."""
    module("packshot_pack", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    builder = module("core_graph_utils", installation.comfyui / "comfy_execution" / "graph_utils.py")
    return SimpleNamespace(
        nodes=importlib.import_module("packshot_pack.nodes.model.expand"), GraphBuilder=builder.GraphBuilder
    )


@pytest.fixture(scope="module")
def client(stub_client: Client) -> Client:
    return stub_client


def expanded(
    expand: SimpleNamespace, card: Card, references: int = 0, steer: tuple[Control, str] | None = None
) -> dict[str, Any]:
    """What the model nodes become for a card, as one graph of core nodes; the files are the templates'."""
    graph = expand.GraphBuilder("")
    files = {part: part.files[0] for part in card.components}
    model, clip, vae = expand.nodes.load(graph, card, files, {part: file.name for part, file in files.items()})
    images = [graph.node("EmptyImage", width=512, height=512, batch_size=1, color=n).out(0) for n in range(references)]
    positive, negative = expand.nodes.encode(graph, card, clip, "a red mug", "text", images, vae)
    if steer is not None:
        control, kind = steer
        picture = graph.node("EmptyImage", width=512, height=512, batch_size=1, color=0).out(0)
        links = {"model": model, "positive": positive, "negative": negative, "vae": vae}
        share = {"strength": 0.8, "start": 0.0, "end": 1.0}
        name = control.files[0].name
        model, positive, negative = expand.nodes.control(graph, control, name, kind, picture, **links, **share)
    width, height, warnings = fit_size(card, 0, 0)
    assert not warnings
    latent = expand.nodes.empty_latent(graph, card, width, height, 1)
    chosen, warnings = settings(card)
    assert not warnings
    links = {"model": model, "positive": positive, "negative": negative, "latent": latent}
    sampled = expand.nodes.sample(graph, card, chosen, **links, size=(width, height), seed=1)
    picture = graph.node("VAEDecode", samples=sampled, vae=vae).out(0)
    graph.node("PreviewImage", images=picture)
    result: dict[str, Any] = graph.finalize()
    return result


STEERED = [(card_id, kind) for card_id in CARDS for control in load_card(card_id).controls for kind in control.kinds]


def accepts(client: Client, graph: dict[str, Any]) -> None:
    prompt_id = str(uuid.uuid4())
    answer = client.api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id})
    assert answer.ok, answer.text
    assert not answer.json()["node_errors"]


@pytest.mark.parametrize("card_id", CARDS)
def test_text_to_image_is_accepted_by_the_host(client: Client, expand: SimpleNamespace, card_id: str) -> None:
    accepts(client, expanded(expand, load_card(card_id)))


@pytest.mark.parametrize("card_id", EDITORS)
def test_an_edit_is_accepted_by_the_host(client: Client, expand: SimpleNamespace, card_id: str) -> None:
    card = load_card(card_id)
    for references in (1, card.encoding.max_references):
        accepts(client, expanded(expand, card, references))


@pytest.mark.parametrize(("card_id", "kind"), STEERED)
def test_steering_is_accepted_by_the_host(client: Client, expand: SimpleNamespace, card_id: str, kind: str) -> None:
    card = load_card(card_id)
    control = card.control(kind)
    assert control is not None
    graph = expanded(expand, card, steer=(control, kind))
    assert any(
        node["class_type"] in ("ControlNetApplyAdvanced", "QwenImageDiffsynthControlnet") for node in graph.values()
    )
    accepts(client, graph)


@pytest.mark.parametrize("card_id", CARDS)
def test_product_shot_is_accepted_with_the_card_alone_changed(client: Client, card_id: str) -> None:
    assert client.submit("product-shot", model=card_id, prompt="a red mug").id


@pytest.mark.parametrize("card_id", TEMPLATES)
def test_a_card_does_what_the_official_template_does(expand: SimpleNamespace, card_id: str) -> None:
    card, facts = load_card(card_id), TEMPLATES[card_id]
    assert card.template == facts["template"]
    graph = expanded(expand, card, 1 if "edit" in facts else 0)
    ours: dict[str, list[dict[str, Any]]] = {}
    for node in graph.values():
        ours.setdefault(node["class_type"], []).append(node["inputs"])
    different = set(facts.get("differs", ()))
    for kind, wanted in (facts["text-to-image"] | facts.get("edit", {})).items():
        if kind in different:
            assert kind not in ours
            different.remove(kind)
            continue
        assert kind in ours, sorted(ours)
        for inputs in ours[kind]:
            for name, value in wanted.items():
                if f"{kind}.{name}" in different:
                    assert inputs[name] != value
                else:
                    assert inputs[name] == value, f"{kind}.{name}"
        different -= {f"{kind}.{name}" for name in wanted}
    assert not different, "said to differ, and not compared"
    assert not facts.get("differs") or card.differs, "the card says why"


def test_every_card_names_its_template_or_says_that_there_is_none() -> None:
    for card_id in CARDS:
        card = load_card(card_id)
        assert (card.template is not None) == (card_id in TEMPLATES)
        assert card.template or card.differs
