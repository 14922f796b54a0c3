"""What the real frontend submits for the official workflows, as the measure of ``bench/convert.py``.

    .venv/bin/python bench/convert_truth.py FOLDER [--host URL] [--smoke]

It starts a ComfyUI of its own, with the nodes of paid services, opens every official workflow and blueprint in
Chromium, and writes ``FOLDER/workflows``, ``FOLDER/truth`` and ``FOLDER/object_info.json``. It takes some ten minutes,
and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from _common import say
from _options import add_host, add_smoke
from playwright.sync_api import Browser, Error, Page, sync_playwright

from packshot.host.install import Installation, install
from packshot.host.managed import ManagedHost
from packshot.paths import cache_dir, write_text

# Chromium asks its maker's servers for many things at start; this machine may have no way there.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
_READY = "() => window.app && window.app.graph && window.app.vueAppReady"
_SUBMIT = """async workflow => {
    await window.app.loadGraphData(workflow)
    return JSON.stringify((await window.app.graphToPrompt()).output)
}"""


class _FullHost(ManagedHost):
    """A host with the nodes of paid services, which many official workflows use."""

    def _command(self, port: int, cpu: bool) -> list[str]:
        return [part for part in super()._command(port, cpu) if part != "--disable-api-nodes"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    folder: Path = options.folder
    installation = install(cache_dir() / "host", say)
    with _full_host(installation) if options.host is None else contextlib.nullcontext(options.host) as url:
        write_text(folder / "object_info.json", requests.get(f"{url}/object_info", timeout=60).text)
        workflows = itertools.chain(_official(url), _blueprints(installation.comfyui))
        flows = dict(itertools.islice(workflows, 1 if options.smoke else None))
        for name, workflow in flows.items():
            write_text(folder / "workflows" / name, json.dumps(workflow))
        _export(url, flows, folder / "truth")
    print(f"{len(list((folder / 'truth').glob('*.json')))} of {len(flows)} workflows are in {folder / 'truth'}")


@contextlib.contextmanager
def _full_host(installation: Installation) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as home:
        managed = _FullHost(Path(home) / "host", installation, Path(home) / "models")
        try:
            yield str(managed.up(progress=say).url)
        finally:
            managed.down()


def _official(url: str) -> Iterator[tuple[str, Any]]:
    """Name and content of each official workflow that the host serves."""
    index = requests.get(f"{url}/templates/index.json", timeout=60).json()
    for name in sorted({each["name"] for category in index for each in category["templates"]}):
        answer = requests.get(f"{url}/templates/{name}.json", timeout=60)
        if answer.ok and "nodes" in answer.json():
            yield f"{name}.json", answer.json()


def _blueprints(comfyui: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted((comfyui / "blueprints").glob("*.json")):
        yield f"blueprint {path.name}", json.loads(path.read_bytes())


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the Chromium of this machine."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("no Chromium on this machine: install the package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def open_canvas(browser: Browser, url: str) -> Page:
    """Open a host's canvas, and wait until it is ready."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(url)
    page.wait_for_function(_READY, timeout=300_000)
    return page


def _export(url: str, flows: dict[str, Any], out: Path) -> None:
    with open_browser() as browser:
        page = open_canvas(browser, url)
        for number, (name, workflow) in enumerate(flows.items(), 1):
            if (out / name).exists():
                continue
            try:
                write_text(out / name, page.evaluate(_SUBMIT, workflow))
            except Error as error:
                # The page may be of no use after this.
                say(f"{name}: the frontend gives no answer: {error.message[:200]}")
                page.close()
                page = open_canvas(browser, url)
            if not number % 50:
                say(f"{number} of {len(flows)}")


if __name__ == "__main__":
    main()
