"""Will it fit: estimates by phase, from headers, from cards, and of a workflow file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from packshot.errors import InputInvalid, InputUnknown, ModelMissing
from packshot.models.cards import card_ids, load_card
from packshot.models.memory.estimates import FAMILIES, GIB, decode_bytes, overhead, parse_size, sampling_bytes
from packshot.models.memory.plan import NONE, RESIDENT, STREAM, TILED, Picture, Plan, Planner
from packshot.models.memory.weigh import weigh
from packshot.workflow import Workflow
from packshot.workflow.loads import Latent, read_loads
from support.own_card import component, own_card

BIG = {"bf16": 24 * GIB, "fp8": 12 * GIB, "nvfp4": 7 * GIB}


@pytest.fixture
def kiln(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card in the settings folder whose files are nowhere; gives an empty models folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    parts = (component("diffusion_model", **BIG), component("text_encoder", bf16=9 * GIB, fp8=5 * GIB))
    card = own_card("kiln", *parts, component("vae", bf16=GIB // 4))
    folder = tmp_path / "packshot" / "cards"
    folder.mkdir(parents=True)
    (folder / "kiln.yaml").write_text(json.dumps(card))
    return tmp_path / "models"


def price(models: Path, vram: float, *pictures: Picture, ram: float | None = None, **options: Any) -> Plan:
    planner = Planner(round(vram * GIB), round(ram * GIB) if ram else None, models)
    return planner.plan([planner.card("kiln", options.get("precision"))], pictures, options.get("tile"))


def means(plan: Plan) -> list[str]:
    return [phase.means for phase in plan.phases]


def test_figures_are_cores_formulas() -> None:
    # 64 x 64 latent cells x 2 bytes x 0.01 x 14.63 MiB (FLUX.2 klein 4B), and 2178 numbers of 2 bytes per pixel.
    assert sampling_bytes(FAMILIES["flux2-klein-4b"], 1024, 1024) == pytest.approx(1198.4 * (1 << 20), rel=1e-4)
    assert decode_bytes(FAMILIES["flux2-klein-4b"], 1024, 1024) == 2178 * 2 * 1024 * 1024
    assert overhead("sd15", "text_encoder", 512, 512) == (400 << 20) + round(0.8 * GIB)


def test_every_family_of_the_cards_is_known() -> None:
    cards = [load_card(card_id) for card_id in card_ids()]
    assert {card.family for card in cards if card.supported_by_host} <= set(FAMILIES)
    for card in cards:
        if card.supported_by_host:
            assert FAMILIES[card.family].compression == card.latent.compression, card.id


def test_means_by_the_room_there_is(kiln: Path) -> None:
    assert means(price(kiln, 80)) == [RESIDENT, RESIDENT, RESIDENT]
    assert means(price(kiln, 16)) == [RESIDENT, RESIDENT, RESIDENT]
    assert means(price(kiln, 8)) == [RESIDENT, STREAM, RESIDENT]
    assert means(price(kiln, 4)) == [STREAM, STREAM, TILED]
    assert means(price(kiln, 2)) == [NONE, NONE, TILED]
    assert means(price(kiln, 1))[2] == NONE
    assert price(kiln, 4).fits
    assert not price(kiln, 2).fits


def test_it_is_the_card_of_the_best_precision_that_fits(kiln: Path) -> None:
    assert [round(phase.weights_gib, 2) for phase in price(kiln, 80).phases] == [9, 24, 0.25]
    assert [round(phase.weights_gib, 2) for phase in price(kiln, 16).phases] == [9, 12, 0.25]


def test_advice_names_the_lower_precision_and_its_command(kiln: Path) -> None:
    plan = price(kiln, 16, precision="bf16")
    assert means(plan) == [RESIDENT, STREAM, RESIDENT]
    [advice] = plan.advice
    assert "12.0 GiB" in advice
    assert advice.endswith("packshot models fetch kiln --precision fp8")


def test_advice_on_pictures_and_main_memory(kiln: Path) -> None:
    assert any("VAE Decode (Tiled)" in line for line in price(kiln, 16, Picture(4096, 4096)).advice)
    assert any("smaller picture" in line for line in price(kiln, 16, Picture(4096, 4096, batch=64)).advice)
    assert any("main memory" in line for line in price(kiln, 16, ram=8).advice)
    assert price(kiln, 80, ram=64).advice == ()


def test_tiles_that_the_workflow_decodes_in_are_priced(kiln: Path) -> None:
    whole, tiled = price(kiln, 80, Picture(2048, 2048)), price(kiln, 80, Picture(2048, 2048), tile=512)
    assert tiled.phases[2].means == TILED
    assert tiled.phases[2].gib < whole.phases[2].gib


@given(
    vram=st.floats(1, 100),
    more=st.floats(0, 50),
    side=st.integers(1, 128),
    batch=st.integers(1, 8),
)
def test_more_memory_never_fits_less_and_peaks_stay_below_it(vram: float, more: float, side: int, batch: int) -> None:
    def of(gib: float) -> Plan:
        planner = Planner(round(gib * GIB), None, Path("nowhere"))
        return planner.plan([planner.card("flux2-klein-4b")], [Picture(side * 32, side * 32, batch)], None)

    small, large = of(vram), of(vram + more)
    assert small.fits <= large.fits
    for plan, room in ((small, vram), (large, vram + more)):
        assert plan.peak_gib <= room + 1e-6 or not plan.fits
        assert plan.peak_gib == max(phase.gib for phase in plan.phases)


def test_weights_come_from_the_header_where_the_file_is_there(kiln: Path) -> None:
    file = kiln / "checkpoints" / "own.safetensors"
    file.parent.mkdir(parents=True)
    tensors = {
        "model.diffusion_model.a": np.zeros(3000, np.float16),
        "conditioner.b": np.zeros(1000, np.float32),  # core loads it in 16 bit
        "first_stage_model.c": np.zeros(500, np.float16),
    }
    save_file(tensors, file)
    parts = weigh(file, "checkpoint")
    assert parts is not None
    assert (parts.diffusion, parts.encoder, parts.vae, parts.total) == (6000, 2000, 1000, 9000)

    planner = Planner(GIB, None, kiln)
    assert planner.files("checkpoints", ["own.safetensors"]).parts == parts
    file.write_bytes(b"not a header at all")
    assert weigh(file, "checkpoint") is None
    with pytest.raises(ModelMissing, match="--card"):
        planner.files("checkpoints", ["own.safetensors"])


def test_a_checkpoint_that_is_not_there_is_split_by_its_family(kiln: Path) -> None:
    planner = Planner(24 * GIB, None, kiln)
    parts = planner.card("sdxl").parts
    assert parts.encoder + parts.diffusion + parts.vae == parts.total
    assert parts.diffusion / parts.total == pytest.approx(2.567 / 3.469, abs=0.001)
    assert planner.files("checkpoints", ["sd_xl_base_1.0.safetensors"]).parts == parts
    # The text encoder of LTX-2 is a file of its own.
    assert planner.card("ltx-2").parts.encoder < planner.card("ltx-2").parts.total / 2


def test_no_part_of_a_card_is_counted_twice(kiln: Path) -> None:
    planner = Planner(24 * GIB, None, kiln)
    for card in map(load_card, card_ids()):
        if card.supported_by_host:
            parts = planner.card(card.id).parts
            assert parts.encoder + parts.diffusion + parts.vae == parts.total, card.id
            assert parts.diffusion > 0, card.id
            assert parts.encoder > 0, card.id
            assert 0 < parts.vae < parts.total / 4, card.id
    # The file of its diffusion model and VAE alone has 4.34 GB, of which the VAE takes 0.17; its T5 is in fp8.
    assert planner.card("sd3-medium").parts.diffusion == pytest.approx(4.17e9, rel=0.01)


def test_the_plan_names_the_files_it_priced(kiln: Path) -> None:
    plan = price(kiln, 16)
    assert [(file.precision, round(file.gib), file.here) for file in plan.files] == [
        ("fp8", 12, False), ("bf16", 9, False), ("bf16", 0, False)
    ]  # fmt: skip
    file = kiln / plan.files[1].file
    file.parent.mkdir(parents=True)
    with file.open("wb") as made:
        made.truncate(9 * GIB)
    assert [one.here for one in price(kiln, 16).files] == [False, True, False]


def test_four_bits_are_advised_with_the_chip_that_computes_in_them(kiln: Path) -> None:
    plan = price(kiln, 9)
    assert means(plan)[1] == STREAM
    assert any(
        "in nvfp4 (7.0 GiB) would stay resident, but only on an NVIDIA GPU of Blackwell" in n for n in plan.advice
    )


def test_a_vae_of_unknown_size_is_left_out_and_said_to_be(kiln: Path) -> None:
    planner = Planner(24 * GIB, None, kiln)
    plan = planner.plan([planner.card("kiln"), planner.files("vae", ["own.safetensors"])], [], None)
    assert any(line.startswith("vae/own.safetensors is not there") for line in plan.advice)
    with pytest.raises(ModelMissing, match="--card"):
        planner.files("diffusion_models", ["own.safetensors"])


def test_nothing_to_price(kiln: Path) -> None:
    with pytest.raises(InputInvalid, match="--card"):
        Planner(GIB, None, kiln).plan([Planner(GIB, None, kiln).files("vae", ["ae.safetensors"])], [], None)
    with pytest.raises(InputInvalid, match="ComfyUI has no code"):
        Planner(GIB, None, kiln).card("hunyuanimage-3.0")


@pytest.mark.parametrize(
    ("text", "size"),
    [("12GiB", 12 * GIB), ("12", 12 * GIB), ("12 GB", 12 * 10**9), ("11.5gib", 23 * GIB // 2), ("800MiB", 800 << 20)],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "12 apples", "1e9", "NaN", "12GiBs"])
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(InputInvalid, match="12GiB"):
        parse_size(text)


def node(number: int, kind: str, widgets: list[Any], mode: int = 0, **wired: int) -> dict[str, Any]:
    inputs = [{"name": name, "type": "INT", "widget": {"name": name}, "link": link} for name, link in wired.items()]
    return {"id": number, "type": kind, "mode": mode, "inputs": inputs, "outputs": [], "widgets_values": widgets}


def workflow(*nodes: dict[str, Any], **inputs: tuple[int, str]) -> Workflow:
    block = {"inputs": {name: {"node": number, "widget": widget} for name, (number, widget) in inputs.items()}}
    data = {"nodes": list(nodes), "links": [[1, 90, 0, 1, 0, "INT"]], "extra": {"packshot": block}}
    return Workflow(data, "test.json")


def test_what_a_workflow_loads() -> None:
    flow = workflow(
        node(1, "UNETLoader", ["a.safetensors", "default"]),
        node(2, "DualCLIPLoader", ["b.safetensors", "c.safetensors", "flux", "default"]),
        node(3, "VAELoader", ["d.safetensors"]),
        node(4, "VAELoader", ["muted.safetensors"], mode=2),
        node(5, "EmptySD3LatentImage", [1280, 720, 2]),
        node(6, "EmptyLTXVLatentVideo", [768, 512, 97, 1]),
        node(7, "VAEDecodeTiled", [256, 64, 64, 8]),
        node(8, "EmptyLatentImage", [64, 512, 1], width=1),
        size=(5, "width"),
    )
    loads = read_loads(flow, {})
    assert loads.files == (
        ("diffusion_models", ("a.safetensors",)),
        ("text_encoders", ("b.safetensors", "c.safetensors")),
        ("vae", ("d.safetensors",)),
    )
    assert loads.latents == (Latent(1280, 720, 2), Latent(768, 512, 1, 13), Latent(0, 512, 1))
    assert loads.tile == 256
    assert read_loads(flow, {"size": "640"}).latents[0] == Latent(640, 720, 2)
    with pytest.raises(InputUnknown, match="size"):
        read_loads(flow, {"sise": "640"})


def test_what_a_subgraph_loads() -> None:
    inner = {
        "id": "5f0e", "name": "Load", "inputs": [], "outputs": [],
        "nodes": [
            node(3, "UNETLoader", ["a.safetensors", "default"], unet_name=1),
            node(4, "EmptyFlux2LatentImage", [512, 256, 1], width=2),
            node(5, "5f0e", []),
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 3, "target_slot": 0, "type": "COMBO"},
            {"id": 2, "origin_id": 9, "origin_slot": 0, "target_id": 4, "target_slot": 0, "type": "INT"},
        ],
    }  # fmt: skip
    data = {"nodes": [node(12, "5f0e", [])], "links": [], "definitions": {"subgraphs": [inner]}}
    loads = read_loads(Workflow(data, "test.json"), {})
    assert loads.files == (("diffusion_models", ("a.safetensors",)),)
    assert loads.latents == (Latent(0, 256),)


def test_a_card_that_a_workflow_loads() -> None:
    flow = workflow(
        node(1, "PackshotLoadModel", ["starter", "auto", "settings"]),
        node(2, "PackshotEmptyLatent", [0, 0, 1]),
        model=(1, "card"),
    )
    assert read_loads(flow, {}).cards == (("starter", "auto"),)
    loads = read_loads(flow, {"model": "sdxl"})
    assert loads.cards == (("sdxl", "auto"),)
    assert loads.latents == (Latent(),)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from packshot.cli import main; main()", "plan", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_command_answers_in_json_and_in_words(tmp_path: Path) -> None:
    options = ("product-shot", "--vram", "12GiB", "--card", "flux2-dev", "--models", str(tmp_path))
    answer = json.loads(command(*options, "--json").stdout)
    assert set(answer) == {"fits", "phases", "peak_gib", "files", "advice"}
    assert [phase["phase"] for phase in answer["phases"]] == ["text encoder", "diffusion", "VAE decode"]
    assert answer["fits"] is True
    assert answer["phases"][1]["means"] == STREAM
    words = command(*options)
    assert "fits in 12.0 GiB" in words.stdout
    assert "estimates, not measurements" in words.stdout


def test_the_command_takes_the_files_of_a_released_workflow(tmp_path: Path) -> None:
    answer = json.loads(command("product-shot@1.0.0", "--vram", "2", "--models", str(tmp_path), "--json").stdout)
    assert answer["fits"] is True


def test_the_command_refuses_what_is_no_size() -> None:
    answer = command("product-shot", "--vram", "much", "--json")
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["error"]["slug"] == "input-invalid"
