"""The model cards: every one is there, holds together, names what core offers, and the page of them is up to date."""

import json
from pathlib import Path
from typing import Any

import make_models
import pytest
import yaml
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import ModelMissing, WorkflowInvalid
from packshot.models import cards
from packshot.models.cards import Card, Component, ModelFile, load_card
from packshot.models.describe import commercial_use
from packshot.models.detect import findings
from packshot.models.licensing import licences
from packshot.models.starter import files as starter
from support.places import ROOT

# What a ComfyUI 0.30.0 host without models answered at /object_info for the nodes that cards name.
NODES: dict[str, Any] = json.loads((ROOT / "tests/data/model_nodes.json").read_text())

CARDS = make_models.shipped_cards()

IDS = [card.id for card in CARDS]

RUNNING = [card for card in CARDS if card.supported_by_host]

# The models that Packshot was made to serve.
SERVED = {
    *("ernie-image", "ernie-image-turbo", "flux1-dev", "flux1-schnell", "flux2-dev", "flux2-klein-4b"),
    *("flux2-klein-4b-base", "flux2-klein-9b", "hunyuanimage-2.1", "hunyuanimage-3.0", "ltx-2", "pixart-sigma"),
    *("playground-v2.5", "qwen-image", "qwen-image-2512", "qwen-image-edit", "sd15", "sd21", "sd3-medium"),
    *("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sdxl", "sdxl-lightning-2step", "sdxl-lightning-4step"),
    *("sdxl-lightning-8step", "starter", "z-image", "z-image-turbo"),
}

# The names that detection gives to text encoders and VAEs; those of bases stand in `findings`.
ENCODERS = {
    *("clip-l", "clip-g", "clip-h", "t5xxl", "byt5-glyph", "mistral-3-small", "ministral-3-3b", "qwen3-4b", "qwen3-8b"),
    *("qwen2.5-vl-7b", "gemma3-12b"),
}

VAES = {"sd-vae", "flux1-vae", "flux2-vae", "wan2.1-vae", "hunyuanimage-vae", "ltx-2-vae", "taesd"}

# Bytes of a number by precision: GGUF's blocks and nvfp4's groups of 16 carry a scale beside 8, 4 (and 4) bits.
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1, "int8": 1, "nvfp4": 0.5625, "gguf-q8": 1.0625, "gguf-q4": 0.625}


def _choices(node: str, name: str) -> list[str]:
    return NODES[node]["input"]["required"][name][0]


def _same_or_first(component: Component, precision: str) -> ModelFile:
    return next((file for file in component.files if file.precision == precision), component.files[0])


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cards folder of the user's own."""
    monkeypatch.setattr(cards, "config_dir", lambda: tmp_path)
    folder = tmp_path / "cards"
    folder.mkdir()
    return folder


@pytest.mark.usefixtures("own")
def test_every_card_is_there() -> None:
    assert set(cards.card_ids()) == SERVED
    assert [load_card(card_id) for card_id in cards.card_ids()] == CARDS


