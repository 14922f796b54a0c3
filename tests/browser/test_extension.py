"""The canvas extension in a real Chromium on a real host: its panels and what it shows in nodes, in both renderers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect

from packshot import Client, Workflow
from packshot.host.managed import HostStatus
from support.host.hostile import HOSTILE

Json = dict[str, Any]
RENDERERS = ["classic", "nodes2"]
# Extensions are set up after the canvas is ready.
_READY = """() => window.app && window.app.graph && window.app.vueAppReady
    && window.app.extensionManager.getSidebarTabs().some((tab) => tab.id === 'packshot')"""
# Ours alone: what the rest of the page does is not our doing.
_OURS = [".ps-panel", ".ps-dialog", ".ps-node"]
_REFUSED = ".ps-node[data-node-type=PackshotLoadModel] .ps-refusal"


@pytest.fixture(scope="module")
def page(browser: Browser, host: HostStatus) -> Iterator[Page]:
    """One canvas for the module; at the end, nothing that we load has failed and nothing hostile has run."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        where = f"{message.text} {message.location.get('url')}"
        # A prompt that the host refuses passes our code too, and a kit that cannot be used is answered with 400.
        refused = message.text.startswith("PromptExecutionError") or where.endswith("/packshot/brands/too-large")
        if message.type == "error" and not refused and "packshot/" in where:
            errors.append(where)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)) if "packshot" in str(error.stack) else None)
    # Somebody who comes for the first time is shown the templates, over everything else.
    requests.post(f"{host.url}/settings", json={"Comfy.TutorialCompleted": True}, timeout=30)
    page.goto(str(host.url))
    page.wait_for_function(_READY, timeout=120_000)
    yield page
    assert not errors
    assert page.evaluate("window.hacked") is None
    page.close()


@pytest.fixture(params=RENDERERS)
def renderer(request: pytest.FixtureRequest, page: Page) -> str:
    """Both ways in which the frontend draws nodes."""
    enabled = request.param == "nodes2"
    page.evaluate("on => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", enabled)
    name: str = request.param
    return name


@pytest.fixture
def shot() -> Json:
    """Our own workflow, opened as a graph."""
    data: Json = json.loads(json.dumps(Workflow.load("product-shot").data))
    data["extra"]["linearMode"] = False
    return data


def load(page: Page, data: Json) -> None:
    page.evaluate("data => window.app.loadGraphData(data)", data)


def add(page: Page, node: str, **widgets: Any) -> int:
    """A node in the middle of an empty canvas; its id."""
    number: int = page.evaluate(
        """([type, widgets]) => {
            const node = LiteGraph.createNode(type)
            node.pos = [400 + 60 * app.graph.nodes.length, 200]
            app.graph.add(node)
            for (const [name, value] of Object.entries(widgets)) {
                const widget = node.widgets.find((each) => each.name === name)
                widget.value = value
                widget.callback?.(value)
            }
            return node.id
        }""",
        [node, widgets],
    )
    return number


