"""An adapter's tensors as ComfyUI reads them, and what is missing of damaged ones."""

from __future__ import annotations

import numpy as np
import pytest

from packshot.brand.lora.naming.parts import fault, read_parts
from packshot.models.files.adapters import adapters
from support import loras

Arrays = dict[str, np.ndarray]


def read(arrays: Arrays) -> Arrays:
    (adapter,) = adapters({name: array.shape for name, array in arrays.items()})
    return {f"bias {part.suffix}" if part.of_bias else part.suffix: part.tensor for part in read_parts(adapter, arrays)}


def said(arrays: Arrays) -> str:
    shapes = {name: array.shape for name, array in arrays.items()}
    (adapter,) = adapters(shapes)
    return fault(adapter, shapes)


def made(make: loras.Make) -> Arrays:
    return make("layer", 96, 32, np.random.default_rng(1))


@pytest.mark.parametrize("name", {**loras.ADDITIVE, **loras.OTHERS})
def test_every_algorithm_is_whole_and_keeps_its_numbers(name: str) -> None:
    arrays = made({**loras.ADDITIVE, **loras.OTHERS}[name])
    assert said(arrays) == ""
    parts = read(arrays)
    assert len(parts) == len(arrays)
    assert sum(float(part.sum()) for part in parts.values()) == pytest.approx(
        sum(float(array.sum()) for array in arrays.values()), rel=1e-4
    )


def test_peft_becomes_what_core_reads() -> None:
    arrays = {
        "layer.lora_A.brand.weight": np.ones((4, 32), np.float32),
        "layer.lora_B.brand.weight": np.ones((96, 4), np.float32),
        "layer.lora_B.brand.bias": np.ones(96, np.float32),
        "layer.lora_magnitude_vector.brand.weight": np.ones(96, np.float32),
        "layer.alpha": np.array(2.0, np.float32),
    }
    parts = read(arrays)
    assert parts.keys() == {"lora_down.weight", "lora_up.weight", "bias diff", "dora_scale", "alpha"}
    assert parts["dora_scale"].shape == (96, 1)
    assert np.array_equal(parts["bias diff"], np.full(96, 0.5))


def test_a_convolutions_magnitudes_are_as_deep_as_its_kernel() -> None:
    arrays = {
        "layer.lora_A.weight": np.ones((4, 32, 3, 3), np.float32),
        "layer.lora_B.weight": np.ones((96, 4, 1, 1), np.float32),
        "layer.lora_magnitude_vector": np.ones((1, 96, 1, 1), np.float32),
    }
    assert read(arrays)["dora_scale"].shape == (96, 1, 1, 1)


@pytest.mark.parametrize(
    ("make", "without", "says"),
    [
        (loras.lora, "lora_down.weight", "has no down"),
        (loras.peft, "lora_B.weight", "has no up"),
        (loras.loha, "hada_w2_b", "has no w2_b"),
        (loras.lokr, "lokr_w1", "has no w1"),
        (loras.lokr_both, "lokr_w2_a", "has no w2"),
        (loras.glora, "a2.weight", "has no a2"),
    ],
)
def test_a_part_that_is_missing_is_named(make: loras.Make, without: str, says: str) -> None:
    assert says in said({name: array for name, array in made(make).items() if not name.endswith(without)})


def test_ranks_that_differ_are_named() -> None:
    arrays = made(loras.peft)
    arrays["layer.lora_A.weight"] = np.ones((3, 32), np.float32)
    assert said(arrays) == "up and down have different ranks: 4 and 3"


def test_numbers_that_do_not_fit_are_named() -> None:
    assert said({**made(loras.lora), "layer.alpha": np.ones(2, np.float32)}) == "alpha has 2 values"
    assert "33 magnitudes" in said({**made(loras.peft), "layer.lora_magnitude_vector": np.ones(33, np.float32)})
