"""The Python examples of the docs that need a host, on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_examples import PAGES, examples_of, run_examples, write_files

from packshot.host.managed import HostStatus

WITH_HOST = [page for page in PAGES if any(example.needs_host for example in examples_of(page))]


@pytest.mark.parametrize("page", WITH_HOST, ids=[page.name for page in WITH_HOST])
def test_it_runs(page: Path, host: HostStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    run_examples([example for example in examples_of(page) if example.runs], str(host.url))
