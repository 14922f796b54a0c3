"""The nodes that check and save, on a real host: files that channels accept, and say how they came about."""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import Client
from packshot.comfy.protocol import HostFile, Record
from packshot.host.install import Installation
from packshot.provenance.reading import read_account
from packshot.quality.channels import load_channel
from packshot.quality.run import check_file
from support.encodings import write_encoding
from support.host.picture_graphs import node, product_on_white, run, saved, texts, upload
from support.products import photograph


@pytest.fixture(scope="module")
def c2pa(installation: Installation) -> None:
    """C2PA's library in the shared host, as the extra brings it."""
    there = subprocess.run([installation.python, "-c", "import c2pa, cryptography"], capture_output=True, check=False)
    if there.returncode:
        pip = [installation.python, "-m", "pip", "install", "c2pa-python>=0.38", "cryptography>=42"]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"c2pa-python cannot be had here: {done.stderr[-200:]}")


def save(**changes: Any) -> dict[str, Any]:
    settings = {
        "channel": "amazon-main", "sku": "B0TEST1234", "variant": "1", "gtin": "", "title": "Mug", "rights": "",
        "folder": f"packshot/tests/{uuid.uuid4()}", "fit": True, "format": "the channel's", "name": "",
        "made": "from the graph", "keep_graph": False, "sign": "never",
    }  # fmt: skip
    return node("PackshotSaveForChannel", **settings | changes)


