"""A real ComfyUI for the tests in this folder: installation and models of the user's cache, and a home of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from packshot import Client
from packshot.brand import BrandKit
from packshot.host.install import Installation, install
from packshot.host.managed import HostStatus, ManagedHost
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir, shipped
from packshot.run.brand import bring_loras
from support.host.brand_kits import write_brands
from support.host.own_hosts import running, write_stubs, write_tiny


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
    """One host for the whole session. A test that kills or blocks its host uses ``new_host``."""
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
def tiny_client(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a host with tiny models of four families and cards for them, and with no licence profile."""
    home = tmp_path_factory.mktemp("tiny")
    with running(home, installation, write_tiny(home, installation, models)) as client:
        yield client


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
