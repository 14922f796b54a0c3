"""`packshot catalog run --dry-run`."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from packshot.catalog.planning.catalog_file import Catalog
from packshot.cli.main import app


def test_a_dry_run_says_what_it_takes(load_catalog, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = load_catalog("hosts: [a, b]\n")
    (tmp_path / "cache" / "packshot").mkdir(parents=True)
    measured = {f"{Catalog(file).workflows[''].sha256} default": {"seconds": 8.0, "bytes": 1000, "pictures": 5}}
    command = ["catalog", "run", str(tmp_path / "catalog.yaml"), "--dry-run", "--json"]
    before = json.loads(CliRunner().invoke(app, command).stdout)
    (tmp_path / "cache" / "packshot" / "timings.json").write_text(json.dumps(measured))
    after = json.loads(CliRunner().invoke(app, command).stdout)
    assert (before["rows"], before["jobs"], before["expected_seconds"], before["disk_bytes"]) == (2, 2, None, None)
    assert (after["expected_seconds"], after["disk_bytes"], after["hosts"]) == (8.0, 2000, 2)
    assert after["licence"]["decision"] == "allow"
    assert after["disk_free"] > 0
