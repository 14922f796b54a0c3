"""A real ComfyUI for the tests: installation and models of the user's cache, and a home of its own.

Two workers share the tests of the host tier. Tests that need the same host go to one worker, in one group, so that each
host is started once; all other files go one by one to whichever worker is free (``--dist loadgroup``).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from packshot import Client
from packshot.brand import BrandKit
from packshot.host.install import Installation, install
from packshot.host.managed import HostStatus, ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir, shipped
from packshot.run.brand import bring_loras
from support.host.brand_kits import write_brands
from support.host.jobs import NODE
from support.host.own_hosts import TINY, card, component, running, write_stubs, write_tiny
from support.host.scripts import inside
from support.host.training import BASE, KIT, OPTIONS, TRIGGER, draw

# Chromium asks its maker's servers for many things at start; a test machine may have no way there.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",  # a name of another site that leads here: DNS rebinding
]

# Hosts that one group of tests shares. The session's own ``host`` is not among them: each worker has one.
SHARED = ("browser", "tiny_client", "stub_client", "brand_client", "second")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests into groups by the host that they share, and the groups in order: the longest first."""
    for item in items:
        shared = (name for name in SHARED if name in getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(next(shared, str(item.path))))


@pytest.fixture(scope="session")
def installation() -> Installation:
    """The pinned ComfyUI, installed now if it is not there yet."""
    return install(cache_dir() / "host", print)


@pytest.fixture(scope="session")
def models() -> Path:
    """The shared model folder, with the starter model and the example brands' LoRAs in it."""
    folder = cache_dir() / "host" / "models"
    write_starter(folder)
    for kit in (shipped("examples") / "brands").iterdir():
        bring_loras(BrandKit.load(kit), folder)
    return folder


@pytest.fixture(scope="session")
def host(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostStatus]:
    """One host for the whole session. A test that kills its host uses ``second`` or ``new_host``."""
    managed = ManagedHost(tmp_path_factory.mktemp("host"), installation, models)
    try:
        yield managed.up()
    finally:
        managed.down()


@pytest.fixture
def new_host(installation: Installation, models: Path, tmp_path: Path) -> Iterator[Callable[..., ManagedHost]]:
    """Makes hosts that are not started yet, each in a home of its own; they are stopped at the end of the test."""
    made: list[ManagedHost] = []

    def make() -> ManagedHost:
        made.append(ManagedHost(tmp_path / f"home{len(made)}", installation, models))
        return made[-1]

    yield make
    for managed in made:
        managed.down()


@pytest.fixture(scope="session")
def second(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedHost]:
    """A host beside the session's own with one node more and no weights, not started yet; tests may kill it."""
    managed = ManagedHost(tmp_path_factory.mktemp("second"), installation, tmp_path_factory.mktemp("models"))
    nodes = managed.home / "base" / "custom_nodes"
    nodes.mkdir(parents=True)
    (nodes / "new_node.py").write_text(NODE)
    yield managed
    managed.down()


@pytest.fixture(scope="session")
def tiny_client(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a host with tiny models of four families and cards for them, and with no licence profile."""
    home = tmp_path_factory.mktemp("tiny")
    with running(home, installation, write_tiny(home, installation, models)) as client:
        yield client


@pytest.fixture(scope="session")
def tiny_shelf(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with tiny models of four families, for scripts that need no host."""
    folder = tmp_path_factory.mktemp("vram")
    subprocess.run([installation.python, TINY, installation.comfyui, folder], check=True, timeout=300)
    starter = models / "diffusion_models" / "starter-flux2.safetensors"
    (folder / "diffusion_models" / starter.name).symlink_to(starter)
    return folder


@pytest.fixture(scope="session")
def stub_client(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a host with a stub for every file of every card, and a profile to which every licence is open."""
    home = tmp_path_factory.mktemp("stubs")
    with running(home, installation, write_stubs(home, models)) as client:
        yield client


@pytest.fixture(scope="session")
def brand_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the host of ``brand_client`` has its models and the user's settings, with brand kits in them."""
    return tmp_path_factory.mktemp("brand")


@pytest.fixture(scope="session")
def brand_client(installation: Installation, models: Path, brand_home: Path) -> Iterator[Client]:
    """A client of a host with the starter model, LoRAs for it, and brand kits in the user's settings."""
    with running(brand_home, installation, write_brands(brand_home, models)) as client:
        yield client


@pytest.fixture(scope="session")
def training_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set, drawn."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    draw(folder)
    return folder


@pytest.fixture(scope="session")
def training_host(
    installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManagedHost]:
    """A host with a tiny FLUX.1, an autoencoder that encodes, and the starter's text encoder."""
    home = tmp_path_factory.mktemp("training")
    shelf = home / "models"
    inside(installation, "train_models.py", "write", shelf)
    encoder = shelf / "text_encoders" / "starter-clip-l.safetensors"
    encoder.parent.mkdir()
    encoder.symlink_to(models / "text_encoders" / encoder.name)
    own = card(BASE, resolution={**card(BASE)["resolution"], "min_pixels": 4096})
    own["components"][2] = component("vae", "tiny-train-vae.safetensors")
    own["sampling"] |= {"steps": 2, "cfg": 1.0, "guidance": 3.5, "shift_node": "ModelSamplingFlux"}
    cards = home / "settings" / "packshot" / "cards"
    cards.mkdir(parents=True)
    (cards / f"{BASE}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
        patch.setenv("OMP_NUM_THREADS", "1")  # more threads gain a tiny model nothing, and lose on a busy machine
        host = ManagedHost(home / "host", installation, shelf)
        try:
            host.up()
            yield host
        finally:
            host.down()


@pytest.fixture(scope="session")
def trained(
    training_host: ManagedHost, training_pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The answer of ``packshot lora train`` for a run that nothing stops."""
    out = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    command = [sys.executable, "-m", "packshot", "lora", "train", str(training_pictures)]
    command += ["--trigger", TRIGGER, "--base", BASE]
    command += ["--brand", str(KIT), "--out", str(out), "--host", str(training_host.status().url), "--held-out", "0.2"]
    for name, value in OPTIONS.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine: install the package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def canvas_page(browser: Browser, host: HostStatus) -> Iterator[Page]:
    """One canvas for all workflows of this module."""
    page = browser.new_page()
    page.goto(str(host.url))
    page.wait_for_function("() => window.app && window.app.graph && window.app.vueAppReady", timeout=120_000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def definitions(host: HostStatus) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(f"{host.url}/object_info", timeout=60).json()
    return answer
