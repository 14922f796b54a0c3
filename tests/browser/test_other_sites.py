"""Pages of other sites and of strangers in a real Chromium: a rebound name, other origins, a planted report."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hostile.pages import plant_run
from PIL import Image
from playwright.sync_api import Browser, Page

from packshot.catalog.known_runs import remember_run, run_id
from packshot.catalog.report.report import Entry, RunInfo, write_report
from packshot.host.managed import HostStatus

EVIL = "evil.example"  # leads to this machine in the browser of the tests, as after DNS rebinding

# What a page tries: what it can read of each route, and what each change answers. The token is the right one.
TRIES = """async ([base, run, token]) => {
  const tried = {}
  const attempt = async (name, path, options) => {
    try {
      const answer = await fetch(base + path, options)
      tried[name] = answer.type === 'opaque' ? 'opaque' : answer.status
    } catch { tried[name] = 'refused' }
  }
  for (const path of ['boot', 'runs', 'brands', 'memory', `runs/${run}/items`, `runs/${run}/files/index.html`])
    await attempt(path, `/packshot/${path}`, {})
  const headers = { 'Content-Type': 'application/json', 'X-Packshot-Token': token }
  const body = JSON.stringify({ item: 'i0', sha256: 'a'.repeat(64), verdict: 'approved', reason: '' })
  await attempt('verdict', `/packshot/runs/${run}/verdict`, { method: 'POST', headers, body })
  await attempt('plain verdict', `/packshot/runs/${run}/verdict`, { method: 'POST', mode: 'no-cors', body })
  await attempt('program', '/packshot/boot', { headers: { 'Sec-Packshot-Program': '1' } })
  tried.picture = await new Promise((done) => {
    const picture = new Image()
    picture.onload = () => done('shown')
    picture.onerror = () => done('refused')
    picture.src = `${base}/packshot/runs/${run}/files/pictures/i0.png`
  })
  return tried
}"""


FRAME = """url => {
  const frame = document.createElement('iframe')
  frame.onload = () => (frame.dataset.loaded = 'yes')
  frame.src = url
  document.body.append(frame)
}"""


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Another site: an empty page at every path."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>elsewhere</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another site on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = plant_run(tmp_path / "run")
    Image.new("RGB", (8, 8), "red").save(folder / "pictures" / "i0.png")
    remember_run(folder)
    return folder


def token(page: Page, host: HostStatus) -> str:
    answer: str = page.request.get(f"{host.url}/packshot/boot").json()["token"]
    return answer


def test_a_name_that_was_rebound_reads_and_changes_nothing(page: Page, host: HostStatus, run: Path) -> None:
    base = f"http://{EVIL}:{urlsplit(str(host.url)).port}"
    page.goto(f"{base}/packshot/web/packshot.css")  # anything that is served by any name
    assert page.evaluate("location.origin") == base
    tried = page.evaluate(TRIES, [base, run_id(run), token(page, host)])
    assert {name: answer for name, answer in tried.items() if answer not in (403, "refused")} == {}
    assert not (run / "approvals.json").exists()


@pytest.mark.parametrize("name", [EVIL, "localhost", "127.0.0.1"])
def test_another_origin_reads_and_changes_nothing(
    page: Page, host: HostStatus, run: Path, elsewhere: int, name: str
) -> None:
    page.goto(f"http://{name}:{elsewhere}/")
    tried = page.evaluate(TRIES, [host.url, run_id(run), token(page, host)])
    assert {key: answer for key, answer in tried.items() if answer not in ("refused", "opaque")} == {}
    assert not (run / "approvals.json").exists()
    page.evaluate(FRAME, f"{host.url}/packshot/web/catalog/index.html")
    page.wait_for_function("() => document.querySelector('iframe').dataset.loaded")
    assert page.frames[1].locator("#main").count() == 0  # refused, or not shown inside another page


def test_a_page_of_its_own_reads_and_judges(page: Page, host: HostStatus, run: Path) -> None:
    page.goto(f"{host.url}/packshot/web/catalog/index.html")
    tried = page.evaluate(TRIES, [host.url, run_id(run), token(page, host)])
    assert tried.pop("picture") == "shown"
    assert tried.pop("plain verdict") in (401, 415)
    assert set(tried.values()) == {200}
    assert (run / "approvals.json").exists()


def test_a_planted_report_runs_no_script_and_asks_for_nothing(page: Page, host: HostStatus, run: Path) -> None:
    answered: list[str] = []
    page.on("response", lambda response: answered.append(urlsplit(response.url).path))
    address = f"{host.url}/packshot/runs/{run_id(run)}/files/index.html"
    page.goto(address)
    page.wait_for_timeout(500)
    assert page.title() == "quiet"
    assert answered == [urlsplit(address).path]


def test_the_page_of_a_run_says_who_judged(page: Page, host: HostStatus, run: Path) -> None:
    page.goto(f"{host.url}/packshot/web/catalog/index.html?run={run_id(run)}")
    page.locator(".card button").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_role("button", name="Approve").click()
    dialog.get_by_text("by Ada").wait_for()
    page.reload()
    page.locator(".card button").first.click()
    assert dialog.get_by_label("Your name").input_value() == "Ada"
    dialog.get_by_text("by Ada").wait_for()


def test_our_own_report_is_shown_without_its_script(page: Page, host: HostStatus, tmp_path: Path) -> None:
    """Thumbnails and links to pictures are there, and what needs the script is hidden."""
    folder = plant_run(tmp_path / "run")
    Image.new("RGB", (8, 8), "red").save(folder / "pictures" / "i0.png")
    texts = ("i0", "S0", "", "Mug", "done", "pictures/i0.png", "a" * 64)
    entry = Entry(*texts, 1, {"prompt": "mug"}, "w@1", "", "http://h", "p0", 1.0, 1, None, ())
    made = datetime(2026, 12, 1, tzinfo=timezone.utc)
    write_report(folder, RunInfo(None, "t", "w@1", 1, made), lambda: [entry])
    remember_run(folder)
    page.goto(f"{host.url}/packshot/runs/{run_id(folder)}/files/index.html")
    page.wait_for_function("() => document.querySelector('.card img').naturalWidth > 0")
    assert not page.locator(".bar").is_visible()
    assert page.locator(".scriptless").is_visible()
    page.get_by_role("link", name="Open the file").first.click()
    page.wait_for_url("**/pictures/i0.png")
