"""The gate of a catalogue run on a real host: another seed for a picture that fails, and quarantine in the end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from packshot import Client
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.seeds import item_seed, seed_of_try
from packshot.host.managed import HostStatus
from packshot.quality.channels import load_channel
from packshot.quality.run import check_file
from support.host.catalogs import packshot, write_table
from support.places import DATA

NOISE = DATA / "noise.app.json"  # its pictures depend on the seed alone

TRIES = 4


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's settings folder, with nothing in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "settings" / "packshot"
    (folder / "channels").mkdir(parents=True)
    return folder


def contrast(client: Client, seed: int, folder: Path) -> float:
    """What ``technical.contrast`` says of the picture of a seed that is made by hand."""
    made = client.submit(NOISE, seed=seed).result(60, out=folder, stem=str(seed)).outputs[0]
    report = check_file(made.file, load_channel("plain"))
    return next(float(verdict.value) for verdict in report.verdicts if verdict.id == "technical.contrast")


def write_channel(settings: Path, least: float) -> None:
    """A channel of the user's own, with one rule."""
    channel = {
        "id": "contrasty", "name": "Contrasty", "summary": "A least contrast.",
        "rules": {"technical.contrast": {"min": least}},
        "output": {"width": 100, "height": 100},
        "sources": [{"rules": ["technical.contrast"], "source": "a test", "checked": "2026-11-27", "evidence": "own"}],
    }  # fmt: skip
    (settings / "channels" / "contrasty.yaml").write_text(yaml.safe_dump(channel))


def run(out: Path, table: Path, host: HostStatus, *more: object, code: int = 0) -> dict[str, object]:
    command = ["catalog", "run", table, "--workflow", NOISE, "--out", out, "--host", host.url, "--json"]
    return dict(json.loads(packshot(*command, *more, code=code).stdout))


def manifest(out: Path) -> dict[str, dict]:
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return {row["sku"]: row for row in rows}


def test_seeds_are_tried_until_one_passes_and_else_the_picture_is_kept_out(
    host: HostStatus, settings: Path, tmp_path: Path
) -> None:
    skus = [f"S{number}" for number in range(4)]
    seeds = {sku: [seed_of_try(item_seed(sku, "", 0), tries) for tries in range(TRIES)] for sku in skus}
    with Client(host.url) as client:
        values = {sku: [contrast(client, seed, tmp_path / "seen") for seed in seeds[sku]] for sku in skus}
    # The best of some item that is not at its first seed; others pass sooner, later or never.
    least = next(max(of_item) for of_item in values.values() if max(of_item) > of_item[0])
    expected = {sku: next((n for n, value in enumerate(values[sku]) if value >= least), None) for sku in skus}
    write_channel(settings, least)
    table = write_table(tmp_path / "table.csv", dict.fromkeys(skus, 0))
    out = tmp_path / "run"
    assert any(expected.values())
    kept_out = sum(tries is None for tries in expected.values())
    gate = ("--channel", "contrasty", "--retries", TRIES - 1)
    answer = run(out, table, host, *gate, code=3 if kept_out else 0)
    assert (answer["done"], answer["quarantined"], answer["failed"]) == (len(skus) - kept_out, kept_out, 0)
    for sku, row in manifest(out).items():
        tries = expected[sku]
        last = TRIES - 1 if tries is None else tries
        score = next(check for check in row["checks"] if check["id"] == "technical.contrast")
        assert (row["seed"], row["attempts"]) == (seeds[sku][last], last + 1)
        assert score["value"] == round(values[sku][last], 6)
        picture = out / row["file"]
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == row["sha256"]
        assert (
            np.asarray(Image.open(picture)).tobytes()
            == np.asarray(Image.open(tmp_path / "seen" / f"{seeds[sku][last]}.png")).tobytes()
        )
        assert json.loads(picture.with_suffix(".json").read_text())["seed"] == row["seed"]
        if tries is None:
            assert (row["status"], picture.parent.name) == ("quarantined", "quarantine")
            assert row["error"]["slug"] == "checks-failed"
            assert f"flat (technical.contrast {score['value']:.4g}, at least" in row["error"]["message"]
        else:
            assert (row["status"], picture.parent.name, row["error"]) == ("done", "pictures", None)
    assert len(list((out / "pictures").glob("*.png"))) == answer["done"]
    assert len(list((out / "quarantine").glob("*.png"))) == kept_out


