"""Will it fit: estimates by phase, from headers, from cards, and of a workflow file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from packshot.errors import InputInvalid, ModelMissing
from packshot.models.cards import card_ids, load_card
from packshot.models.memory.estimates import GIB
from packshot.models.memory.plan import NONE, RESIDENT, STREAM, TILED, Picture, Plan, Planner
from packshot.models.memory.weigh import weigh
from support.models.own_card import component, own_card

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
