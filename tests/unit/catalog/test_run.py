"""A run knows the phases and locks of its workflows."""

from __future__ import annotations

import hashlib

from packshot.catalog.planning.catalog_file import Catalog
from packshot.catalog.run import CatalogRun
from support.places import ROOT


def test_a_run_knows_its_phases_and_the_locks_of_its_workflows(load_catalog, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = ROOT / "workflows" / "releases" / "product-shot"
    newest = max(folder.glob("*.lock.json"), key=lambda path: tuple(map(int, path.name.split(".")[:3])))
    planned = Catalog(load_catalog("workflow: product-shot\nphases: false"))
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(planned)
        facts = run.ledger.facts()
    assert facts["phases"] is False
    assert facts["locks"] == {"": hashlib.sha256(newest.read_bytes()).hexdigest()}
