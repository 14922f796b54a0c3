"""The routes of catalogue runs: shown while they run, and judged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from packshot.catalog.known_runs import remember_run, run_id
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.host.managed import HostStatus
from support.host.routes import ask, refused

# -- catalogue runs


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run with a picture, an open attempt and an item to be made."""
    folder = tmp_path / "run"
    with Ledger(folder, create=True) as ledger:
        ledger.record_facts({"brand": {"name": "<script>alert(1)</script>"}, "workflow": {"name": "w", "version": "1"}})
        made = [
            Item(f"S{n % 2}", "", f"i{n}", f"<b>Mug</b> {n}", f"i{n}", {"prompt": f"mug {n}"}, n, f"row {n}", {})
            for n in range(3)
        ]
        write_plan(ledger, Plan(tuple(made), ()))
        (folder / "pictures").mkdir()
        Image.new("RGB", (64, 64), "red").save(folder / "pictures" / "i0.png")
        ledger.begin("i0", "p0", "http://h")
        ledger.accept("p0", "pictures/i0.png", "a" * 64, 1.5)
        ledger.begin("i1", "p1", "http://h")
        (folder / "index.html").write_text("<h1>report</h1>")
        (folder / "secret.txt").write_text("no")
        (folder / ".lock").write_text("")
        (folder / "link.png").symlink_to("/etc/hostname")
        remember_run(folder)
        yield folder


def test_a_run_is_shown_while_it_runs(host: HostStatus, run: Path) -> None:
    (shown,) = [each for each in ask(host, "runs").json()["runs"] if each["id"] == run_id(run)]
    assert shown["title"] == "<script>alert(1)</script>"
    assert shown["counts"] == {"pending": 1, "running": 1, "done": 1, "failed": 0, "quarantined": 0}
    base = f"runs/{run_id(run)}"
    found = ask(host, f"{base}/items").json()
    assert [(item["id"], item["state"]) for item in found["items"]] == [
        ("i0", "done"),
        ("i1", "running"),
        ("i2", "pending"),
    ]
    assert found["items"][0]["attempts"][0]["outcome"] == "accepted"
    assert ask(host, f"{base}/items?state=running").json()["total"] == 1
    assert ask(host, f"{base}/items?words=mug%202").json()["total"] == 1
    assert [each["id"] for each in ask(host, f"{base}/items?offset=1&limit=1").json()["items"]] == ["i1"]
    for bad in ("state=x", "verdict=x", "offset=-1", "limit=1e9"):
        refused(ask(host, f"{base}/items?{bad}"), 400)


def test_the_folder_of_a_run_is_served_and_nothing_else(host: HostStatus, run: Path) -> None:
    base = f"{host.url}/packshot/runs/{run_id(run)}/files"
    assert requests.get(f"{base}/pictures/i0.png", timeout=30).headers["Content-Type"] == "image/png"
    assert requests.get(f"{base}/index.html", timeout=30).text == "<h1>report</h1>"
    for name in ("secret.txt", ".lock", "link.png", "ledger.sqlite", "..%2frun%2findex.html%00", "%2fetc%2fhostname"):
        refused(requests.get(f"{base}/{name}", timeout=30), 404)
    escaping = requests.Request("GET", base).prepare()
    escaping.url = f"{base}/../../../../system_stats"  # as no browser would send it
    assert requests.Session().send(escaping, timeout=30).status_code == 404


def test_verdicts_are_kept_beside_the_ledger(host: HostStatus, run: Path) -> None:
    base = f"runs/{run_id(run)}"
    said = {
        "item": "i0",
        "sha256": "a" * 64,
        "verdict": "rejected",
        "reason": "the <b>handle</b>\nis bent",
        "by": "A\x1b d",
    }
    refused(ask(host, f"{base}/verdict", {**said, "reason": " "}), 400)
    refused(ask(host, f"{base}/verdict", {**said, "sha256": "b" * 64}), 409)
    refused(ask(host, f"{base}/verdict", {**said, "item": "i2"}), 400)
    refused(ask(host, f"{base}/verdict", {**said, "verdict": "perhaps"}), 400)
    assert not (run / "approvals.json").exists()
    assert ask(host, f"{base}/verdict", said).ok
    stored = json.loads((run / "approvals.json").read_text())
    assert stored["format"] == 1
    assert stored["items"]["i0"]["reason"] == said["reason"]
    assert stored["items"]["i0"]["file"] == "pictures/i0.png"
    assert stored["items"]["i0"]["by"] == "A d"
    (item,) = ask(host, f"{base}/items?verdict=rejected").json()["items"]
    assert item["verdict"]["verdict"] == "rejected"
    assert item["verdict"]["by"] == "A d"
    assert ask(host, f"{base}/verdict", {**said, "by": " "}).json()["by"] == "canvas"
    assert ask(host, f"{base}/verdict", {**said, "verdict": "", "reason": ""}).ok
    assert json.loads((run / "approvals.json").read_text())["items"] == {}
    (run / "approvals.json").write_text("{")
    refused(ask(host, f"{base}/verdict", said), 400)
    assert (run / "approvals.json").read_text() == "{"


def test_many_verdicts_at_once_are_all_kept(host: HostStatus, run: Path) -> None:
    with Ledger(run) as ledger:
        for name in ("i1", "i2"):
            if name == "i2":
                ledger.begin(name, f"q{name}", "http://h")
            ledger.accept("p1" if name == "i1" else f"q{name}", f"pictures/{name}.png", "c" * 64, 1.0)
    bodies = [
        {"item": name, "sha256": ("a" if name == "i0" else "c") * 64, "verdict": "approved", "reason": ""}
        for name in ("i0", "i1", "i2")
    ]
    threads = [threading.Thread(target=ask, args=(host, f"runs/{run_id(run)}/verdict", body)) for body in bodies * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads((run / "approvals.json").read_text())["items"]) == {"i0", "i1", "i2"}
