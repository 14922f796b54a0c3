from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from packshot import LoraFile
from packshot.errors import InputInvalid
from packshot.paths import config_dir
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


def test_no_tool_writes_over_the_file_that_it_reads_unasked(lora: LoraFile, tmp_path: Path) -> None:
    before = lora.path.read_bytes()
    link = tmp_path / "link.safetensors"
    link.symlink_to(lora.path)
    with pytest.raises(InputInvalid, match="no file to write is named"):
        lora.stamp(title="Kiln")
    with pytest.raises(InputInvalid, match="no file to write is named"):
        lora.convert(dtype="fp16")
    for out in (lora.path, link):
        with pytest.raises(InputInvalid, match="is the file that is read"):
            lora.stamp(out, title="Kiln")
        with pytest.raises(InputInvalid, match="is the file that is read"):
            lora.convert(out, "fp16")
        with pytest.raises(InputInvalid, match="is the file that is read"):
            lora.resize(out, rank=1)
        with pytest.raises(InputInvalid, match="is the file that is read"):
            LoraFile.merge([(lora.path, 1.0), (lora.path, 0.5)], out)
    assert lora.path.read_bytes() == before
    lora.stamp(title="Kiln", in_place=True)
    assert lora.inspect()["title"] == "Kiln"


@pytest.mark.parametrize("where", ["settings", "beside"])
def test_an_approved_file_is_never_written_over(lora: LoraFile, where: str) -> None:
    kit = {
        "name": "Kiln Harbor",
        "loras": [{
            "name": "Kiln", "file": lora.path.name, "sha256": hashlib.sha256(lora.path.read_bytes()).hexdigest(),
            "base": "starter", "strength": 0.8, "licence": "own", "approved_by": "Ann Example",
        }],
    }  # fmt: skip
    folder = lora.path.parent if where == "beside" else config_dir() / "brands" / "kiln"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump(kit))
    try:
        with pytest.raises(InputInvalid, match="Kiln Harbor has approved"):
            lora.stamp(title="Kiln", in_place=True)
        other = LoraFile(loras.write(lora.path.with_name("other.safetensors"), seed=2))
        with pytest.raises(InputInvalid, match="Kiln Harbor has approved"):
            other.convert(lora.path, "fp16")
        lora.stamp(lora.path.with_name("new.safetensors"), title="Kiln")
    finally:
        (folder / "brand.yaml").unlink()
    lora.stamp(title="Kiln", in_place=True)
