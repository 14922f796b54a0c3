"""What the canvas extension costs, and whether it changes what is submitted; in a real Chromium on a real host.

    python bench/canvas.py [--only loads polling tasks prompts] [--every N] [--loads N] [--host URL] [--smoke]

Each figure is a difference between the page with the extension and the page without it, in turn, in one run: the time
until the page is ready; what the Memory panel's asking costs the host, in shares of one core; long tasks while a prompt
runs with the panel open; and whether the prompts of the official workflows that the host serves, one in N, are the same
byte for byte. The host's CPU time is read from its process, and so only from that of a host of our own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import requests
from _common import machine, say
from _options import add_host, add_smoke
from playwright.sync_api import Browser, Page, Route, sync_playwright

from packshot import Client
from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir

_ALL = ["loads", "polling", "tasks", "prompts"]
_WATCHED = 20.0  # seconds in which the host's CPU time is counted
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_PATIENCE = 600_000  # milliseconds, on a machine that has other things to do
# Extensions are set up and the last workflow is open again: the page has taken its spinner away.
_READY = "() => window.app?.vueAppReady && window.app.extensionManager.spinner === false"
_SUBMIT = """async name => {
    const answer = await fetch(`templates/${name}.json`)
    if (!answer.ok) return null
    await window.app.loadGraphData(await answer.json())
    return JSON.stringify((await window.app.graphToPrompt()).output)
}"""
_WATCH = """() => { window.longTasks = []
    new PerformanceObserver((list) => list.getEntries().forEach((each) => window.longTasks.push(each.duration)))
        .observe({ entryTypes: ['longtask'] }) }"""


def open_page(browser: Browser, url: str, extension: bool) -> tuple[Page, float]:
    """A canvas in a context of its own, and the seconds until it was ready."""
    page = browser.new_context(viewport={"width": 1600, "height": 900}).new_page()
    page.set_default_timeout(_PATIENCE)

    def listed(route: Route) -> None:
        scripts = route.fetch(timeout=_PATIENCE).json()
        route.fulfill(json=[each for each in scripts if extension or "/extensions/packshot/" not in each])

    page.route("**/extensions", listed)
    begun = time.perf_counter()
    page.goto(url)
    page.wait_for_function(_READY)
    return page, time.perf_counter() - begun


def loads(browser: Browser, url: str, count: int, warm: int) -> None:
    """Time until the canvas is ready, in turn with and without."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(warm + count):
        for extension in (True, False) if number % 2 else (False, True):
            page, seconds = open_page(browser, url, extension)
            page.context.close()
            if number >= warm:  # the first of each fills the caches of the host
                times[extension].append(seconds)
    with_it, without = (statistics.median(times[each]) for each in (True, False))
    print(
        f"page load: with {with_it:.3f} s, without {without:.3f} s (medians of {count}):"
        f" {(with_it - without) * 1000:+.0f} ms, limit 150 ms",
        flush=True,
    )


def long_tasks(browser: Browser, url: str, steps: int) -> None:
    """Long tasks while a prompt runs, with the Memory panel open and without the extension."""
    for extension in (False, True):
        page, _ = open_page(browser, url, extension)
        if extension:
            page.evaluate("app.extensionManager.command.execute('Workspace.ToggleSidebarTab.packshot')")
            page.locator(".ps-panel").wait_for()
        page.wait_for_timeout(3000)
        page.evaluate(_WATCH)
        with Client(url) as client:
            job = client.submit("product-shot", seed=int(time.time()), steps=steps)
            while requests.get(f"{url}/api/jobs/{job.id}", timeout=30).json()["status"] in ("pending", "in_progress"):
                page.wait_for_timeout(250)
        tasks = [each for each in page.evaluate("window.longTasks") if each > 50]
        name = "with the Memory panel" if extension else "without the extension"
        print(f"long tasks over 50 ms while a prompt ran, {name}: {len(tasks)}, longest {max(tasks, default=0):.0f} ms")
        page.context.close()


def polling(browser: Browser, url: str, pid: int) -> None:
    """CPU time of the host, idle and while the Memory panel asks."""
    process = psutil.Process(pid)

    def share(seconds: float) -> float:
        before = sum(process.cpu_times()[:2])
        time.sleep(seconds)
        return (sum(process.cpu_times()[:2]) - before) / seconds

    page, _ = open_page(browser, url, True)
    page.wait_for_timeout(3000)
    idle = share(_WATCHED)
    page.evaluate("app.extensionManager.command.execute('Workspace.ToggleSidebarTab.packshot')")
    page.locator(".ps-panel").wait_for()
    page.wait_for_timeout(3000)
    asking = share(_WATCHED)
    print(f"host while the panel asks: {asking:.2%} of a core, idle {idle:.2%}: {asking - idle:+.2%}, limit 0.5 %")
    page.context.close()


def prompts(browser: Browser, url: str, every: int) -> None:
    """Official workflows whose prompts differ."""
    index = requests.get(f"{url}/templates/index.json", timeout=60).json()
    names = sorted({each["name"] for category in index for each in category["templates"]})[::every]
    pages = [open_page(browser, url, extension)[0] for extension in (True, False)]
    compared, different = 0, []
    for name in names:
        sent = [page.evaluate(_SUBMIT, name) for page in pages]
        compared += sent[0] is not None
        if sent[0] != sent[1]:
            different.append(name)
        if compared % 50 == 0:
            say(f"{compared} of {len(names)} workflows compared")
    print(f"prompts of official workflows: {compared} compared, {len(different)} differ {json.dumps(different)}")
    for page in pages:
        page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=_ALL, default=_ALL, help="what to measure")
    parser.add_argument("--every", type=int, default=1, help="compare the prompts of one official workflow in N")
    parser.add_argument("--loads", type=int, default=7, help="page loads of each kind")
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    if options.smoke:
        options.loads, options.every = 1, 1000
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("no Chromium on this machine: install the package `chromium`")
    with _private_host() if options.host is None else contextlib.nullcontext((options.host, None)) as (url, pid):
        print(machine(requests.get(f"{url}/system_stats", timeout=60).json()["system"]), flush=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
            if "loads" in options.only:
                loads(browser, url, options.loads, warm=0 if options.smoke else 1)
            if "polling" in options.only:
                if pid is None:
                    say("polling is left out: the host is not ours, so its CPU time cannot be read")
                else:
                    polling(browser, url, pid)
            if "tasks" in options.only:
                long_tasks(browser, url, steps=1 if options.smoke else 20)
            if "prompts" in options.only:
                prompts(browser, url, options.every)
            browser.close()


@contextlib.contextmanager
def _private_host() -> Iterator[tuple[str, int]]:
    """Start a host with the starter model; its address and the id of its process."""
    home = cache_dir() / "host"
    installation = install(home, print)
    write_starter(home / "models")
    with tempfile.TemporaryDirectory() as folder:
        managed = ManagedHost(Path(folder), installation, home / "models")
        try:
            status = managed.up()
            assert status.url is not None
            assert status.pid is not None
            yield status.url, status.pid
        finally:
            managed.down()


if __name__ == "__main__":
    main()