def test_what_is_kept_out_is_shown_with_its_reason_and_retried_with_new_seeds(
    host: HostStatus, settings: Path, tmp_path: Path
) -> None:
    write_channel(settings, 1000.0)  # which nothing reaches
    table = write_table(tmp_path / "table.csv", {"A": 0})
    out = tmp_path / "run"
    answer = run(out, table, host, "--channel", "contrasty", "--retries", 1, code=3)
    assert (answer["rows"], answer["done"], answer["quarantined"]) == (1, 0, 1)
    first = manifest(out)["A"]
    assert first["seed"] == seed_of_try(item_seed("A", "", 0), 1)
    shown = packshot("catalog", "status", out).stdout
    assert "1 quarantined" in shown
    assert "A: [checks-failed] quarantine/A.png: flat (technical.contrast" in shown
    page = (out / "index.html").read_text()
    assert '"technical.contrast"' in page
    assert ">flat<" in page
    # Run again, nothing is made: what is kept out stays so until it is asked for.
    run(out, table, host, "--channel", "contrasty", "--retries", 1, code=3)
    assert manifest(out)["A"] == first
    error = run(out, table, host, code=2)["error"]
    assert "another channel" in str(error)
    packshot("catalog", "retry", out, "--host", host.url, code=3)
    again = manifest(out)["A"]
    assert (again["seed"], again["attempts"]) == (seed_of_try(item_seed("A", "", 0), 3), 4)


def test_a_picture_that_another_seed_cannot_change_is_not_made_again(
    host: HostStatus, settings: Path, tmp_path: Path
) -> None:
    write_channel(settings, 1000.0)
    table = write_table(tmp_path / "table.csv", {"A": 0})
    out = tmp_path / "run"
    run(out, table, host, "--channel", "contrasty", "--retries", 5, "--set", "seed=7", code=3)
    assert manifest(out)["A"]["attempts"] == 1


def test_an_unknown_channel_is_refused_before_anything_is_made(host: HostStatus, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"A": 0})
    error = run(tmp_path / "run", table, host, "--channel", "amazon", code=2)["error"]
    assert "there is no channel 'amazon'" in str(error)
    assert not (tmp_path / "run").exists()


def test_a_check_in_the_workflow_is_tried_with_other_seeds_and_then_kept_out(host: HostStatus, tmp_path: Path) -> None:
    """*Packshot Check* on "stop", in a channel whose pictures are larger than these."""
    data = json.loads(NOISE.read_text())
    by_type = {node["type"]: node for node in data["nodes"]}
    sent = {"name": "image_out", "type": "IMAGE", "links": [3]}
    widgets = ["amazon-main", False, "", "stop"]
    wired = [{"name": "image", "type": "IMAGE", "link": 2}]
    check = {**by_type["SaveImage"], "id": 4, "type": "PackshotCheck", "title": "Check", "widgets_values": widgets}
    data["nodes"].append({**check, "inputs": wired, "outputs": [sent], "properties": {}})
    by_type["SaveImage"]["inputs"][0]["link"] = 3
    data["links"] = [data["links"][0], [2, 3, 0, 4, 0, "IMAGE"], [3, 4, 0, 2, 0, "IMAGE"]]
    data["last_node_id"], data["last_link_id"] = 4, 3
    own = tmp_path / "checked.app.json"
    own.write_text(json.dumps(data))
    out = tmp_path / "run"
    answer = run(out, write_table(tmp_path / "t.csv", {"A": 1}), host, "--workflow", own, "--retries", "3", code=3)
    assert (answer["quarantined"], answer["pending"], answer["extra_runs"]) == (1, 0, 0)
    with Ledger(out) as ledger:
        tried = ledger.attempts_of("A")
    assert [one["outcome"] for one in tried] == ["rejected"] * 4
    shown = manifest(out)["A"]
    assert shown["status"] == "quarantined"
    assert "side-too-short" in shown["error"]["message"]
    packshot("catalog", "retry", out, code=3)
    with Ledger(out) as ledger:
        assert len(ledger.attempts_of("A")) == 8, "with seeds that were not tried before"
