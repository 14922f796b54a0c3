"""The pictures of ``docs/canvas.md``: the real page of a real host, as Chromium draws it.

python docs/images/canvas.py
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from packshot import Client, Workflow
from packshot.brand import BrandKit
from packshot.catalog.known_runs import remember_run, run_id
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir, shipped

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "tests" / "unit"))
import loras  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
LIMIT = 200_000  # bytes
READY = """() => window.app && window.app.graph && window.app.vueAppReady
    && window.app.extensionManager.getSidebarTabs().some((tab) => tab.id === 'packshot')"""


def shot(page: Page, name: str) -> None:
    """A picture of the page, with as many colours as it needs to stay small."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    target = HERE / f"canvas-{name}.png"
    for colours in (256, 128, 64):
        image.quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size < LIMIT:
            break
    print(f"{target.name}: {target.stat().st_size:,} bytes")


def evaluate(page: Page, script: str, argument: Any = None) -> Any:
    return page.evaluate(script, argument)


def panel(page: Page, name: str) -> None:
    evaluate(page, "app.extensionManager.sidebarTab.activeSidebarTabId = 'packshot'")
    page.get_by_role("tab", name=name, exact=True).click()
    page.locator(f"[data-panel='{name.lower()}']").wait_for()
    page.wait_for_timeout(1500)


