"""Loads of the text encoder, and pictures an hour on a small GPU, with and without phases."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import _inside
from _catalog import NODE, command, managed, several_hosts, url_of
from _common import BENCH, machine

from packshot.comfy.http import HostApi
from packshot.host.install import Installation, adopt
from packshot.paths import cache_dir


def bench_phases(rows: int, card: float, comfyui: Path | None) -> None:
    """Loads of the text encoder, and pictures an hour, row by row and with phases.

    Without a card: the starter, one step, on a host that holds one model at a time; which makes loads and no speed.
    With one, of so many GiB: FLUX.2 [klein] 4B with random weights, whole pictures on a GPU of which the rest is held.
    """
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        installation = replace(adopt(comfyui, Path(sys.executable)), adopted=False) if comfyui else managed()
        models = cache_dir() / "host" / "models"
        settings, node = ["--set", "steps=1"], (BENCH / "small_card.py").read_text()
        if card:
            models = folder / "models"
            _write_weights(installation, models)
            settings, node = ["--set", "model=flux2-klein-4b"], NODE
            stack.enter_context(_inside.card(str(installation.python), card))
        (host,) = stack.enter_context(several_hosts(1, folder, node, installation, models))
        url = url_of(host)
        api = HostApi(url)
        print(json.dumps(machine(api.system_stats()["system"])))
        table = folder / "table.csv"
        table.write_text("sku,title\n" + "".join(f"S{n},mug number {n}\n" for n in range(rows)))
        log = Path(str(host.status().log))
        print("| phases | rows | loads of the text encoder | s | pictures an hour | the same pictures |")
        seen: dict[str, str] = {}
        hourly = []
        for switch in ("--no-phases", "--phases"):
            api.free_memory()  # nothing is known from the run before
            before = len(log.read_text())
            out = folder / switch
            begun = time.perf_counter()
            words = command(table, Path("product-shot"), out, [url], *settings, switch)
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took = time.perf_counter() - begun
            loads = len(_TEXT_ENCODER.findall(log.read_text()[before:]))
            made = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in out.glob("pictures/*.png")}
            assert len(made) == rows
            seen = seen or made
            hourly.append(3600 * rows / took)
            figures = f"{loads} | {took:.1f} | {hourly[-1]:.0f} | {made == seen}"
            print(f"| {switch == '--phases'} | {rows} | {figures} |", flush=True)
        if card:
            print(f"{hourly[1] / hourly[0]:.2f} times as many pictures an hour with phases; wanted 2 or more")
        api.close()


_TEXT_ENCODER = re.compile(r"Requested to load (?:SD1ClipModel|Flux2TEModel_)")


def _write_weights(installation: Installation, models: Path) -> None:
    """The files of FLUX.2 [klein] 4B's card, with random weights of the real shapes."""
    shapes = models.with_name("shapes.json")
    python, folder = str(installation.python), installation.comfyui
    line = [python, str(BENCH.parent / "tests" / "support" / "inside" / "core_shapes.py"), "--complete"]
    shapes.write_bytes(subprocess.run(line, cwd=folder, capture_output=True, check=True).stdout)
    environment = {**os.environ, "COMFYUI": str(folder), "SHAPES": str(shapes)}
    subprocess.run([python, str(BENCH / "_weights.py"), str(models)], check=True, env=environment)
