"""Settings of the property tests, and a cache folder apart from the user's, in which no managed host is up."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
