"""What inspecting a LoRA says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.brand.lora.changes import adapters_of, change_of
from packshot.brand.lora.metadata import scrubbed, trigger_words
from packshot.brand.lora.report import inspect_lora
from packshot.brand.lora.tensors import TensorFile
from support import loras
from support.loras import METADATA, body_start
from support.refusals import look
from support.weights import write_safetensors


@given(
    st.dictionaries(
        st.sampled_from(["a", "b.c"]),
        st.dictionaries(
            st.sampled_from([
                "lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha", "hada_w1_a", "hada_w1_b", "hada_w2_a",
                "hada_w2_b", "hada_t1", "lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "dora_scale", "diff", "diff_b",
                "oft_blocks", "a1.weight", "b1.weight", "w_norm", "set_weight", "lora_B.bias", "lora_A.weight",
            ]),
            st.lists(st.integers(0, 3), max_size=5).map(tuple),
            max_size=6,
        ),
        min_size=1,
    ),
    st.dictionaries(
        st.sampled_from(["ss_datasets", "ss_tag_frequency", "ss_num_train_images", "modelspec.trigger_phrase", "x"]),
        st.text(max_size=30) | st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ).map(json.dumps),
    ),
)  # fmt: skip
def test_layers_of_any_shape_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, layers: dict[str, dict[str, tuple[int, ...]]], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    shapes = {f"{layer}.{part}": shape for layer, parts in layers.items() for part, shape in parts.items()}
    write_safetensors(path, shapes, metadata, "F32")
    look(lambda: inspect_lora(path))
    look(lambda: [change_of(TensorFile(path), adapter) for adapter in adapters_of(TensorFile(path))])
    assert all(isinstance(word, str) for word in trigger_words(metadata))
    assert scrubbed(metadata).keys() <= metadata.keys()


def test_inspecting_says_all_that_is_promised(tmp_path: Path) -> None:
    path = loras.write(tmp_path / "in.safetensors", metadata=METADATA)
    answer = inspect_lora(path)
    content = path.read_bytes()
    assert (answer["kind"], answer["layout"], answer["algorithm"], answer["rank"]) == ("lora", "comfyui", "lora", 4)
    assert answer["alpha"] == 2.0
    assert answer["keys"] == 12
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer["autov3"] == hashlib.sha256(content[body_start(path) :]).hexdigest()[:12]
    assert answer["trigger_words"] == ["tide style", "sea light"]
    assert answer["metadata"] == METADATA


@pytest.mark.parametrize(
    ("make", "metadata", "alpha", "source"),
    [
        (loras.lora, None, 2.0, "tensors"),
        (loras.peft, None, 4.0, "rank"),
        (loras.peft, {"ss_network_alpha": "8"}, 8.0, "metadata"),
        (loras.oft, None, None, None),
    ],
)
def test_alpha_is_that_of_the_scale(
    tmp_path: Path, make: loras.Make, metadata: dict[str, str] | None, alpha: float | None, source: str | None
) -> None:
    answer = inspect_lora(loras.write(tmp_path / "lora.safetensors", make, metadata=metadata))
    assert (answer["alpha"], answer["alpha_from"]) == (alpha, source)


def test_an_alpha_that_only_diffusers_applies_is_noted(tmp_path: Path) -> None:
    said = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 8})}
    answer = inspect_lora(loras.write(tmp_path / "in.safetensors", loras.peft, metadata=said))
    assert answer["alpha"] == 8
    assert any("diffusers applies it 2 times" in note for note in answer["notes"])