def nodes(page: Page, vue: bool) -> None:
    """Loader, brand, tiles and a refusal, after a run was refused."""
    evaluate(page, "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", vue)
    empty = {"nodes": [], "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4}
    evaluate(page, "data => app.loadGraphData(data)", empty)
    evaluate(
        page,
        """() => {
            const make = (type, x, y, widgets = {}) => {
                const node = LiteGraph.createNode(type)
                node.pos = [x, y]
                app.graph.add(node)
                for (const [name, value] of Object.entries(widgets)) {
                    const widget = node.widgets.find((each) => each.name === name)
                    widget.value = value
                    widget.callback?.(value)
                }
                return node
            }
            const loader = make('PackshotLoadModel', 0, 0, { card: 'flux1-dev' })
            make('PackshotBrand', 0, 330, { kit: 'aldern-quay' })
            const latent = make('PackshotEmptyLatent', 420, 0)
            const decode = make('PackshotVAEDecodeTiled', 420, 330, { tile_size: 384 })
            const save = make('SaveImage', 840, 330)
            loader.connect(3, latent, latent.findInputSlot('card'))
            loader.connect(2, decode, decode.findInputSlot('vae'))
            latent.connect(0, decode, decode.findInputSlot('samples'))
            decode.connect(0, save, 0)
            app.canvas.ds.scale = 1
            app.canvas.ds.offset = [120, 140]
            app.canvas.setDirty(true, true)
            app.queuePrompt(0, 1)
        }""",
    )
    page.locator(".ps-refusal").wait_for(timeout=300_000)
    page.wait_for_timeout(2500)


def after_a_run(page: Page, data: dict[str, Any]) -> None:
    """What a LoRA stack and a memory report show once the workflow ran."""
    evaluate(page, "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", False)
    evaluate(page, "data => app.loadGraphData(data)", data)
    evaluate(
        page,
        """() => {
            const find = (type) => app.graph.nodes.find((node) => node.type === type)
            const make = (type, x, y) => {
                const node = LiteGraph.createNode(type)
                node.pos = [x, y]
                app.graph.add(node)
                return node
            }
            const [loader, sample, save] = ['PackshotLoadModel', 'PackshotSample', 'SaveImage'].map(find)
            const stack = make('PackshotLoRAStack', 0, 1200), policy = make('PackshotVRAMPolicy', 340, 1200)
            const decode = make('PackshotVAEDecodeTiled', 660, 1200), report = make('PackshotMemoryReport', 980, 1200)
            stack.widgets.find((each) => each.name === 'text').value = '<lora:tide:0.8>'
            decode.widgets.find((each) => each.name === 'tile_size').value = 256
            loader.connect(loader.findOutputSlot('model'), stack, stack.findInputSlot('model'))
            stack.connect(0, policy, policy.findInputSlot('model'))
            policy.connect(0, sample, sample.findInputSlot('model'))
            sample.connect(0, decode, decode.findInputSlot('samples'))
            loader.connect(loader.findOutputSlot('vae'), decode, decode.findInputSlot('vae'))
            decode.connect(0, report, 0)
            report.connect(0, save, save.findInputSlot('images'))
            app.canvas.ds.scale = 0.9
            app.canvas.ds.offset = [80, -1120]
            app.canvas.setDirty(true, true)
            app.queuePrompt(0, 1)
        }""",
    )
    page.locator(".ps-node[data-node-type=PackshotMemoryReport] [role=meter]").nth(1).wait_for(timeout=300_000)
    page.wait_for_timeout(2500)


def shelf(folder: Path, models: Path) -> Path:
    """The starter's files, and a LoRA for it."""
    for file in models.glob("*/*"):
        (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / file.parent.name / file.name).symlink_to(file)
    (folder / "loras").mkdir(exist_ok=True)
    loras.write(folder / "loras" / "tide.safetensors", seed=3, layers=loras.STARTER, scale=0.2)
    return folder


def a_run(folder: Path, pictures: list[Path], kit: BrandKit) -> str:
    """A catalogue run that goes on: some pictures made, one being made, one to come."""
    folder.mkdir()
    (folder / "pictures").mkdir()
    titles = ["Stoneware mug", "Oak lamp", "Oak table", "Copper teapot"]
    with Ledger(folder, create=True) as ledger:
        facts = {
            "brand": {"name": kit.name},
            "workflow": {"name": "product-shot", "version": Workflow.load("product-shot").version},
            "table": {"name": "aldern-quay.csv"},
        }
        ledger.record_facts(facts)
        items = tuple(
            Item(
                f"AQ-10{n // 2}",
                "",
                f"AQ-10{n}",
                titles[n // 2 % 4],
                f"aq-10{n}",
                {"prompt": titles[n // 2]},
                n,
                "",
                {},
            )
            for n in range(8)
        )
        write_plan(ledger, Plan(items, ()))
        for number, picture in enumerate(pictures):
            target = folder / "pictures" / f"aq-10{number}.png"
            shutil.copy(picture, target)
            ledger.begin(f"AQ-10{number}", f"p{number}", "http://127.0.0.1:8188")
            ledger.accept(f"p{number}", f"pictures/{target.name}", f"{number}" * 64, 4.0 + number)
        ledger.begin(f"AQ-10{len(pictures)}", "p", "http://127.0.0.1:8188")
    remember_run(folder)
    return run_id(folder)


def main() -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    home = cache_dir() / "host"
    installation = install(home, print)
    write_starter(home / "models")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        managed = ManagedHost(folder / "host", installation, shelf(folder / "models", home / "models"))
        url = str(managed.up().url)
        try:
            made = []
            with Client(url, out=folder / "out") as client:
                for seed, product in enumerate(("green mug", "green mug", "brown lamp")):
                    prompt = f"a {product} on a light blue background"
                    result = client.submit("product-shot", prompt=prompt, seed=seed).result(timeout=600)
                    made.append(Path(str(result.outputs[0].file)))
            browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(300_000)
            requests.post(f"{url}/settings", json={"Comfy.TutorialCompleted": True}, timeout=30)
            page.goto(url, timeout=600_000)
            page.wait_for_function(READY, timeout=600_000)
            data = json.loads(json.dumps(Workflow.load("product-shot").data))
            data["extra"]["linearMode"] = False
            evaluate(page, "data => app.loadGraphData(data)", data)
            panel(page, "Memory")
            shot(page, "memory")
            evaluate(page, "app.extensionManager.setting.set('Comfy.ColorPalette', 'light')")
            panel(page, "Brand")
            page.get_by_label("Channel").select_option("amazon-main")
            page.locator(".ps-panel input[type=file]").set_input_files(str(made[0]))
            page.locator("[data-panel=brand] .ps-list li", has_text="amazon-main").wait_for(timeout=300_000)
            page.locator(".ps-drop").scroll_into_view_if_needed()
            shot(page, "brand")
            evaluate(page, "app.extensionManager.setting.set('Comfy.ColorPalette', 'dark')")
            page.wait_for_timeout(1000)
            changed = json.loads(json.dumps(data))
            changed["extra"]["packshot"]["inputs"].pop("seed")
            evaluate(page, "data => app.loadGraphData(data)", changed)
            panel(page, "API")
            shot(page, "api")
            evaluate(page, "void app.extensionManager.command.execute('Packshot.MakeApp')")
            page.locator(".ps-dialog").wait_for()
            shot(page, "app")
            page.keyboard.press("Escape")
            evaluate(page, "app.extensionManager.sidebarTab.activeSidebarTabId = null")
            for vue, name in ((False, "nodes"), (True, "nodes2")):
                nodes(page, vue)
                shot(page, name)
            after_a_run(page, data)
            shot(page, "run")
            run = a_run(folder / "aldern-quay", made, BrandKit.load(shipped("examples") / "brands" / "aldern-quay"))
            page.goto(f"{url}/packshot/web/catalog/index.html?run={run}")
            page.locator(".card img").nth(len(made) - 1).wait_for()
            page.wait_for_timeout(1500)
            shot(page, "catalogue")
            page.locator(".card button").first.click()
            page.keyboard.press("c")
            page.keyboard.press("a")
            page.wait_for_timeout(1500)
            shot(page, "verdict")
            browser.close()
        finally:
            managed.down()


if __name__ == "__main__":
    main()
