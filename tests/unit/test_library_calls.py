"""What the commands do, called from Python: bad values are refused, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import loras
import pytest

from packshot import BrandKit, LoraFile, ManagedHost, Workflow, check_image, fetch_model, judge_licence, plan_memory
from packshot.errors import BrandInvalid, InputInvalid, ModelMissing
from packshot.workflow.versions import library


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


def test_a_kit_with_a_wrong_colour_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(BrandInvalid, match="not a colour"):
        BrandKit.new(tmp_path / "kit", "Kiln", {"oat": "EFE6D6"})
    with pytest.raises(BrandInvalid, match="cannot be read"):
        BrandKit.new(tmp_path / "kit", "Kiln", {}, tmp_path / "logo.png")
    assert not (tmp_path / "kit").exists()
    kit = BrandKit.new(tmp_path / "kit", "Kiln", {"oat": "#EFE6D6"})
    assert kit.palette[0].role == "background"
    assert kit.show()["hash"] == kit.hash
    assert [change.where for change in kit.diff(kit.model_copy(update={"version": "2"}))] == ["version"]


def test_pictures_are_named_before_they_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no pictures here"):
        check_image(tmp_path)
    (report,) = check_image(tmp_path / "nowhere.png")
    assert report.reasons == ("not-found",)


def test_the_library_is_loaded_by_name() -> None:
    assert [workflow.name for workflow in Workflow.library()] == list(library())


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        fetch_model("nosuch", models=tmp_path)
    with pytest.raises(ModelMissing):
        plan_memory("product-shot", 12 << 30, card="nosuch", models=tmp_path)
    with pytest.raises(InputInvalid, match="no model, no workflow"):
        judge_licence("nosuch")
    assert not list(tmp_path.iterdir())


def test_a_log_is_followed_into_the_next_one(tmp_path: Path) -> None:
    host = ManagedHost(home=tmp_path)
    assert list(host.logs()) == []
    host.log.write_text("one\ntwo\nthree\n")
    assert list(host.logs(2)) == ["two\n", "three\n"]
    pieces = host.logs(1, follow=True)
    assert next(pieces) == "three\n"
    with host.log.open("a") as file:
        file.write("fo")
    assert next(pieces) == "fo"
    host.log.write_text("anew\n")
    assert next(pieces) == "anew\n"
