"""Settings of the property tests, a cache folder apart from the user's, and fixtures that several rooms use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from packshot.catalog.planning.catalog_file import CatalogFile

# Tests assert no times: a slow machine is no fault. CI tries the same cases each time, so that what it says is about
# the change; everywhere else they are new ones each time.
settings.register_profile("packshot", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("packshot")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(cache / name.lower()))


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty settings folder in place of the user's."""
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = tmp_path / "packshot"
    folder.mkdir()
    return folder


TABLE = (
    "sku;family;enabled;categories;name-en_US;name-de_DE;color\n"
    "L;lamps;1;x;Lamp;Lampe;red\nM;mugs;1;x;Mug;Becher;blue\n"
)


@pytest.fixture
def load_catalog(tmp_path: Path):
    (tmp_path / "products.csv").write_text(TABLE)

    def make(text: str) -> CatalogFile:
        path = tmp_path / "catalog.yaml"
        path.write_text("table: products.csv\n" + text)
        return CatalogFile.load(path)

    return make
