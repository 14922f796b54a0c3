from __future__ import annotations

from pathlib import Path

import pytest

from packshot import LoraFile
from packshot.errors import InputInvalid
from support import loras


@pytest.fixture
def lora(tmp_path: Path) -> LoraFile:
    return LoraFile(loras.write(tmp_path / "lora.safetensors", loras.peft))


def test_a_lora_is_not_written_in_an_unknown_dtype(lora: LoraFile, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(InputInvalid, match="fp32, fp16, bf16"):
        lora.convert(out, "fp8")
    with pytest.raises(InputInvalid, match="fp32, fp16, bf16"):
        lora.resize(out, rank=1, dtype="fp8")
    with pytest.raises(InputInvalid, match="fp32, fp16, bf16"):
        LoraFile.merge([(lora.path, 1.0), (lora.path, 0.5)], out, dtype="fp8")
    assert not out.exists()


def test_a_lora_is_compared_and_stamped(lora: LoraFile, tmp_path: Path) -> None:
    assert lora.compare(lora).cosine == pytest.approx(1)
    out = LoraFile(tmp_path / "stamped.safetensors")
    lora.stamp(out.path, title="Kiln", trigger="kilnharbor")
    assert (out.inspect()["title"], out.inspect()["trigger_words"]) == ("Kiln", ["kilnharbor"])
    assert out.inspect()["autov3"] == lora.inspect()["autov3"]
