"""One product in every encoding, through every door: the same picture comes out, and its record says what was done."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import CatalogRun, Client, Workflow, check_image, run_workflow, verify_image
from packshot.compose.photograph import read_photograph
from packshot.errors import InputInvalid, PhotographInvalid
from packshot.host.managed import HostStatus
from support.encodings import ENCODINGS, shown, tolerance, write_encoding
from support.host.jobs import COPY, colour, edited, picture
from support.host.proxy import Proxy, answer

# A cut-out passes core's Load Image as colours and a mask, which this workflow does not join again.
OPAQUE = [name for name in ENCODINGS if "cut out" not in name]
# Core's Load Image decodes JPEG and WebP as video, whose colours are a little off.
DECODED = {"jpeg", "jpeg progressive", "webp"}


def far(pixels: np.ndarray, name: str) -> float:
    difference = np.abs(pixels.astype(int) - shown(name)).max(axis=2)
    return float(difference.max() if tolerance(name) <= 2 else np.quantile(difference, 0.99))


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def with_load_photo() -> Workflow:
    """The same workflow with Packshot Load Photo in place of core's node."""

    def change(nodes: dict[int, dict[str, Any]], _: dict[str, Any]) -> None:
        nodes[1]["type"] = "PackshotLoadPhoto"

    return edited(COPY, change)


@pytest.fixture
def client(host: HostStatus, tmp_path: Path) -> Iterator[Client]:
    with Client(host.url or "", out=tmp_path / "out") as client:
        yield client


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photographs")
    return {name: write_encoding(name, folder) for name in ENCODINGS}


@pytest.mark.parametrize("name", OPAQUE)
def test_a_client_sends_what_core_shows_rightly(client: Client, files: dict[str, Path], name: str) -> None:
    result = client.submit(COPY, photo=files[name]).result(60)
    assert far(opened(result.outputs[0].read()), name) <= max(tolerance(name), 13 if name in DECODED else 0)
    (record,) = result.photographs
    origin = read_photograph(files[name]).record
    assert record == {"input": "photo", **origin.as_dict()}


@pytest.mark.parametrize("name", ENCODINGS)
def test_packshot_load_photo_reads_what_the_canvas_uploads(client: Client, files: dict[str, Path], name: str) -> None:
    with files[name].open("rb") as file:
        uploaded = client.api.upload(file, files[name].name, "photographs")
    result = client.submit(with_load_photo(), photo=uploaded).result(60)
    assert far(opened(result.outputs[0].read()), name) <= tolerance(name)
    (record,) = result.photographs
    assert (record["input"], record["sha256"]) == ("1", read_photograph(files[name]).record.sha256)
    assert record["changes"] == list(read_photograph(files[name]).record.changes)


def test_what_a_client_has_sent_keeps_its_record_on_the_host(client: Client, files: dict[str, Path]) -> None:
    result = client.submit(with_load_photo(), photo=files["jpeg display p3"]).result(60)
    (record,) = result.photographs
    assert (record["file"], record["changes"]) == ("jpeg-display-p3.jpg", ["converted"])
    assert far(opened(result.outputs[0].read()), "jpeg display p3") <= 13


def test_run_and_a_catalogue_send_the_same(host: HostStatus, files: dict[str, Path], tmp_path: Path) -> None:
    name = "png prophoto"
    result = run_workflow(COPY, {"photo": str(files[name])}, host=host.url, out=tmp_path / "run")
    assert far(opened(result.outputs[0].read()), name) <= 2
    rows = ["sku,title,photo", *(f"{number},mug,{files[each].name}" for number, each in enumerate(OPAQUE))]
    table = files[name].parent / "table.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    with CatalogRun(tmp_path / "catalogue", create=True) as run:
        run.plan(table, {"photo": "{{ row['photo'] }}"}, workflow=str(COPY))
        status = run.run([host.url or ""])
    assert not status.failures
    for number, each in enumerate(OPAQUE):
        (side,) = (tmp_path / "catalogue" / "pictures").glob(f"{number}.json")
        record = json.loads(side.read_text())
        assert record["photographs"] == [{"input": "photo", **read_photograph(files[each]).record.as_dict()}]
        assert far(opened(side.with_suffix(".png").read_bytes()), each) <= 13


@pytest.mark.parametrize("name", ["jpeg turned right", "jpeg adobe rgb", "heic of six tiles", "png 16 bit display p3"])
def test_a_check_and_a_verification_look_at_the_same(files: dict[str, Path], name: str) -> None:
    (report,) = check_image(files[name])
    assert "file.readable" not in report.reasons
    assert report.subject is not None
    assert far(report.subject.picture.pixels, name) <= tolerance(name)
    account = verify_image(files[name]).account
    assert (account.width, account.height) == (384, 256)


BAD = {
    "page.jpg": b"<!doctype html><title>403</title>",
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "sheet.jpg": b"%PDF-1.4",
}


def test_what_is_no_photograph_is_refused_before_anything_is_sent(
    host: HostStatus, files: dict[str, Path], tmp_path: Path
) -> None:
    for name, data in BAD.items():
        (tmp_path / name).write_bytes(data)
    whole = files["jpeg"].read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(tmp_path / "pipe.jpg")
    with Proxy(host.url or "") as proxy, Client(proxy.url, out=tmp_path / "out") as client:
        for name in (*BAD, "cut.jpg", "pipe.jpg"):
            with pytest.raises(PhotographInvalid) as refused:
                client.submit(COPY, photo=tmp_path / name)
            assert refused.value.place == str(tmp_path / name)
        assert "POST /upload/image" not in proxy.seen
        assert "POST /prompt" not in proxy.seen


def test_the_node_refuses_before_anything_is_queued(client: Client) -> None:
    for name, data in BAD.items():
        uploaded = client.api.upload(io.BytesIO(data), name, "photographs")
        with pytest.raises(PhotographInvalid, match="this is"):
            client.submit(with_load_photo(), photo=uploaded)
    with pytest.raises(PhotographInvalid, match="has no photograph"):
        client.submit(with_load_photo(), photo="nothing.jpg")


def test_a_row_whose_photograph_is_none_is_named_by_what_the_table_says(host: HostStatus, tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(BAD["page.jpg"])
    (tmp_path / "t.csv").write_text("sku,title,photo\na,mug,page.jpg\n", encoding="utf-8")
    with CatalogRun(tmp_path / "out", create=True) as run:
        run.plan(tmp_path / "t.csv", {"photo": "{{ row['photo'] }}"}, workflow=str(COPY))
        status = run.run([host.url or ""])
    (error,) = status.failures.values()
    assert (error["slug"], error["place"]) == ("photograph-invalid", "page.jpg")
    assert "a web page" in error["message"]


def test_an_upload_that_a_proxy_refuses_names_the_proxy(host: HostStatus, tmp_path: Path) -> None:
    (tmp_path / "mug.png").write_bytes(picture(colour()))
    with Proxy(host.url or "") as proxy, Client(proxy.url, out=tmp_path) as client:
        refusal = answer("413 Request Entity Too Large", "Server: nginx/1.25.3")
        proxy.rule = lambda request: refusal if request.line.startswith("POST /upload") else None
        with pytest.raises(InputInvalid, match="nginx") as refused:
            client.submit(COPY, photo=tmp_path / "mug.png")
    assert "client_max_body_size" in refused.value.remedy