@pytest.mark.parametrize("card", CARDS, ids=IDS)
class TestCard:
    """What holds for every card."""

    def test_names_known_licences(self, card: Card) -> None:
        named = {card.licence, *(part.licence for part in card.components)}
        assert named <= set(licences.licence_ids())
        assert commercial_use(card) in {"yes", "duties", "limited", "no"}

    def test_is_detected_by_known_names(self, card: Card) -> None:
        bases = set(findings.CARDS)
        known = {"checkpoint": bases, "diffusion_model": bases, "text_encoder": ENCODERS, "vae": VAES}
        for part in card.components:
            if card.supported_by_host:
                assert part.detected_as in known[part.slot], part.title
            if part.slot in ("checkpoint", "diffusion_model") and part.detected_as:
                assert card.family == part.detected_as

    def test_native_size_obeys_its_own_rule(self, card: Card) -> None:
        rule = card.resolution
        assert rule.step % card.latent.compression == 0
        assert all(side % rule.step == 0 for side in (*rule.native, rule.min_side))
        assert rule.min_side <= min(rule.native) <= max(rule.native) <= rule.max_side
        assert rule.min_pixels <= rule.native[0] * rule.native[1] <= rule.max_pixels

    def test_memory_is_that_of_its_files(self, card: Card) -> None:
        main = card.components[0]
        assert [memory.precision for memory in card.memory] == [file.precision for file in main.files]
        for memory in card.memory:
            total = sum(_same_or_first(part, memory.precision).size or 0 for part in card.components)
            assert memory.weights_gib == pytest.approx(total / 2**30, rel=0.02)

    def test_sizes_fit_parameters_and_precision(self, card: Card) -> None:
        for part in card.components:
            precisions = [file.precision for file in part.files]
            assert len(set(precisions)) == len(precisions), "alternatives differ in precision"
            for file in part.files:
                assert file.size is not None
                if part.parameters is None:
                    continue
                ratio = file.size / (part.parameters * BYTES[file.precision])
                # Files that mix precisions keep the layers that matter at 16 bits; checkpoints their encoders and VAE.
                mixed = "mixed" in file.name or part.slot == "checkpoint" or file.precision == "nvfp4"
                assert 0.85 < ratio < (1.5 if mixed else 1.15), (file.name, ratio)

    def test_files_can_be_fetched_or_generated(self, card: Card) -> None:
        for part in card.components:
            for file in part.files:
                if card.id == "starter" or not card.supported_by_host:
                    assert file.repo is None
                else:
                    assert file.repo is not None
                    assert file.repo.count("/") == 1
                    assert file.path is not None
                assert file.name.endswith(".gguf") == (file.node == "UnetLoaderGGUF")

    def test_says_where_it_differs_or_follows_a_template(self, card: Card) -> None:
        assert card.template is not None or card.differs

    def test_capabilities_follow_from_the_values(self, card: Card) -> None:
        if card.supported_by_host:
            assert ("negative-prompt" in card.capabilities) == (card.sampling.negative == "prompt")
        assert ("edit" in card.capabilities) == (card.encoding.edit is not None)
        assert ("multi-reference" in card.capabilities) == (card.encoding.max_references > 1)


@pytest.mark.parametrize("card", RUNNING, ids=[card.id for card in RUNNING])
class TestCardOnHost:
    """What core must offer for a card."""

    def test_loaders_take_it(self, card: Card) -> None:
        encoders = len(card.slot("text_encoder"))
        if encoders == 0:
            assert card.encoding.clip_type is None
        elif encoders == 1:
            assert card.encoding.clip_type in _choices("CLIPLoader", "type")
        elif encoders == 2:
            assert card.encoding.clip_type in _choices("DualCLIPLoader", "type")
        else:
            assert card.encoding.clip_type == "sd3"  # core's triple loader is for it alone
            assert {f"clip_name{n}" for n in (1, 2, 3)} == set(NODES["TripleCLIPLoader"]["input"]["required"])

    def test_latent_is_one_of_core(self, card: Card) -> None:
        given = {"width", "height", "batch_size"} | ({"length"} if card.kind == "video" else set())
        assert set(NODES[card.latent.node]["input"]["required"]) == given

    def test_sampling_is_offered(self, card: Card) -> None:
        sampling = card.sampling
        assert sampling.sampler in _choices("KSampler", "sampler_name")
        assert sampling.scheduler in [*_choices("KSampler", "scheduler"), "flux2", "ltxv"]
        assert sampling.shift_node is None or sampling.shift_node in NODES
        assert (sampling.scheduler == "flux2") <= (card.latent.node == "EmptyFlux2LatentImage")

    def test_reference_images_fit_the_node(self, card: Card) -> None:
        if card.encoding.edit == "qwen-image-edit-plus":
            pictures = [name for name in NODES["TextEncodeQwenImageEditPlus"]["input"]["optional"] if "image" in name]
            assert card.encoding.max_references == len(pictures)


