"""ComfyUI's own frontend in a real Chromium, served by a real host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from playwright.sync_api import Browser, Page

from packshot.host.install import install
from packshot.host.managed import HostStatus, ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir
from support import loras
from support.host.hostile import HOSTILE


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostStatus]:
    """One host for the session, in a home of its own: with the starter model, a LoRA for it, and kits."""
    home, own = cache_dir() / "host", tmp_path_factory.mktemp("host")
    installation = install(home, print)
    write_starter(home / "models")
    shelf = own / "models"
    for file in (home / "models").glob("*/*"):
        (shelf / file.parent.name).mkdir(parents=True, exist_ok=True)
        (shelf / file.parent.name / file.name).symlink_to(file)
    (shelf / "loras").mkdir(exist_ok=True)
    loras.write(shelf / "loras" / "tide.safetensors", seed=3, layers=loras.STARTER, scale=0.2)
    colours = [{"name": f"colour with a long name {number}", "hex": f"#{number:02}3344"} for number in range(40)]
    hostile = [{"name": HOSTILE, "hex": "#112233"}, {"name": "oat", "hex": "#EFE6D6", "role": "background"}]
    for name, palette in ((HOSTILE, hostile), ("large", colours[:32]), ("too-large", colours)):
        kit = own / "settings" / "packshot" / "brands" / name
        kit.mkdir(parents=True)
        (kit / "brand.yaml").write_text(yaml.safe_dump({"name": name, "palette": palette}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(own / "settings"))
        managed = ManagedHost(own / "home", installation, shelf)
        try:
            yield managed.up()
        finally:
            managed.down()


@pytest.fixture
def canvas(browser: Browser, host: HostStatus) -> Iterator[Page]:
    """The canvas, loaded and empty."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(str(host.url))
    page.wait_for_function("() => window.app && window.app.graph && window.app.vueAppReady", timeout=120_000)
    yield page
    page.close()