def clear(page: Page) -> None:
    load(page, {"nodes": [], "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4})


def panel(page: Page, name: str) -> Locator:
    """One of the three panels, opened."""
    page.evaluate("app.extensionManager.sidebarTab.activeSidebarTabId = 'packshot'")
    page.get_by_role("tab", name=name, exact=True).click()
    found = page.locator(f"[data-panel='{name.lower()}']")
    found.wait_for()
    return found


def drop(page: Page, target: Locator, files: list[Path]) -> None:
    """Drag files over an element and let go of them there."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    session.detach()


def close(page: Page) -> None:
    page.evaluate("app.extensionManager.sidebarTab.activeSidebarTabId = null")
    page.locator(".ps-panel").wait_for(state="detached")


def serious(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical, in our own elements."""
    scope = [[each] for each in _OURS if page.locator(each).count()]
    found = Axe().run(page, context={"include": scope}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


# -- the panels


def test_memory_shows_what_a_run_left_and_unloads_it(page: Page, host: HostStatus) -> None:
    with Client(str(host.url)) as client:
        client.submit("product-shot", seed=3).result(timeout=300)
    shown = panel(page, "Memory")
    assert shown.get_by_role("meter").first.get_attribute("aria-valuetext")
    shown.locator(".ps-list li").first.wait_for()
    assert "of" in shown.locator(".ps-list li").first.inner_text()
    assert not serious(page)
    shown.get_by_role("button", name="Unload models").click()
    shown.get_by_text("No model is loaded.").wait_for(timeout=30_000)
    assert shown.get_by_role("button", name="Unload models").is_disabled()


def test_nothing_is_asked_while_the_panel_is_hidden(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/packshot/memory" in request.url else None)
    panel(page, "Memory")
    page.wait_for_timeout(4500)
    assert asked
    for hide in (lambda: panel(page, "API"), lambda: close(page)):
        panel(page, "Memory")
        hide()
        page.wait_for_timeout(300)
        asked.clear()
        page.wait_for_timeout(4500)
        assert not asked


def test_brand_shows_the_kit_and_checks_a_dropped_picture(page: Page) -> None:
    shown = panel(page, "Brand")
    shown.get_by_label("Brand kit").select_option("aldern-quay")
    shown.locator(".ps-swatch").first.wait_for()
    encoded = BytesIO()
    Image.new("RGB", (300, 300), "red").save(encoded, "PNG")
    shown.get_by_label("Channel").select_option("amazon-main")
    shown.locator("input[type=file]").set_input_files(
        {"name": f"{HOSTILE}.png", "mimeType": "image/png", "buffer": encoded.getvalue()}
    )
    shown.get_by_text("failed", exact=True).wait_for(timeout=60_000)
    assert HOSTILE in shown.inner_text()
    assert not serious(page)


def test_brand_checks_a_picture_that_is_dropped_on_it(page: Page, shot: Json, tmp_path: Path) -> None:
    """The drop is the browser's own, as of a file from the desktop; the canvas, which opens pictures, gets nothing."""
    load(page, shot)
    shown = panel(page, "Brand")
    shown.get_by_label("Channel").select_option("amazon-main")
    files = [tmp_path / "dropped.png", tmp_path / "dropped.txt"]
    Image.new("RGB", (300, 300), "red").save(files[0])
    files[1].write_text("no picture")
    before = page.evaluate("app.rootGraph.serialize().nodes.length")
    drop(page, shown.locator(".ps-drop"), files)
    verdict = shown.locator("li", has_text="dropped.png")
    verdict.get_by_text("failed", exact=True).wait_for(timeout=60_000)
    assert verdict.locator("p.ps-bad").count() >= 1
    shown.get_by_text("dropped.txt is no picture").wait_for()
    assert page.evaluate("app.rootGraph.serialize().nodes.length") == before


def test_api_shows_the_contract_of_the_open_workflow(page: Page, host: HostStatus, shot: Json) -> None:
    load(page, shot)
    shown = panel(page, "API")
    shown.get_by_text("No problems.").wait_for()
    expect(shown.locator("tbody th")).to_have_text(Workflow(shot, "x").input_names, timeout=60_000)
    python = shown.locator("[data-snippet=python]").inner_text()
    compile(python, "snippet", "exec")
    assert str(host.url) in python
    assert not serious(page)
    del shot["extra"]["packshot"]["inputs"]["seed"]
    load(page, shot)
    shown.get_by_text("major").wait_for()
    shown.get_by_text("which has no name in extra.packshot").wait_for()


def test_the_tabs_work_from_the_keyboard(page: Page) -> None:
    panel(page, "Memory")
    page.get_by_role("tab", name="Memory").focus()
    for name in ("Brand", "API", "Memory"):
        page.keyboard.press("ArrowRight")
        page.locator(f"[data-panel='{name.lower()}']").wait_for()
        assert page.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("palette", ["dark", "light"])
def test_light_and_dark_have_contrast(page: Page, palette: str, shot: Json) -> None:
    page.evaluate("name => window.app.extensionManager.setting.set('Comfy.ColorPalette', name)", palette)
    load(page, shot)
    for name in ("Memory", "Brand", "API"):
        panel(page, name)
        page.wait_for_timeout(500)
        assert not serious(page)
    page.evaluate("window.app.extensionManager.setting.set('Comfy.ColorPalette', 'dark')")


def test_german_where_the_browser_is(browser: Browser, host: HostStatus, shot: Json) -> None:
    """The frontend has no German; what we add speaks it all the same, and a saved file says nothing of it."""
    page = browser.new_page(locale="de-DE")
    page.goto(str(host.url))
    page.wait_for_function(_READY, timeout=120_000)
    load(page, shot)
    page.evaluate("app.extensionManager.command.execute('Workspace.ToggleSidebarTab.packshot')")
    page.get_by_role("tab", name="Speicher").wait_for()
    assert page.locator(".ps-panel").get_attribute("lang") == "de"
    add(page, "PackshotCheck")
    assert page.evaluate("app.graph.nodes.at(-1).title") == "Packshot Prüfen"
    widgets = page.evaluate("app.graph.nodes.at(-1).widgets.map((each) => [each.name, each.label])")
    assert ["on_failure", "Bei Fehler"] in widgets
    inputs = page.evaluate("app.graph.serialize().nodes.at(-1).inputs")
    assert {each["label"] for each in inputs if each.get("label")} <= {each["name"] for each in inputs}
    page.close()


# -- in the nodes


@pytest.mark.usefixtures("renderer")
def test_loaders_have_licence_and_size(page: Page) -> None:
    clear(page)
    close(page)
    number = add(page, "PackshotLoadModel", card="flux1-dev")
    node = page.locator(".ps-node[data-node-type=PackshotLoadModel]")
    node.get_by_text("flux1-dev-nc-1.1.1").wait_for()
    assert "GiB ↓" in node.inner_text()
    assert not serious(page)
    page.evaluate(
        """id => { const widget = app.graph.getNodeById(id).widgets.find((each) => each.name === 'card')
            widget.value = 'z-image'; widget.callback('z-image') }""",
        number,
    )
    node.get_by_text("apache-2.0").wait_for()
    assert "flux1-dev-nc-1.1.1" not in node.inner_text()


@pytest.mark.usefixtures("renderer")
def test_a_brand_has_its_swatches_and_nothing_hostile_runs(page: Page) -> None:
    clear(page)
    close(page)
    number = add(page, "PackshotBrand", kit="aldern-quay")
    node = page.locator(".ps-node[data-node-type=PackshotBrand]")
    node.locator(".ps-chip").first.wait_for()
    count = node.locator(".ps-chip").count()
    assert count > 1
    page.evaluate(
        """([id, kit]) => { const widget = app.graph.getNodeById(id).widgets.find((each) => each.name === 'kit')
            widget.value = kit; widget.callback(kit) }""",
        [number, HOSTILE],
    )
    node.get_by_text(HOSTILE).wait_for()
    assert node.locator("img").count() == 0
    assert not serious(page)
    # What it shows is neither saved nor sent.
    saved = page.evaluate("app.graph.serialize()")
    assert saved["nodes"][0]["widgets_values"] == [HOSTILE, ""]
    sent = page.evaluate("async () => (await app.graphToPrompt()).output")
    assert sent[str(number)]["inputs"] == {"kit": HOSTILE, "content": ""}


@pytest.mark.usefixtures("renderer")
def test_a_large_palette_fits_and_a_too_large_one_is_refused_in_plain_words(page: Page) -> None:
    clear(page)
    close(page)
    number = add(page, "PackshotBrand", kit="none")
    set_kit = """([id, kit]) => { const widget = app.graph.getNodeById(id).widgets.find((each) => each.name === 'kit')
        widget.value = kit; widget.callback(kit) }"""
    node = page.locator(".ps-node[data-node-type=PackshotBrand]")

    def height() -> float:
        page.wait_for_timeout(500)
        tall: float = page.evaluate("id => app.graph.getNodeById(id).size[1]", number)
        return tall

    before = height()
    page.evaluate(set_kit, [number, "large"])
    node.locator(".ps-chip").nth(31).wait_for(state="attached")
    assert height() < before + 110
    assert node.locator(".ps-chip").first.get_attribute("title") == "colour with a long name 0 #003344 accent"
    assert not serious(page)
    page.evaluate(set_kit, [number, "too-large"])
    node.get_by_text("the list has 40 entries; it may have 32 (take 8 of them out)").wait_for()
    page.evaluate(set_kit, [number, "none"])
    node.locator("p").wait_for(state="detached")
    assert height() == pytest.approx(before, abs=1)


@pytest.mark.usefixtures("renderer")
def test_a_workflow_that_is_only_opened_is_not_modified(page: Page, shot: Json) -> None:
    close(page)
    load(page, shot)
    page.locator(".ps-node[data-node-type=PackshotLoadModel]").get_by_text("apache-2.0").wait_for()
    page.wait_for_timeout(1500)  # the canvas draws, and what is shown is measured
    assert page.evaluate(
        """() => { const open = app.extensionManager.workflow.activeWorkflow
            open.changeTracker.captureCanvasState()
            return [open.isModified, open.changeTracker.undoQueue.length] }"""
    ) == [False, 0]


@pytest.mark.usefixtures("renderer")
def test_a_refusal_stands_in_the_workflow_that_ran_and_not_in_another(page: Page, shot: Json) -> None:
    close(page)
    load(page, shot)
    page.evaluate(
        """async ([kit, strength]) => {
            app.graph.getNodeById(11).widgets.find((each) => each.name === 'kit').value = kit
            app.graph.getNodeById(12).widgets.find((each) => each.name === 'strength').value = strength
            window.ran = app.extensionManager.workflow.activeWorkflow
            window.failed = false
            app.api.addEventListener('execution_error', () => { window.failed = true }, { once: true })
            await app.queuePrompt(0) }""",
        ["aldern-quay", 3.5],
    )
    page.evaluate("data => app.loadGraphData(data, true, true, 'another')", shot)
    page.wait_for_function("window.failed", timeout=60_000)
    page.wait_for_timeout(500)
    assert page.locator(".ps-refusal").count() == 0
    assert page.locator(".ps-chip").count() == 0  # it has no kit
    page.evaluate("async () => { await app.loadGraphData(window.ran.activeState, true, true, window.ran) }")
    refusal(page.locator(".ps-node[data-node-type=PackshotBrandLoRA] .ps-refusal"), "not from 0 to 1.2")
    page.locator(".ps-node[data-node-type=PackshotBrand] .ps-chip").first.wait_for()
    # Its nodes are made anew by an undo.
    page.evaluate(
        """async () => { const open = app.extensionManager.workflow.activeWorkflow
            app.graph.getNodeById(12).widgets.find((each) => each.name === 'strength').value = 3
            open.changeTracker.captureCanvasState(); await open.changeTracker.undo() }"""
    )
    page.locator(".ps-node[data-node-type=PackshotBrandLoRA] .ps-refusal").wait_for()


@pytest.mark.usefixtures("renderer")
def test_bypassed_words_are_missed_and_a_bypassed_brand_is_not(page: Page, shot: Json) -> None:
    close(page)
    modes = {node["type"]: node for node in shot["nodes"]}
    modes["PackshotBrandPrompt"]["mode"] = 4
    load(page, shot)
    page.evaluate("() => void app.queuePrompt(0)")
    refusal(page.locator(".ps-node[data-node-type=PackshotEncode] .ps-refusal"), "the prompt is empty")
    modes["PackshotBrandPrompt"]["mode"] = 0
    modes["PackshotBrand"]["mode"] = 4
    load(page, shot)
    assert page.evaluate("() => app.queuePrompt(0)")
    assert page.evaluate("app.extensionManager.lastNodeErrors") is None


@pytest.mark.usefixtures("renderer")
def test_a_node_says_in_a_line_why_it_refused(page: Page) -> None:
    clear(page)
    close(page)
    add(page, "PackshotModelInfo", card="starter")
    queue_refused(page)
    refusal(page.locator(_REFUSED), "flux1")
    assert not serious(page)


def test_a_node_says_why_it_refused_though_the_host_was_faster_than_our_code(canvas: Page) -> None:
    held: list[Route] = []
    clear(canvas)
    canvas.route("**/nodes/refusal.mjs", lambda route: held.append(route))
    add(canvas, "PackshotModelInfo", card="starter")
    queue_refused(canvas)
    canvas.wait_for_function("app.extensionManager.lastNodeErrors")
    held[0].continue_()
    refusal(canvas.locator(_REFUSED), "flux1")


def queue_refused(page: Page) -> None:
    """Queue a prompt with a model that the host does not have."""
    add(page, "PackshotLoadModel", card="flux1-dev")
    page.evaluate(
        """() => { const [, loader] = app.graph.nodes
            const save = LiteGraph.createNode('SaveImage'), decode = LiteGraph.createNode('VAEDecode')
            const latent = LiteGraph.createNode('PackshotEmptyLatent')
            for (const node of [save, decode, latent]) app.graph.add(node)
            loader.connect(3, latent, 0); latent.connect(0, decode, 0); loader.connect(2, decode, 1)
            decode.connect(0, save, 0)
            app.queuePrompt(0, 1) }"""
    )


@pytest.mark.usefixtures("renderer")
def test_a_node_that_refuses_while_it_runs_says_so_too(page: Page) -> None:
    clear(page)
    close(page)
    add(page, "EmptyImage", width=64, height=64)
    add(page, "PackshotCheck", channel="amazon-main", on_failure="stop")
    page.evaluate(
        """() => { const [picture, check] = app.graph.nodes
            picture.connect(0, check, check.findInputSlot('image'))
            app.queuePrompt(0, 1) }"""
    )
    line = page.locator(".ps-node[data-node-type=PackshotCheck] .ps-refusal")
    refusal(line, "amazon-main")
    # Another prompt begins anew.
    page.evaluate("() => { app.graph.nodes[1].mode = 2; app.queuePrompt(0, 1) }")
    line.wait_for(state="detached")


def refusal(line: Locator, says: str) -> None:
    """One line on the node; opened, it says all of it, where and what to do, and shows no stack trace."""
    line.wait_for(timeout=60_000)
    assert "\n" not in line.inner_text()
    one = line.locator("summary")
    assert one.evaluate("each => each.clientHeight < 2 * parseFloat(getComputedStyle(each).lineHeight)")
    one.click()
    assert one.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert says in line.inner_text()
    assert "Traceback" not in line.inner_text()
    assert len(line.inner_text().splitlines()) > 1


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize("kind", ["PackshotVAEDecodeTiled", "PackshotVAEEncodeTiled"])
def test_tiles_are_drawn_before_anything_runs(page: Page, kind: str) -> None:
    clear(page)
    close(page)
    number = add(page, kind, tile_size=384)
    drawing = page.locator(f".ps-node[data-node-type={kind}] svg")
    drawing.wait_for()
    # 1024 pixels in tiles of at most 384: three each way, with two lines between them.
    assert drawing.get_attribute("aria-label") == "3 × 3 × 341 px / 1024 px"
    assert drawing.locator("path").count() == 2
    box = drawing.bounding_box()
    assert box is not None
    assert box["height"] > 20
    assert not serious(page)
    set_tile = """([id, value]) => {
        const widget = app.graph.getNodeById(id).widgets.find((each) => each.name === 'tile_size')
        widget.value = value; widget.callback(value) }"""
    page.evaluate(set_tile, [number, 256])
    page.locator(f".ps-node[data-node-type={kind}] svg[aria-label^='4 × 4']").wait_for()
    page.evaluate(set_tile, [number, 0])  # as large as memory allows, which only the run tells
    drawing.wait_for(state="detached")


def test_a_run_shows_matched_tensors_and_the_memory_it_took(page: Page, renderer: str, shot: Json) -> None:
    """Our own workflow with a LoRA, a policy, a tiled decode and a memory report; what is shown is that of a real run.

    The strength differs, because a node whose result the host has kept does not report again.
    """
    shot["nodes"] = [node for node in shot["nodes"] if node["type"] != "MarkdownNote"]
    load(page, shot)
    close(page)
    page.evaluate(
        """strength => {
            const find = (type) => app.graph.nodes.find((node) => node.type === type)
            const make = (type) => { const node = LiteGraph.createNode(type); app.graph.add(node); return node }
            const wire = (from, output, to, input) =>
                from.connect(from.findOutputSlot(output), to, to.findInputSlot(input))
            const [loader, sample, save] = ['PackshotLoadModel', 'PackshotSample', 'SaveImage'].map(find)
            const [stack, policy] = ['PackshotLoRAStack', 'PackshotVRAMPolicy'].map(make)
            const [decode, report] = ['PackshotVAEDecodeTiled', 'PackshotMemoryReport'].map(make)
            stack.widgets.find((each) => each.name === 'text').value = `<lora:tide:${strength}>`
            wire(loader, 'model', stack, 'model')
            stack.connect(0, policy, policy.findInputSlot('model'))
            policy.connect(0, sample, sample.findInputSlot('model'))
            sample.connect(0, decode, decode.findInputSlot('samples'))
            wire(loader, 'vae', decode, 'vae')
            decode.connect(0, report, 0)
            report.connect(0, save, save.findInputSlot('images'))
            app.queuePrompt(0, 1) }""",
        0.8 if renderer == "classic" else 0.7,
    )
    node = page.locator(".ps-node[data-node-type=PackshotLoRAStack]")
    node.get_by_role("meter").wait_for(timeout=120_000)
    assert "tide.safetensors" in node.inner_text()
    matched, total = (node.get_by_role("meter").get_attribute("aria-valuetext") or "").split("/")
    assert matched == total
    chart = page.locator(".ps-node[data-node-type=PackshotMemoryReport]")
    chart.get_by_role("meter").nth(1).wait_for(timeout=120_000)
    phases = chart.get_by_role("meter").all()
    peaks = [int(each.get_attribute("aria-valuenow") or 0) for each in phases]
    assert all(peak > 0 for peak in peaks)
    # The longest bar is that of the highest peak, and the others are in proportion.
    fills = [each.locator(".ps-bar-fill").evaluate("bar => parseFloat(bar.style.width)") for each in phases]
    assert fills == pytest.approx([100 * peak / max(peaks) for peak in peaks], abs=0.06)
    assert {"sampling", "VAE decode"} <= set(chart.locator("b").all_inner_texts())
    assert not serious(page)


# -- App Mode and releases


def test_a_workflow_becomes_an_app_and_a_release_that_opens_again(page: Page, host: HostStatus, shot: Json) -> None:
    for key in ("packshot", "linearData", "linearMode"):
        del shot["extra"][key]
    load(page, shot)
    page.evaluate("void app.extensionManager.command.execute('Packshot.MakeApp')")
    dialog = page.locator(".ps-dialog")
    dialog.wait_for()
    assert not serious(page)
    dialog.get_by_label("Name", exact=True).fill("browser-test")
    dialog.get_by_label("What it makes").fill(HOSTILE)
    chosen = dialog.get_by_role("checkbox").all()
    names = [box.get_attribute("value") for box in chosen if box.is_checked()]
    assert len(names) >= 3
    dialog.get_by_role("button", name="Make the App").click()
    dialog.wait_for(state="detached")
    extra = page.evaluate("app.rootGraph.extra")
    assert list(extra["packshot"]["inputs"]) == names
    assert len(extra["linearData"]["inputs"]) == len(names)
    page.get_by_role("button", name="Run").last.wait_for()  # the form that App Mode shows
    page.evaluate("void app.extensionManager.command.execute('Packshot.SaveRelease')")
    dialog.wait_for()
    dialog.get_by_role("button", name="Save the release").click()
    dialog.wait_for(state="detached", timeout=60_000)
    saved = page.evaluate("async () => await (await app.api.getUserData('workflows/browser-test.app.json')).json()")
    assert saved["extra"]["packshot"]["version"] == "1.0.0"
    # Opened again and saved again, it is the same contract.
    load(page, saved)
    again = page.evaluate("app.rootGraph.serialize()")
    assert again["extra"]["packshot"] == saved["extra"]["packshot"]
    with Client(str(host.url)) as client:
        prepared = client.prepare(Workflow(again, "again"))
    assert list(prepared.contract.inputs) == names


def test_a_dialog_closes_with_escape_and_leaves_the_workflow(page: Page, shot: Json) -> None:
    load(page, shot)
    before = page.evaluate("app.rootGraph.serialize()")
    page.evaluate("void app.extensionManager.command.execute('Packshot.MakeApp')")
    dialog = page.locator(".ps-dialog")
    dialog.wait_for()
    page.keyboard.press("Delete")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.evaluate("app.rootGraph.serialize()") == before


# -- large and hostile workflows


@pytest.mark.usefixtures("renderer")
def test_three_hundred_nodes(page: Page) -> None:
    nodes = [
        {
            "id": number,
            "type": ["PackshotBrand", "PackshotLoadModel", "EmptyImage"][number % 3],
            "pos": [(number % 20) * 320, (number // 20) * 260],
            "size": [260, 160],
            "title": HOSTILE,
            "widgets_values": [["aldern-quay", ""], ["starter", "auto", "settings"], [64, 64, 1, 0]][number % 3],
            "inputs": [],
            "outputs": [],
        }
        for number in range(1, 301)
    ]
    load(page, {"nodes": nodes, "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4})
    shown = panel(page, "API")
    shown.get_by_text("No inputs.").wait_for(timeout=60_000)
    page.wait_for_function(
        """() => app.graph.nodes.filter((each) => each.type === 'PackshotLoadModel').every((each) =>
            each.widgets.some((widget) => widget.element?.textContent.includes('apache-2.0')))"""
    )
    assert page.evaluate("app.graph.nodes.length") == 300
    clear(page)


def test_hostile_workflows_are_shown_as_text(page: Page, shot: Json) -> None:
    for node in shot["nodes"]:
        node["title"] = HOSTILE
    block = shot["extra"]["packshot"]
    block["name"] = block["summary"] = HOSTILE
    block["inputs"] = {HOSTILE: next(iter(block["inputs"].values())) | {"help": HOSTILE}}
    shot["nodes"].append({"id": 999, "type": HOSTILE, "pos": [0, 0], "size": [100, 100], "title": HOSTILE})
    load(page, shot)
    shown = panel(page, "API")
    shown.get_by_text(HOSTILE).first.wait_for()
    assert shown.locator("img").count() == 0
    page.keyboard.press("Escape")