def files(client: Client, record: Record, node_id: str, folder: Path) -> list[Path]:
    """What a node saved, with the host's names."""
    found = [out for out in record.outputs if isinstance(out, HostFile) and out.node == node_id]
    assert all(out.folder == "output" for out in found)
    paths = []
    for out in found:
        stream = client.api.view(out.filename, out.subfolder, out.folder)
        assert stream is not None
        paths.append(folder / out.filename)
        paths[-1].write_bytes(b"".join(stream))
    return paths


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def refusal(client: Client, graph: dict[str, dict[str, Any]]) -> str:
    answer = client.api.submit({"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "0"})
    assert not answer.ok
    return answer.text


def test_a_file_by_the_channels_rules(client: Client, tmp_path: Path) -> None:
    graph = product_on_white(client)
    graph |= {
        "4": save(image=["3", 0]),
        "5": node("PreviewAny", source=["4", 0]),
        "6": node("PreviewImage", images=["3", 0]),
    }
    record = run(client, graph)
    assert record.succeeded, record
    [file] = files(client, record, "4", tmp_path)
    assert file.name == "B0TEST1234.MAIN.jpg"
    said = json.loads(texts(record, "5"))
    [entry] = said["files"]
    assert entry["file"] == f"{graph['4']['inputs']['folder']}/B0TEST1234.MAIN.jpg"
    assert entry["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry["reasons"] == []
    report = check_file(file, load_channel("amazon-main"))
    assert report.passed, report.reasons
    # It passed as it was, and so it was not touched: beside JPEG's rounding it is what the composite gave.
    image = Image.open(file)
    made = saved(client, record, "6")
    assert image.size == (1000, 1000)
    assert np.abs(np.asarray(image).astype(int) - made).mean() < 1
    assert image.info["icc_profile"]
    account = read_account(file)
    assert account.problems == ()
    assert account.source_type.endswith("/algorithmicallyEnhanced")
    assert account.statement is not None
    assert (account.statement.title, account.statement.recipe["sku"]) == ("Mug", "B0TEST1234")
    assert account.graph == ()
    assert b"PackshotProductComposite" not in file.read_bytes()


def test_a_picture_that_does_not_pass_is_placed(client: Client, tmp_path: Path) -> None:
    graph = product_on_white(client)
    graph["3"]["inputs"] |= {"fill": 0.4, "width": 700, "height": 500}
    graph |= {
        "4": save(image=["3", 0], channel="zalando", sku="S1"),
        "5": save(image=["3", 0], channel="google-merchant", sku="S1", format="WEBP"),
        "6": save(image=["3", 0], sku="S1", fit=False),
    }
    record = run(client, graph)
    assert record.succeeded, record
    for node_id, channel, name, wanted in (
        ("4", "zalando", "S1-1.jpg", (1801, 2600)),
        ("5", "google-merchant", "S1.1.webp", (1500, 1500)),
    ):
        [file] = files(client, record, node_id, tmp_path)
        assert (file.name, size(file)) == (name, wanted)
        report = check_file(file, load_channel(channel))
        assert set(report.reasons) <= {"blurred"}  # a small picture enlarged
    [file] = files(client, record, "6", tmp_path)
    assert size(file) == (700, 500)
    assert {"product-too-small", "side-too-short"} <= set(check_file(file, load_channel("amazon-main")).reasons)


def test_a_batch_is_numbered_and_alpha_and_graph_are_kept_where_asked(client: Client, tmp_path: Path) -> None:
    picture, mask = photograph("teapot")
    graph = {
        "1": node("LoadImage", image=upload(client, "teapot", np.dstack([picture, mask]))),
        "2": node("JoinImageWithAlpha", image=["1", 0], alpha=["1", 1]),
        "3": node("RepeatImageBatch", image=["2", 0], amount=3),
        "4": save(image=["3", 0], channel="plain", fit=False, format="PNG", sku="T", keep_graph=True),
    }
    record = run(client, graph)
    assert record.succeeded, record
    made = files(client, record, "4", tmp_path)
    assert [file.name for file in made] == ["T.1.png", "T.1-2.png", "T.1-3.png"]
    image = Image.open(made[0])
    assert image.mode == "RGBA"
    assert np.array_equal(np.asarray(image)[..., 3], np.round(mask * 255).astype(np.uint8))
    assert json.loads(image.text["prompt"])["4"]["class_type"] == "PackshotSaveForChannel"
    assert read_account(made[0]).graph == ("prompt", "workflow")


def test_no_file_of_an_earlier_run_is_replaced(client: Client, tmp_path: Path) -> None:
    folder = f"packshot/tests/{uuid.uuid4()}"

    def names(colour: int, count: int = 1) -> list[str]:
        graph = {
            "1": node("EmptyImage", width=64, height=64, batch_size=count, color=colour),
            "2": save(image=["1", 0], channel="plain", fit=False, sku="T", folder=folder),
        }
        record = run(client, graph)
        assert record.succeeded, record
        made = files(client, record, "2", tmp_path)
        for file in made:
            with Image.open(file) as image:
                red, green, blue = image.convert("RGB").getpixel((5, 5))
            assert abs(red - (colour >> 16)) + abs(green - (colour >> 8 & 255)) + abs(blue - (colour & 255)) < 12
        return [file.name for file in made]

    assert names(0xFF0000) == ["T.1.png"]
    assert names(0x00FF00) == ["T.1-2.png"]
    assert names(0x0000FF, 2) == ["T.1-3.png", "T.1-3.png"]  # the two are alike, byte for byte
    assert names(0x00FF00, 1) == ["T.1-2.png"]


@pytest.mark.usefixtures("c2pa")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_signed_manifest_names_what_the_picture_was_made_from(
    client: Client, tmp_path: Path, file_format: str
) -> None:
    graph = product_on_white(client)
    graph["4"] = save(image=["3", 0], channel="google-merchant", format=file_format, sign="with a test certificate")
    record = run(client, graph)
    assert record.succeeded, record
    [file] = files(client, record, "4", tmp_path)
    manifest = read_account(file).manifest
    assert (manifest.state, manifest.test, manifest.problems) == ("valid", True, ())
    assert manifest.source_type.endswith("/algorithmicallyEnhanced")
    assert manifest.actions[0] == "c2pa.opened"
    assert [name.startswith("mug-") for name in manifest.ingredients] == [True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "../elsewhere"}, "leads out of the output folder"),
        ({"folder": "/etc"}, "leads out of the output folder"),
        ({"folder": "a/../../b"}, "leads out of the output folder"),
        ({"folder": "a\0b"}, "leads out of the output folder"),
        ({"sku": ""}, "the product has no 'sku'"),
        ({"channel": "gs1", "gtin": "614141999997"}, "should be"),
        ({"name": "{title}"}, "the product has no 'title'"),
        ({"keep_graph": True}, "only a PNG keeps a graph"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_the_queue(
    client: Client, changes: dict[str, Any], message: str
) -> None:
    graph = {"1": node("EmptyImage", width=64, height=64, batch_size=1, color=0), "2": save(image=["1", 0], **changes)}
    said = refusal(client, graph)
    assert message in said
    assert "[input-invalid]" in said


@pytest.mark.parametrize("sku", ["../../x", "CON", "a/b\\c", "\u202egpj.exe", ".hidden", "x" * 300])
def test_no_name_leaves_the_folder(client: Client, tmp_path: Path, sku: str) -> None:
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": save(image=["1", 0], channel="plain", fit=False, sku=sku, folder="deep/er"),
    }
    record = run(client, graph)
    assert record.succeeded, record
    [out] = [out for out in record.outputs if isinstance(out, HostFile)]
    assert out.subfolder == "deep/er"
    assert not {"/", "\\", "\u202e"} & set(out.filename)
    assert files(client, record, "2", tmp_path)[0].stat().st_size > 0


def test_the_file_says_which_photograph_it_is_made_of(client: Client, tmp_path: Path) -> None:
    """Sent by a client, which has converted it: the record is that of the owner's file."""
    photo = write_encoding("jpeg display p3", tmp_path)
    place, origin = client.upload_photograph(photo)
    graph = {"1": node("PackshotLoadPhoto", image=place), "2": save(image=["1", 0], channel="plain", fit=False)}
    record = run(client, graph)
    assert record.succeeded
    (file,) = files(client, record, "2", tmp_path)
    statement = read_account(file).statement
    assert statement is not None
    (said,) = statement.recipe["photographs"]
    assert said["sha256"] == origin.sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert said["changes"] == ["converted"]
