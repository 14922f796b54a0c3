"""A finished run is as its maker left it, or the audit says what is not."""

from __future__ import annotations

from pathlib import Path

from hostile.tampering import TAMPERINGS, probes


def test_every_tampering_is_found(tmp_path: Path) -> None:
    results = {probe.name: probe for probe in probes(tmp_path)}
    assert results.keys() >= {"untouched-run", *TAMPERINGS}
    assert not [f"{probe.name}: {probe.note}" for probe in results.values() if not probe.held]
