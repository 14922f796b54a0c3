"""LoRAs in another dtype."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import Part, merge, resize
from packshot.brand.lora.tensors import TensorFile
from support import loras
from support.loras import METADATA, metadata


@pytest.mark.parametrize("algorithm", {**loras.ADDITIVE, **loras.OTHERS})
@pytest.mark.parametrize(("dtype", "bound"), [("fp16", 2**-11), ("bf16", 2**-8), ("fp32", 0.0)])
def test_converting_rounds_every_algorithm(tmp_path: Path, algorithm: str, dtype: str, bound: float) -> None:
    path = loras.write(tmp_path / "in.safetensors", {**loras.ADDITIVE, **loras.OTHERS}[algorithm], metadata=METADATA)
    done = convert(path, tmp_path / "out.safetensors", dtype)
    file = TensorFile(done.file)
    for name, value in load_file(str(path)).items():
        assert file.header.tensors[name].dtype == ("F32" if value.ndim == 0 else done.dtype)
        assert np.abs(file.floats(name) - value).max() <= bound * np.abs(value).max()
    assert done.error <= bound
    assert {k: v for k, v in metadata(done.file).items() if k in METADATA} == {
        k: v for k, v in METADATA.items() if not k.startswith("sshs_")
    }


def test_a_dtype_is_kept_where_none_is_asked(tmp_path: Path) -> None:
    half = convert(loras.write(tmp_path / "in.safetensors"), tmp_path / "half.safetensors", "fp16").file
    brain = convert(loras.write(tmp_path / "in2.safetensors", seed=2), tmp_path / "brain.safetensors", "bf16").file
    assert resize(half, tmp_path / "1.safetensors", rank=2).dtype == "F16"
    assert merge([Part(half), Part(half)], tmp_path / "2.safetensors").dtype == "F16"
    assert merge([Part(half), Part(brain)], tmp_path / "3.safetensors").dtype == "F32"
    assert merge([Part(half), Part(brain)], tmp_path / "4.safetensors", dtype="bf16").dtype == "BF16"