def test_detection_knows_the_cards_of_each_base() -> None:
    of_base = {base: tuple(card.id for card in CARDS if card.family == base) for base in findings.CARDS}
    assert of_base == findings.CARDS


def test_one_file_name_means_one_file() -> None:
    """Cards that share a file agree on what it is: a folder can hold one file of a name."""
    seen: dict[tuple[str, str], tuple[int | None, str | None]] = {}
    for card in CARDS:
        for part in card.components:
            for file in part.files:
                key = (part.folder, file.name)
                assert seen.setdefault(key, (file.size, file.sha256)) == (file.size, file.sha256), key


@pytest.mark.usefixtures("own")
def test_starter_is_what_packshot_generates() -> None:
    card = load_card("starter")
    files = {f"{part.folder}/{file.name}": file.sha256 for part in card.components for file in part.files}
    assert files == {file.path: file.sha256 for file in starter.FILES}
    for part, made in zip(card.components, starter.FILES, strict=True):
        assert part.files[0].size == sum(len(block) for block in starter.content(made))


@pytest.mark.usefixtures("own")
def test_unknown_card() -> None:
    with pytest.raises(ModelMissing, match="no model card 'flux3'"):
        load_card("flux3")


def test_own_card_adds_and_overrides(own: Path) -> None:
    card = load_card("flux2-klein-4b").model_dump(mode="json")
    (own / "house-style.yaml").write_text(yaml.safe_dump(card | {"id": "house-style", "name": "House style"}))
    (own / "sdxl.yaml").write_text(yaml.safe_dump(card | {"id": "sdxl", "name": "Not SDXL"}))
    assert cards.card_ids() == sorted([*IDS, "house-style"])
    assert load_card("house-style").name == "House style"
    assert load_card("sdxl").name == "Not SDXL"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vram": 12}, "Extra inputs are not permitted"),
        ({"id": "other"}, "the id is 'other' and the file is named 'sdxl.yaml'"),
        ({"sources": []}, "at least 1 item"),
        ({"languages": []}, "at least 1 item"),
        ({"encoding": {"edit": "reference-latents"}}, "edit and max_references are given together"),
    ],
    ids=["unknown key", "other id", "no sources", "no languages", "edits from nothing"],
)
def test_invalid_own_card_is_refused(own: Path, change: dict[str, Any], said: str) -> None:
    card = load_card("sdxl").model_dump(mode="json")
    (own / "sdxl.yaml").write_text(yaml.safe_dump(card | change))
    with pytest.raises(WorkflowInvalid, match=said) as refused:
        load_card("sdxl")
    assert refused.value.place == str(own / "sdxl.yaml")


@pytest.mark.usefixtures("own")
def test_list_and_show() -> None:
    run = CliRunner().invoke
    listed = json.loads(run(app, ["models", "list", "--json"]).stdout)["models"]
    assert [card["id"] for card in listed] == sorted(IDS)
    shown = json.loads(run(app, ["models", "show", "flux2-klein-4b", "--json"]).stdout)
    assert [part["folder"] for part in shown["components"]] == ["diffusion_models", "text_encoders", "vae"]
    assert Card.model_validate(_without(shown)) == load_card("flux2-klein-4b")
    text = run(app, ["models", "show", "flux2-klein-4b"]).stdout
    for part in load_card("flux2-klein-4b").components:
        for file in part.files:
            assert f"{part.folder}/{file.name}" in text
    assert "sdxl-lightning-8step" in run(app, ["models", "list"]).stdout


def _without(shown: dict[str, Any]) -> dict[str, Any]:
    """A card as ``show --json`` gives it, without what it adds."""
    shown = {name: value for name, value in shown.items() if name != "commercial_use"}
    shown["components"] = [
        {name: value for name, value in part.items() if name != "folder"} for part in shown["components"]
    ]
    return shown
