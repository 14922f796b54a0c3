"""Every door against every stop: what one of them refuses all of them refuse, and before anything is made."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from packshot import CatalogRun, Client, PackshotError, Workflow, run_workflow
from packshot.errors import ChecksFailed
from packshot.host.managed import HostStatus
from packshot.paths import shipped
from packshot.workflow.release.lock import lock_path
from support.host.brand_kits import kit

SMALL = {"steps": 1, "width": 128, "height": 128}
OURS = "ours.safetensors"  # the starter's weights under a name that nothing lists


@dataclass(frozen=True)
class Asked:
    """What is asked of a door."""

    url: str
    flow: Path
    out: Path
    kit: Path | None = None
    channel: str | None = None
    waive: tuple[str, ...] = ()


def by_submit(asked: Asked) -> str:
    with Client(asked.url, brand=asked.kit, channel=asked.channel, waive=asked.waive, out=asked.out) as client:
        return slug_of(lambda: client.submit(asked.flow, **SMALL).result(300))


def by_run_workflow(asked: Asked) -> str:
    policy: dict[str, Any] = {"brand": asked.kit, "channel": asked.channel, "waive": asked.waive}
    return slug_of(lambda: run_workflow(asked.flow, SMALL, host=asked.url, out=asked.out, **policy))


def by_run(asked: Asked) -> str:
    values = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    return command(asked, "run", asked.flow, "--host", asked.url, "--out", asked.out, *values)


def by_catalog_run(asked: Asked) -> str:
    def run() -> None:
        with CatalogRun(asked.out, create=True) as run:
            options: dict[str, Any] = {"workflow": asked.flow, "brand": asked.kit, "channel": asked.channel}
            texts = {name: str(value) for name, value in SMALL.items()}
            run.plan(table(asked), texts, **options, retries={"seeds": 0})
            status = run.run([asked.url], waive=asked.waive)
            for failure in status.failures.values():
                assert failure["slug"] == "checks-failed", f"it was to be refused before it was sent: {failure}"
                raise ChecksFailed(failure["message"], remedy=failure["remedy"])
            assert status.counts.done == 1

    return slug_of(run)


def by_catalog_command(asked: Asked) -> str:
    values = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ("catalog", "run", table(asked), "--workflow", asked.flow, "--host", asked.url, "--out", asked.out)
    return command(asked, *words, *values, "--retries", 0)


DOORS: dict[str, Callable[[Asked], str]] = {
    "Client.submit": by_submit,
    "run_workflow": by_run_workflow,
    "packshot run": by_run,
    "CatalogRun.run": by_catalog_run,
    "packshot catalog run": by_catalog_command,
}


def slug_of(door: Callable[[], object]) -> str:
    """The slug of what a door refuses with; empty where it makes the picture."""
    try:
        door()
    except PackshotError as error:
        return error.slug
    return ""


def command(asked: Asked, *words: object) -> str:
    more = ["--brand", asked.kit] if asked.kit else []
    more += ["--channel", asked.channel] if asked.channel else []
    more += [word for stop in asked.waive for word in ("--waive", stop)]
    line = [sys.executable, "-m", "packshot", *map(str, (*words, *more)), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300, env=os.environ)
    assert "Traceback" not in done.stderr
    answer = json.loads(done.stdout)
    if "error" in answer:
        return str(answer["error"]["slug"])
    if answer.get("quarantined"):
        assert done.returncode == 3
        return "checks-failed"
    assert done.returncode == 0, done.stderr
    assert [waiver["stop"] for waiver in answer["waived"]] == list(asked.waive)
    return ""


def table(asked: Asked) -> Path:
    path = asked.out.with_suffix(".csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["sku", "title"], ["A-1", "Red mug"]])
    return path


def jobs(url: str) -> int:
    """How many jobs the host has ever had."""
    return len(requests.get(f"{url}/history", timeout=10).json())


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own copy of a release of ``product-shot``, without a lock; and no settings of the user's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "library"
    shutil.copytree(shipped("workflows"), folder)
    for lock in folder.rglob("*.lock.json"):
        lock.unlink()
    return folder / "releases" / "product-shot" / "1.2.0.app.json"


@pytest.mark.parametrize("door", DOORS)
def test_weights_of_unknown_licence_are_refused(
    brand_client: Client, brand_home: Path, flow: Path, tmp_path: Path, door: str
) -> None:
    """Core's own loaders load them, which ask nobody."""
    folder = brand_home / "models" / "diffusion_models"
    if not (folder / OURS).exists():
        (folder / OURS).symlink_to((folder / "starter-flux2.safetensors").resolve())
    data = json.loads((flow.parent / "1.0.0.app.json").read_text())
    loader = next(node for node in data["nodes"] if node["type"] == "UNETLoader")
    loader["widgets_values"][0] = OURS
    (tmp_path / "flow.json").write_text(json.dumps(data))
    before = jobs(brand_client.url)
    assert DOORS[door](Asked(brand_client.url, tmp_path / "flow.json", tmp_path / "out")) == "licence-refused"
    assert jobs(brand_client.url) == before


