"""Catalogue runs of the tests' own: tables, several hosts, and the invariant that must hold whatever happens."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.ledger.records import Counts
from packshot.host.managed import HostStatus, ManagedHost
from support.places import ROOT

PLAIN = ROOT / "bench" / "plain.app.json"  # EmptyImage to SaveImage: the colour is the only thing that matters


def write_colours(path: Path, rows: int) -> dict[str, int]:
    """A plain table; SKU -> the colour that its picture must have, all of them different."""
    colours = {f"SKU-{number:03}": 0x9E3779 * (number + 1) % (1 << 24) for number in range(rows)}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "colour"])
        writer.writerows([sku, f"Product {sku}", colour] for sku, colour in colours.items())
    return colours


def write_copier(path: Path) -> Path:
    """A workflow that saves the picture it loads: LoadImage to SaveImage, with the input ``image``."""
    data = json.loads(PLAIN.read_text())
    node = next(node for node in data["nodes"] if node["type"] == "EmptyImage")
    node.update(type="LoadImage", title="Photograph", widgets_values=["example.png", "image"])
    node["properties"] = {"Node name for S&R": "LoadImage"}
    node["outputs"].append({"name": "MASK", "type": "MASK", "links": None})
    block = data["extra"]["packshot"]
    block["inputs"] = {"image": {"node": node["id"], "widget": "image", "help": "The photograph."}}
    data["extra"]["linearData"]["inputs"] = [[node["id"], "image"]]
    path.write_text(json.dumps(data))
    return path


def write_photos(folder: Path, colours: Mapping[str, int]) -> Path:
    """A table with a photograph of one colour for each product: every other beside it, the rest at a file's address."""
    folder.mkdir()
    lines = ["sku,title,image"]
    for number, (sku, colour) in enumerate(colours.items()):
        path = folder / f"{sku}.png"
        Image.new("RGB", (16, 16), f"#{colour:06x}").save(path)
        lines.append(f"{sku},Product {sku},{path.as_uri() if number % 2 else path.name}")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder / "table.csv"


def start_run(
    table: Path, out: Path, urls: Sequence[str], *more: object, side: int = 64, workflow: Path = PLAIN
) -> subprocess.Popen[bytes]:
    """The command, as a process of its own; what it says goes to ``out``'s log beside it."""
    command = [
        sys.executable,
        "-m",
        "packshot",
        "catalog",
        "run",
        str(table),
        "--workflow",
        str(workflow),
        "--out",
        str(out),
    ]
    for url in urls:
        command += ["--host", url]
    plain = ("color={{ row.colour }}", f"width={side}", f"height={side}") if workflow == PLAIN else ()
    for setting in plain:
        command += ["--set", setting]
    return _start([*command, *map(str, more)], out)


def start_plan(plan: Path, out: Path, *more: object) -> subprocess.Popen[bytes]:
    """The same for a plan file."""
    command = [sys.executable, "-m", "packshot", "catalog", "run", str(plan), "--out", str(out)]
    return _start([*command, *map(str, more)], out)


def _start(command: list[str], out: Path) -> subprocess.Popen[bytes]:
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)


def counts_of(out: Path) -> Counts | None:
    """Where a run stands; None before it has a ledger."""
    try:
        with Ledger(out) as ledger:
            return ledger.counts()
    except Exception:  # it may be killed before there is one
        return None


def wait_for(out: Path, condition: Callable[[Counts], bool], seconds: float = 240) -> None:
    """Until a run has come so far."""
    deadline = time.monotonic() + seconds
    while (counts := counts_of(out)) is None or not condition(counts):
        assert time.monotonic() < deadline, (counts, out.with_suffix(".log").read_text())
        time.sleep(0.1)


def stand_still(process: subprocess.Popen[bytes], out: Path) -> None:
    """Stop a coordinator, but not in the middle of a transaction: then nobody could write before it is killed."""
    while True:
        process.send_signal(signal.SIGSTOP)
        database = sqlite3.connect(out / "ledger.sqlite", timeout=0.2, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        finally:
            database.close()


def kill_host(managed: ManagedHost) -> None:
    """``kill -9``, and wait until it is gone."""
    pid = managed.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_run(out: Path, colours: Mapping[str, int], *, extra: int) -> Counts:
    """Every row has exactly one accepted picture, which is its own; the audit is whole; extra runs are bounded."""
    with Ledger(out) as ledger:
        counts = ledger.counts()
    assert (counts.rows, counts.done, counts.running, counts.pending) == (len(colours), len(colours), 0, 0), counts
    assert counts.extra_runs <= extra, counts
    database = sqlite3.connect(out / "ledger.sqlite")
    accepted = dict(database.execute("SELECT item_id, count(*) FROM attempts WHERE outcome = 'accepted' GROUP BY 1"))
    assert accepted == dict.fromkeys(colours, 1)
    for sku, file, sha256 in database.execute("SELECT sku, file, sha256 FROM items"):
        assert hashlib.sha256((out / file).read_bytes()).hexdigest() == sha256
        with Image.open(out / file) as image:
            red, green, blue = image.convert("RGB").getpixel((7, 7))
            assert red << 16 | green << 8 | blue == colours[sku]
    database.close()
    assert sorted(path.stem for path in (out / "pictures").glob("*.png")) == sorted(colours)
    assert verify_audit(out)["ok"]
    return counts


def packshot(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would; fails when it ends with another exit code."""
    command = [sys.executable, "-m", "packshot", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def write_table(path: Path, colours: dict[str, object]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "colour"])
        writer.writerows([sku, f"Product {sku}", colour] for sku, colour in colours.items())
    return path


def run_plain(table: Path, out: Path, host: HostStatus, *more: object, code: int = 0) -> dict[str, object]:
    command = ["catalog", "run", table, "--workflow", PLAIN, "--out", out, "--host", host.url, "--json"]
    done = packshot(*command, "--set", "color={{ row.colour }}", *more, code=code)
    return dict(json.loads(done.stdout))


def digests(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (out / "pictures").glob("*.png")}


BIG = 2000  # pixels a side: a job takes long enough to be met in the middle


def up(managed: ManagedHost) -> str:
    status = managed.status()
    url = (status if status.healthy else managed.up()).url
    assert url is not None
    return url


def made_by(out: Path) -> dict[str, int]:
    with Ledger(out) as ledger:
        return {host.url: host.made for host in ledger.hosts()}


def attempts(out: Path) -> dict[str, list[tuple[str, str]]]:
    """Host and outcome of the attempts at each item, oldest first."""
    with Ledger(out) as ledger:
        ids = [row["item_id"] for row in ledger.rows()]
        return {one: [(tried["host"], tried["outcome"]) for tried in ledger.attempts_of(one)] for one in ids}


def packshot_json(*arguments: object, code: int = 0) -> dict[str, Any]:
    """What the command answers with --json."""
    command = [sys.executable, "-m", "packshot", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, done.stderr + done.stdout
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
