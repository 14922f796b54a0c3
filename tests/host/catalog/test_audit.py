"""Every line of a real run's audit says what it is there to say, and says it right."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from PIL import Image

from packshot import Client
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.runner.station import row_hash
from packshot.comfy.protocol import graph_sha256
from packshot.host.managed import HostStatus
from packshot.workflow import Workflow
from support.host.catalogs import PLAIN, packshot
from support.places import DATA

COPY = DATA / "copy.app.json"  # LoadImage to SaveImage


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_tells_its_audit_everything(host: HostStatus, tmp_path: Path) -> None:
    workflow = tmp_path / "copy.app.json"
    shutil.copyfile(COPY, workflow)
    lock = Path(json.loads(packshot("workflow", "lock", workflow, "--host", host.url, "--json").stdout)["file"])
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), (200, 30, 90)).save(photo)
    table = tmp_path / "table.csv"
    table.write_text(f"sku,title,photo\nA,Mug,{photo}\n")
    out = tmp_path / "run"
    command = ["catalog", "run", table, "--workflow", workflow, "--out", out, "--host", host.url]
    packshot(*command, "--set", "photo={{ row.photo }}")
    lines = [json.loads(line) for line in (out / "audit.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["run", "sealed", "planned", "licences", "sent", "accepted", "sealed"]
    run, begun, _, licences, sent, accepted, ended = lines
    assert begun.keys() >= {"run", "key", "signature"}
    assert ended["files"]["manifest.csv"] == sha256(out / "manifest.csv")
    assert accepted["record"] == sha256(out / "pictures" / "A.json")
    answer = json.loads(packshot("catalog", "audit", out, "--json").stdout)
    assert (answer["ok"], answer["signer"], answer["unsealed"], answer["pictures"]) == (True, "known", 0, 1)
    with Ledger(out) as ledger, Client(host.url) as client:
        item = ledger.item("A")
        executed = client.api.history(sent["prompt_id"])[sent["prompt_id"]]["prompt"][2]
        boot = client.api.boot()
    assert run["workflow"] == {"name": "copy", "version": "1.0.0", "sha256": Workflow.load(workflow).sha256}
    assert run["locks"] == {"": sha256(lock)}
    assert run["table"]["sha256"] == sha256(table)
    assert licences["licences"]["decision"] == "allow"
    for line in (sent, accepted):
        assert (line["item_id"], line["host"], line["boot"]) == ("A", host.url, boot)
        assert line["prompt_id"] == sent["prompt_id"]
    assert sent["row"] == row_hash(item, sent["workflow"])
    assert sent["workflow"] == run["workflow"]["sha256"]
    assert sent["lock"] == sha256(lock)
    assert sent["inputs"] == {"photo": sha256(photo)}
    assert sent["graph"] == accepted["graph"] == graph_sha256(executed)
    assert accepted["file"] == "pictures/A.png"
    assert accepted["outputs"] == [accepted["sha256"]] == [sha256(out / "pictures" / "A.png")]
    assert accepted["seconds"] >= 0
    assert set(accepted["timings"]) <= {"1", "2"}
    assert accepted["timings"], "the nodes that the host told of"


def test_the_graph_that_is_told_is_the_one_that_the_host_executed(host: HostStatus, tmp_path: Path) -> None:
    """A host puts newer nodes in the place of old ones whose names it no longer has."""
    old = {"class_type": "T2IAdapterLoader", "inputs": {"t2i_adapter_name": "a"}, "_meta": {"title": "Adapter"}}
    new = {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "a"}}
    with Client(host.url, out=tmp_path) as client:
        draft = client.draft(Workflow.load(PLAIN), {"color": 5})
        assert client.send(draft).result(60).graph == graph_sha256(draft.graph)
        draft = client.draft(Workflow.load(PLAIN), {"color": 6})
        submitted = {**draft.graph, "9": old}  # no output needs it, so that it is replaced, and does not run
        result = client.send(replace(draft, graph=submitted)).result(60)
    assert result.graph == graph_sha256({**submitted, "9": new})
    assert result.graph != graph_sha256(submitted)