@pytest.mark.parametrize("door", DOORS)
def test_a_lora_that_nobody_has_approved_is_refused(
    brand_client: Client, brand_home: Path, flow: Path, tmp_path: Path, door: str
) -> None:
    folder = tmp_path / "kit"
    folder.mkdir()
    (folder / "brand.yaml").write_text(yaml.safe_dump(kit(brand_home / "models" / "loras", approved_by="")))
    before = jobs(brand_client.url)
    assert DOORS[door](Asked(brand_client.url, flow, tmp_path / "out", kit=folder)) == "brand-invalid"
    assert jobs(brand_client.url) == before


@pytest.mark.parametrize("door", DOORS)
def test_a_host_that_is_not_as_it_was_locked_is_refused_or_waived(
    brand_client: Client, flow: Path, tmp_path: Path, door: str
) -> None:
    line = [sys.executable, "-m", "packshot", "workflow", "lock", flow, "--host", brand_client.url]
    subprocess.run(list(map(str, line)), check=True, timeout=120, capture_output=True)
    lock = json.loads(lock_path(flow).read_text())
    lock_path(flow).write_text(json.dumps({**lock, "comfyui": "0.29.9"}))
    before = jobs(brand_client.url)
    assert DOORS[door](Asked(brand_client.url, flow, tmp_path / "out")) == "workflow-invalid"
    assert jobs(brand_client.url) == before
    assert DOORS[door](Asked(brand_client.url, flow, tmp_path / "out", waive=("lock",))) == ""
    assert jobs(brand_client.url) == before + 1


@pytest.mark.parametrize("door", DOORS)
def test_a_picture_that_its_channel_does_not_take_is_told(
    brand_client: Client, flow: Path, tmp_path: Path, door: str
) -> None:
    """128 pixels a side are too few for a shop."""
    assert DOORS[door](Asked(brand_client.url, flow, tmp_path / "out", channel="amazon-main")) == "checks-failed"


@pytest.mark.parametrize("door", DOORS)
def test_a_licence_cannot_be_waived(brand_client: Client, flow: Path, tmp_path: Path, door: str) -> None:
    if door == "Client.submit":
        with pytest.raises(PackshotError, match="cannot be waived"):
            Client(brand_client.url, waive=["licence"])
        return
    assert DOORS[door](Asked(brand_client.url, flow, tmp_path / "out", waive=("licence",))) == "input-invalid"


def test_what_was_waived_stands_in_the_record_of_a_catalogues_picture(
    brand_client: Client, flow: Path, tmp_path: Path
) -> None:
    line = [sys.executable, "-m", "packshot", "workflow", "lock", flow, "--host", brand_client.url]
    subprocess.run(list(map(str, line)), check=True, timeout=120, capture_output=True)
    lock = json.loads(lock_path(flow).read_text())
    lock_path(flow).write_text(json.dumps({**lock, "comfyui": "0.29.9"}))
    assert by_catalog_run(Asked(brand_client.url, flow, tmp_path / "out", waive=("lock",))) == ""
    (record,) = (tmp_path / "out" / "pictures").glob("*.json")
    (waiver,) = json.loads(record.read_text())["waived"]
    assert (waiver["stop"], waiver["slug"]) == ("lock", "workflow-invalid")
    assert "ComfyUI: locked 0.29.9" in waiver["message"]


def test_a_video_does_not_pass_a_channel_unseen(host: HostStatus, tmp_path: Path) -> None:
    link = [1, 1, 0, 2, 0, "IMAGE"]
    nodes = [
        {"id": 1, "type": "EmptyImage", "mode": 0, "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
         "widgets_values": [64, 64, 2, 0]},
        {"id": 2, "type": "SaveWEBM", "mode": 0, "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
         "outputs": [], "widgets_values": ["film", "vp9", 8.0, 32.0]},
    ]  # fmt: skip
    film = Workflow({"nodes": nodes, "links": [link], "extra": {}, "version": 0.4}, "film.app.json")
    with Client(str(host.url), out=tmp_path) as client:
        assert [output.kind for output in client.submit(film).result(60).outputs] == ["video"]
    with Client(str(host.url), channel="amazon-main", out=tmp_path) as client:
        with pytest.raises(ChecksFailed) as caught:
            client.submit(film).result(60)
        assert caught.value.place.endswith(".webm")
