"""Catalogue runs through the command, on a real host."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from packshot.catalog.run import CatalogRun
from packshot.host.managed import HostStatus
from support.host.catalogs import PLAIN, digests, packshot, run_plain, write_copier, write_photos, write_table
from support.places import ROOT


def test_a_run_leaves_pictures_sidecars_manifests_and_a_contact_sheet(host: HostStatus, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"A-1": 11, "A-2": 22, "Größe/Ω": 33})
    answer = run_plain(table, tmp_path / "run", host)
    assert (answer["rows"], answer["done"], answer["failed"], answer["extra_runs"]) == (3, 3, 0, 0)
    rows = [json.loads(line) for line in (tmp_path / "run" / "manifest.jsonl").read_text().splitlines()]
    assert [row["sku"] for row in rows] == ["A-1", "A-2", "Größe/Ω"]
    for row in rows:
        picture = tmp_path / "run" / row["file"]
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == row["sha256"]
        sidecar = json.loads(picture.with_suffix(".json").read_text())
        assert sidecar["outputs"][0]["sha256"] == row["sha256"]
        assert (sidecar["sku"], sidecar["seed"], sidecar["job"]) == (row["sku"], row["seed"], row["prompt_id"])
        assert sidecar["workflow"]["version"] == "1.0.0"
    with (tmp_path / "run" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        assert [row["sku"] for row in csv.DictReader(file)] == ["A-1", "A-2", "Größe/Ω"]
    assert "Product A-1" in (tmp_path / "run" / "index.html").read_text()


def test_running_again_makes_only_what_changed(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 1001, "B": 1002})
    run_plain(table, out, host)
    before = digests(out)
    times = {path.name: path.stat().st_mtime_ns for path in (out / "pictures").iterdir()}
    run_plain(table, out, host)
    assert {path.name: path.stat().st_mtime_ns for path in (out / "pictures").iterdir()} == times
    write_table(table, {"A": 1001, "B": 2002, "C": 1003})
    assert run_plain(table, out, host)["done"] == 3
    after = digests(out)
    assert after["A.png"] == before["A.png"]
    assert after["B.png"] != before["B.png"]
    with CatalogRun(out) as run:
        assert {row["item_id"]: row["attempts"] for row in run.ledger.rows()} == {"A": 1, "B": 2, "C": 1}


def test_pictures_that_were_lost_are_noticed_and_made_again(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 1101, "B": 1102, "C": 1103, "D": 1104})
    run_plain(table, out, host)
    before = digests(out)
    (out / "pictures" / "A.png").unlink()
    os.truncate(out / "pictures" / "B.png", 0)
    os.truncate(out / "pictures" / "C.png", 40)
    assert json.loads(packshot("catalog", "status", out, "--json").stdout)["damaged"] == 3
    damaged = json.loads(packshot("catalog", "verify", out, "--json", code=3).stdout)["damaged"]
    assert {picture["file"]: picture["what"] for picture in damaged} == {
        "pictures/A.png": "missing",
        "pictures/B.png": "empty",
        "pictures/C.png": "changed",
    }
    packshot("catalog", "audit", out, code=3)
    answer = run_plain(table, out, host)
    assert (answer["done"], answer["damaged"]) == (4, 0)
    assert digests(out) == before
    packshot("catalog", "verify", out)
    packshot("catalog", "audit", out)


def test_everything_is_made_again_when_asked_for(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 3001, "B": 3002})
    run_plain(table, out, host)
    before = digests(out)
    assert run_plain(table, out, host, "--no-resume")["extra_runs"] == 0
    assert digests(out) == before
    with CatalogRun(out) as run:
        assert {row["item_id"]: row["attempts"] for row in run.ledger.rows()} == {"A": 2, "B": 2}


def test_a_limit_leaves_what_a_fuller_run_has(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 4001, "B": "green", "C": 4003, "D": 4004})
    assert run_plain(table, out, host, "--limit", 1)["rows"] == 1
    assert run_plain(table, out, host, code=3)["failed"] == 1
    before = digests(out)
    write_table(table, {"A": 4101, "B": "green", "C": 4103, "D": 4004})
    answer = run_plain(table, out, host, "--limit", 1, code=3)
    assert (answer["rows"], answer["done"], answer["failed"], answer["pending"]) == (4, 3, 1, 0)
    after = digests(out)
    assert after.pop("A.png") != before.pop("A.png")
    assert after == before, "the row of C has changed, and is not made this time"
    with CatalogRun(out) as run:
        run.retry(["B"])
    assert run_plain(table, out, host, "--limit", 1)["pending"] == 1, "what is left beyond a limit is no interruption"


def test_one_sku_made_again_alone_gives_the_same_picture(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_plain(write_table(tmp_path / "table.csv", {"A": 31, "B": 32}), out, host)
    before = digests(out)
    (out / "pictures" / "B.png").unlink()
    packshot("catalog", "retry", out, "B", "--host", host.url)
    assert digests(out) == before


def test_a_bad_row_is_reported_and_the_others_are_made(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 41, "B": "green", "C": 1 << 30, "D": 44})
    answer = run_plain(table, out, host, code=3)
    assert (answer["done"], answer["failed"]) == (2, 2)
    shown = packshot("catalog", "status", out).stdout
    assert "B: [input-invalid]" in shown
    assert "'green' is not a whole number" in shown
    assert "not between 0 and 16777215" in shown
    write_table(table, {"A": 41, "B": 42, "C": 43, "D": 44})
    assert run_plain(table, out, host)["done"] == 4


def test_hostile_skus_stay_in_the_folder(host: HostStatus, tmp_path: Path) -> None:
    skus = ["../../x", "CON", "a/b", "a\\b", ".hidden", "-rf", "~", "x" * 300, "A", "a", "=1+1", "<b>"]
    table = write_table(tmp_path / "table.csv", {sku: 50 + number for number, sku in enumerate(skus)})
    out = tmp_path / "deep" / "run"
    assert run_plain(table, out, host)["done"] == len(skus)
    assert len({name.casefold() for name in digests(out)}) == len(skus)
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "deep"}
    assert "<b>" not in (out / "index.html").read_text().replace("<b>Thrown", "")
    assert "'=1+1" in (out / "manifest.csv").read_text()


def test_a_folder_keeps_to_its_workflow_brand_and_seed(host: HostStatus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    table = write_table(tmp_path / "table.csv", {"A": 61})
    run_plain(table, out, host)
    before = digests(out)
    error = run_plain(table, out, host, "--seed", 5, code=2)["error"]
    assert isinstance(error, dict)
    assert error["slug"] == "input-invalid"
    assert "another base seed" in error["message"]
    brand = ROOT / "examples" / "brands" / "aldern-quay"
    assert "brand" in str(run_plain(table, out, host, "--brand", brand, code=2)["error"])
    assert digests(out) == before


def test_two_processes_do_not_work_on_one_run(host: HostStatus, tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"A": 71})
    with CatalogRun(tmp_path / "run", create=True):
        error = run_plain(table, tmp_path / "run", host, code=2)["error"]
    assert "another process" in str(error)
    assert run_plain(table, tmp_path / "run", host)["done"] == 1


def test_dry_run_makes_nothing_and_needs_no_host(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", {"A": 81, "B": 82})
    done = packshot(
        "catalog", "run", table, "--workflow", PLAIN, "--out", tmp_path / "run", "--host", "127.0.0.1:9",
        "--set", "color={{ row.colour }}", "--dry-run", "--json",
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert [item["inputs"]["color"] for item in answer["items"]] == ["81", "82"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "slug", "code"),
    [
        (["--set", "colour=1"], "input-unknown", 2),
        (["--set", "color={{ row.nothing }}"], "catalog-invalid", 2),
        (["--workflow", "product-shoot"], "workflow-invalid", 2),
        (["--workflow", "product-shot@9"], "workflow-invalid", 2),
        (["--brand", "no-such-folder"], "brand-invalid", 2),
        (["--host", "127.0.0.1:9"], "host-unreachable", 4),
        (["--host", "not an address"], "host-unreachable", 4),
    ],
)
def test_bad_usage_says_what_and_where(
    host: HostStatus, tmp_path: Path, arguments: list[str], slug: str, code: int
) -> None:
    table = write_table(tmp_path / "table.csv", {"A": 1})
    # Of an option given twice the last one counts; but several hosts are several hosts.
    address = [] if "--host" in arguments else ["--host", host.url]
    command = ["catalog", "run", table, "--workflow", PLAIN, *address, "--out", tmp_path / "run", *arguments]
    done = packshot(*command, code=code)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    assert f"[{slug}]" in lines[0]
    assert "→" in lines[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing(host: HostStatus, tmp_path: Path, small_disk: Path) -> None:
    colours: dict[str, object] = {f"S{number:02}": 0x101010 + number for number in range(8)}
    table = write_table(tmp_path / "table.csv", colours)
    out = small_disk / "run"
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(1_600_000))
    big = ("--set", "width=4000", "--set", "height=4000")  # about 60 kB a picture
    error = run_plain(table, out, host, *big, code=2)["error"]
    assert isinstance(error, dict)
    assert error["slug"] == "output-unwritable"
    ballast.unlink()
    answer = run_plain(table, out, host, *big)
    assert (answer["done"], answer["failed"], answer["extra_runs"]) == (8, 0, 0)
    assert not list((out / "pictures").glob(".*")), "no half-written file is left"


def test_an_unwritable_folder_is_refused_before_anything_is_made(host: HostStatus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    table = write_table(tmp_path / "table.csv", {"A": 1})
    error = run_plain(table, tmp_path / "file" / "run", host, code=2)["error"]
    assert isinstance(error, dict)
    assert error["slug"] == "output-unwritable"


def test_the_photographs_that_rows_name_are_brought_to_the_host(host: HostStatus, tmp_path: Path) -> None:
    colours = {"A-1": 0x112233, "A-2": 0x445566}
    table = write_photos(tmp_path / "shop", colours)
    secret = tmp_path / "secret.png"
    Image.new("RGB", (16, 16), "#123456").save(secret)
    with table.open("a") as file:
        file.write("\nA-3,Product without,\nA-4,Product of nowhere,file:///no/such/photograph.png\n")
        file.write(f"A-5,Product of a stranger,{secret}\nA-6,Product of this machine,http://127.0.0.1:9/x.png\n")
    workflow, out = write_copier(tmp_path / "copy.app.json"), tmp_path / "run"
    done = packshot("catalog", "run", table, "--workflow", workflow, "--out", out, "--host", host.url, "--json", code=3)
    answer = json.loads(done.stdout)
    assert (answer["done"], answer["failed"]) == (2, 4)
    for sku, colour in colours.items():
        with Image.open(out / "pictures" / f"{sku}.png") as picture:
            assert picture.convert("RGB").getpixel((7, 7)) == (colour >> 16, colour >> 8 & 255, colour & 255)
    rows = {row["sku"]: row for row in map(json.loads, (out / "manifest.jsonl").read_text().splitlines())}
    assert rows["A-4"]["error"]["place"] == "file:///no/such/photograph.png"
    assert "input 'image'" in rows["A-3"]["error"]["message"]
    slugs = {sku: rows[sku]["error"]["slug"] for sku in ("A-4", "A-5", "A-6")}
    assert set(slugs.values()) == {"address-refused"}, slugs


def test_inspect_refuses_the_values_that_the_host_would(host: HostStatus, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    photograph = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(photograph).ellipse((60, 60, 200, 200), "#336699")
    photograph.save(tmp_path / "it.png")
    rows = ("good,it.png,64", "no-picture,,64", "no-file,gone.png,64", "no-number,it.png,wide", "no-size,it.png,99999")
    table.write_text("\n".join(["sku,title,image,width", *(row.replace(",", ",Plate,", 1) for row in rows)]))
    options = ("--workflow", "white-background", "--set", "width={{ row.width }}", "--set", "height=64", "--json")
    inspected = json.loads(packshot("catalog", "inspect", table, *options, "--host", host.url, code=3).stdout)
    assert (inspected["host"], inspected["notes"]) == (host.url, [])
    out = tmp_path / "run"
    packshot("catalog", "run", table, *options, "--out", out, "--host", host.url, code=3)
    rows_made = list(map(json.loads, (out / "manifest.jsonl").read_text().splitlines()))
    failed = {row["sku"]: row["error"]["slug"] for row in rows_made if row["error"]}
    assert failed == {
        "no-picture": "catalog-invalid",
        "no-file": "photograph-invalid",
        "no-number": "input-invalid",
        "no-size": "input-invalid",
    }
    assert {one["item_id"]: one["slug"] for one in inspected["refused"]} == failed
    places = {one["item_id"]: one["place"] for one in inspected["refused"]}
    assert "row 5 (line 5), input 'width'" in places["no-number"]
