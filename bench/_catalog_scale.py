"""100,000 rows: plan, resume, memory, ledger, report; no host.

python _catalog_scale.py STEP TABLE FOLDER     one step, for its seconds and its peak memory
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _catalog import write_table
from _common import PLAIN

from packshot.catalog.ledger.ledger import FILE_NAME
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.run import CatalogRun


def bench_scale(rows: int) -> None:
    """Each step in a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name:
        folder = Path(name)
        table = write_table(folder / "table.csv", rows)
        print(f"| {rows:,} rows | seconds | peak MB |")
        for step in ("plan", "plan again", "decide", "fill", "report"):
            words = [sys.executable, __file__, step, str(table), str(folder / "run")]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            print(f"| {step} | {done.stdout.strip()} |", flush=True)
        size = (folder / "run" / FILE_NAME).stat().st_size
        print(f"| ledger, all rows done | {size / 1e6:.1f} MB |")
        print(f"| audit | {(folder / 'run' / 'audit.jsonl').stat().st_size / 1e6:.1f} MB |")
        print(f"| report opens in Chromium | {_opens(folder / 'run' / 'index.html', rows - 1)} |")


def step(which: str, table: Path, out: Path) -> None:
    """One step of :func:`bench_scale`; prints its seconds and its peak memory."""
    begun = time.perf_counter()
    with CatalogRun(out, create=True) as run:
        if which in ("plan", "plan again"):
            file = CatalogFile(table=str(table), workflow=str(PLAIN), mapping={"color": "{{ row.colour }}"})
            run.plan(Catalog(file))
        elif which == "decide":
            assert len(run.ledger.backlog()) > 0
        elif which == "fill":
            _fill(run)
        else:
            run.report()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - begun:.1f} | {peak:.0f}")


def _fill(run: CatalogRun) -> None:
    """What a whole run leaves in a ledger, without a sync for every row."""
    with contextlib.closing(sqlite3.connect(run.folder / FILE_NAME)) as database:
        database.execute("PRAGMA synchronous = OFF")
        hashed = hashlib.sha256(b"x").hexdigest()
        for (item_id,) in database.execute("SELECT item_id FROM items").fetchall():
            file = f"pictures/{item_id}.png"
            database.execute(
                "INSERT INTO attempts (prompt_id, item_id, host, outcome, started, ended, seconds, boot, file, sha256,"
                " detail) VALUES (?, ?, 'http://127.0.0.1:8188', 'accepted', 1.5, 2.5, 1.0, ?, ?, ?, ?)",
                (
                    hashlib.md5(item_id.encode()).hexdigest(),
                    item_id,
                    hashed[:32],
                    file,
                    hashed,
                    '{"timings": {"1": 0.5}}',
                ),
            )
        database.execute(
            "UPDATE items SET state = 'done', sha256 = ?, file = 'pictures/' || item_id || '.png'", (hashed,)
        )
        database.commit()


def _opens(page: Path, last: int) -> str:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "playwright is not installed"
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        return "no Chromium on this machine"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        shown = browser.new_page()
        begun = time.perf_counter()
        shown.goto(page.as_uri(), wait_until="load")
        opened = time.perf_counter() - begun
        begun = time.perf_counter()
        shown.fill("#search", f"SKU-{last:06}")
        shown.wait_for_selector("#elsewhere li", state="visible")
        found = time.perf_counter() - begun
        browser.close()
    return f"{opened:.2f} s; the last SKU is found in {found:.2f} s"


if __name__ == "__main__":
    step(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
