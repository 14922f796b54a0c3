"""The routes that the canvas extension asks, on a real host: what they answer, and whom and what they refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from packshot import Client, Workflow
from packshot.catalog.known_runs import remember_run, run_id
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.host.managed import HostStatus

Json = dict[str, Any]


@pytest.fixture
def shot() -> Json:
    """Our own workflow, as the canvas would send it."""
    data: Json = json.loads(json.dumps(Workflow.load("product-shot").data))
    return data


def ask(host: HostStatus, path: str, content: Any = None, **headers: str) -> requests.Response:
    url = f"{host.url}/packshot/{path}"
    if content is None:
        return requests.get(url, headers=headers, timeout=60)
    return requests.post(url, json=content, headers=headers, timeout=60)


def refused(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["error"]["message"]
    assert message
    return message


# -- whom they answer


@pytest.mark.parametrize("path", ["memory", "brands", "runs", "cards/starter"])
def test_only_pages_of_this_host_and_programs_are_answered(host: HostStatus, path: str) -> None:
    assert ask(host, path).ok
    assert ask(host, path, **{"Sec-Fetch-Site": "same-origin"}).ok
    assert ask(host, path, **{"Sec-Fetch-Site": "none"}).ok
    refused(ask(host, path, **{"Sec-Fetch-Site": "same-site"}), 403)
    assert ask(host, path, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403  # core is there first
    # Core compares the origin for local addresses; ours is compared for every one.
    refused(ask(host, path, Host="pictures.example", Origin="https://evil.example"), 403)


def test_what_changes_something_is_not_done_for_another_page(host: HostStatus) -> None:
    refused(ask(host, "unload", {}, **{"Sec-Fetch-Site": "none"}), 403)
    refused(ask(host, "unload", {}, Host="pictures.example", Origin="https://evil.example"), 403)
    body = requests.post(f"{host.url}/packshot/workflow/contract", data="{}", timeout=30)
    refused(body, 415)


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 100_000, '"\\ud800"', "NaN"])
def test_a_body_that_is_no_object_is_refused(host: HostStatus, body: str) -> None:
    answer = requests.post(
        f"{host.url}/packshot/workflow/contract",
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    refused(answer, 400)


def test_a_body_that_is_too_large_is_refused(host: HostStatus) -> None:
    answer = requests.post(
        f"{host.url}/packshot/workflow/contract",
        data=b'{"workflow": "' + b"x" * (33 << 20) + b'"}',
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    refused(answer, 413)


# -- memory


def test_memory_is_reported_and_models_are_unloaded_only_between_prompts(host: HostStatus, tmp_path: Path) -> None:
    with Client(str(host.url), out=tmp_path) as client:
        client.submit("product-shot", seed=11).result(timeout=300)
        report = ask(host, "memory").json()
        assert report["remaining"] == 0
        (device,) = report["devices"]
        assert 0 < device["free"] < device["total"]
        assert report["models"]
        for model in report["models"]:
            assert 0 <= model["resident"] <= model["total"]
        job = client.submit("product-shot", seed=12, steps=20)
        refused(ask(host, "unload", {}), 409)
        job.result(timeout=300)
    deadline = time.monotonic() + 60
    while (answer := ask(host, "unload", {})).status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.json()["unloading"]
    while ask(host, "memory").json()["models"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


# -- brands and cards


def test_a_brand_is_described_and_a_picture_is_checked_against_it(host: HostStatus) -> None:
    known = ask(host, "brands").json()
    assert {"aldern-quay", "lumen-forge"} <= set(known["kits"])
    brand = ask(host, "brands/aldern-quay").json()
    assert [colour["hex"] for colour in brand["palette"]]
    encoded = BytesIO()
    Image.new("RGB", (320, 320), "white").save(encoded, "PNG")
    found = requests.post(
        f"{host.url}/packshot/brands/aldern-quay/check?channel=amazon-main&name=%3Cb%3E.png",
        data=encoded.getvalue(),
        headers={"Content-Type": "image/png"},
        timeout=60,
    ).json()
    assert found["file"] == "<b>.png"
    assert not found["passed"]
    assert found["reasons"]
    assert {check["id"] for check in found["checks"]} >= {"file.readable"}


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../x", "", ".", "a\0b", "no-such.png"])
def test_a_picture_of_the_host_is_named_within_its_folders(host: HostStatus, name: str) -> None:
    refused(ask(host, "brands/aldern-quay/check", {"filename": name, "type": "output"}), 404)
    refused(ask(host, "brands/aldern-quay/check", {"filename": "x", "subfolder": name, "type": "output"}), 404)
    refused(ask(host, "brands/aldern-quay/check", {"filename": "x", "type": "models"}), 400)


@pytest.mark.parametrize("path", ["brands/none", "brands/..%2f..", "cards/none", "cards/..%2fsd15", "runs/x/items"])
def test_what_is_not_there_is_not_found(host: HostStatus, path: str) -> None:
    refused(ask(host, path), 404)


def test_a_card_tells_its_licence_and_size(host: HostStatus) -> None:
    card = ask(host, "cards/flux1-dev").json()
    assert card["licence"]
    assert card["decision"] in ("allow", "duties", "refuse")
    assert card["bytes"] > 1 << 30
    assert card["missing"]
    assert not ask(host, "cards/starter").json()["missing"]


# -- the workflow


def test_the_contract_is_what_the_client_sees(host: HostStatus, shot: Json) -> None:
    found = ask(host, "workflow/contract", {"workflow": shot}).json()
    with Client(str(host.url)) as client:
        contract = client.prepare(Workflow(shot, "x")).contract
    assert [each["name"] for each in found["inputs"]] == list(contract.inputs)
    assert [each["default"] for each in found["inputs"]] == [spec.default for spec in contract.inputs.values()]
    assert found["problems"] == []
    assert found["changes"]["level"] == "none"
    assert found["reference"] == f"product-shot@{found['version']}"
    compile(found["snippets"]["python"], "snippet", "exec")
    shot["extra"]["packshot"]["inputs"].pop("seed")
    found = ask(host, "workflow/contract", {"workflow": shot}).json()
    assert found["changes"]["level"] == "major"
    assert found["changes"]["next"] == "2.0.0"
    assert any("has no name" in problem["message"] for problem in found["problems"])


def test_a_file_that_is_no_workflow_has_problems_and_no_contract(host: HostStatus) -> None:
    refused(ask(host, "workflow/contract", {}), 400)
    refused(ask(host, "workflow/contract", {"workflow": {"nodes": 3}}), 400)
    unknown = {"nodes": [{"id": 1, "type": "<b>No</b>", "pos": [0, 0], "widgets_values": []}], "links": []}
    found = ask(host, "workflow/contract", {"workflow": unknown}).json()
    assert found["problems"][0]["slug"] == "node-missing"
    assert found["snippets"] == {}


def test_an_app_is_proposed_released_and_released_again(host: HostStatus, shot: Json) -> None:
    for key in ("packshot", "linearData", "linearMode"):
        del shot["extra"][key]
    proposed = ask(host, "workflow/app", {"workflow": shot}).json()
    names = [each["name"] for each in proposed["inputs"]]
    kinds = [each["kind"] for each in proposed["inputs"]]
    assert {"text", "model", "size", "seed", "sampling"} <= set(kinds)
    assert len(set(names)) == len(names)
    refused(ask(host, "workflow/release", {"workflow": shot, "name": "routes-test"}), 400)
    refused(ask(host, "workflow/app", {"workflow": shot, "name": "x", "inputs": ["nothing"]}), 400)
    for name in ("../x", "A", "", "x" * 65, "a--b", "con.fig"):
        refused(ask(host, "workflow/app", {"workflow": shot, "name": name, "inputs": names[:2]}), 400)
        refused(ask(host, "workflow/release", {"workflow": shot, "name": name}), 400)
    made = ask(host, "workflow/app", {"workflow": shot, "name": "routes-test", "inputs": names[:3]}).json()["workflow"]
    found = ask(host, "workflow/contract", {"workflow": made}).json()
    assert [each["name"] for each in found["inputs"]] == names[:3]
    assert [problem["message"] for problem in found["problems"]] == ["extra.packshot has no version"]

    first = ask(host, "workflow/release", {"workflow": made, "name": "routes-test", "summary": "<i>"}).json()
    assert (first["version"], first["before"]) == ("1.0.0", "")
    assert ask(host, "workflow/contract", {"workflow": first["workflow"]}).json()["problems"] == []
    again = refused(ask(host, "workflow/release", {"workflow": first["workflow"], "name": "routes-test"}), 400)
    assert "nothing has changed" in again
    more = ask(host, "workflow/app", {"workflow": first["workflow"], "name": "routes-test", "inputs": names[:4]}).json()
    second = ask(host, "workflow/release", {"workflow": more["workflow"], "name": "routes-test"}).json()
    assert (second["version"], second["before"], second["level"]) == ("1.1.0", "1.0.0", "minor")
    saved = requests.get(f"{host.url}/userdata/workflows%2Froutes-test.app.json", timeout=30).json()
    assert saved == second["workflow"]
    assert saved["extra"]["packshot"]["summary"] == "<i>"


def test_a_release_never_takes_the_place_of_another_workflow(host: HostStatus, shot: Json) -> None:
    url = f"{host.url}/userdata/workflows%2Fmine.app.json"
    requests.post(url, data=b'{"nodes": [], "links": []}', timeout=30)
    refused(ask(host, "workflow/release", {"workflow": shot, "name": "mine"}), 409)
    assert requests.get(url, timeout=30).json() == {"nodes": [], "links": []}


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
    said = {"item": "i0", "sha256": "a" * 64, "verdict": "rejected", "reason": "the <b>handle</b>\nis bent"}
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
    (item,) = ask(host, f"{base}/items?verdict=rejected").json()["items"]
    assert item["verdict"]["verdict"] == "rejected"
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
