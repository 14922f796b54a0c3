"""Takes pictures of each workflow of the library in ComfyUI's own frontend, canvas and App.

    .venv/bin/python docs/images/library.py

It starts a ComfyUI of its own, with a photograph of scikit-image's in the place of the example picture.
"""

from __future__ import annotations

import copy
import io
import json
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data as photographs

from packshot import Workflow
from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir
from packshot.workflow.versions import library

HERE = Path(__file__).parent / "library"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasInfo": False,
    "LiteGraph.Canvas.MinFontSizeForLOD": 0,  # text however small
}
_OPEN = """async ([workflow, name]) => {
    await window.app.loadGraphData(workflow, true, true, name)
    await new Promise(done => setTimeout(done, 1500))
}"""
_FIT = "() => window.app.extensionManager.command.execute('Comfy.Canvas.FitView')"


def main() -> None:
    HERE.mkdir(exist_ok=True)
    home = cache_dir() / "host"
    write_starter(home / "models")
    with tempfile.TemporaryDirectory(prefix="packshot-library-") as folder:
        managed = ManagedHost(Path(folder), install(home, print), home / "models")
        pictures = Path(folder) / "base" / "input"
        pictures.mkdir(parents=True)
        Image.fromarray(photographs.coffee()).save(pictures / "example.png")
        settings = Path(folder) / "base" / "user" / "default" / "comfy.settings.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(_SETTINGS), encoding="utf-8")
        try:
            url = managed.up().url
            assert url is not None
            with sync_playwright() as playwright:
                executable = shutil.which("chromium") or shutil.which("google-chrome")
                browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
                page = browser.new_page(viewport={"width": 1440, "height": 810})
                page.set_default_timeout(300_000)  # without a GPU, a large canvas takes its time
                page.goto(url)
                page.wait_for_function(
                    "() => window.app && window.app.graph && window.app.vueAppReady", timeout=300_000
                )
                for name in library():
                    _take(page, name)
                browser.close()
        finally:
            managed.down()


def _take(page: Page, name: str) -> None:
    for view in ("canvas", "app"):
        data = copy.deepcopy(Workflow.load(name).data)
        data["extra"]["linearMode"] = view == "app"
        page.evaluate(_OPEN, [data, name if view == "canvas" else f"{name}.app"])  # a tab keeps its view
        if view == "canvas":
            page.evaluate(_FIT)
        page.wait_for_timeout(1500)
        with Image.open(io.BytesIO(page.screenshot())) as picture:
            small = picture.convert("RGB").resize((1200, 675), Image.Resampling.LANCZOS)
        small.save(HERE / f"{name}-{view}.jpg", quality=82)


if __name__ == "__main__":
    main()
