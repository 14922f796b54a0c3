"""What comes as a file from somebody else does no harm: every probe holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.files import probes


def test_every_hostile_file_is_refused_or_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # which the probes set to a place of their own
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    results = list(probes(tmp_path))
    assert len(results) > 70
    assert [probe for probe in results if not probe.held] == []
