"""The benchmarks on a host, each in its smallest form: that they work, and not what they measure.

Those that start hosts of their own, with a node of the benchmark's, that of the canvas, and those that train are in
``tests/campaigns``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packshot.host.install import Installation
from packshot.host.managed import HostStatus
from support.smoke import needs_chromium, smoke


def missing(table: list[str], printed: str) -> list[str]:
    return [line for line in table if line not in printed]


@pytest.mark.parametrize(
    ("script", "table"),
    [
        ("client.py", ["floor", "packshot", "wrong verdicts", "0 of 100", "packshot --help"]),
        ("channels.py", ["white-background, amazon-main: ", "product-scene, google-merchant: "]),
        ("starter/measure.py", ["| pairs | pictures | colour |", "| trained on | 1 |"]),
        ("starter/brands.py", ["| brand | strength | palette coverage |", "| 0.5 |", "1 |"]),
    ],
)
def test_a_benchmark_of_a_host(host: HostStatus, tmp_path: Path, script: str, table: list[str]) -> None:
    printed = smoke(script, "--host", host.url, "--smoke", cwd=tmp_path)
    assert missing(table, printed) == [], printed


@needs_chromium
def test_the_benchmark_of_conversion(host: HostStatus, tmp_path: Path) -> None:
    printed = smoke("convert_truth.py", "truth", "--host", host.url, "--smoke", cwd=tmp_path)
    assert "1 of 1 workflows are in" in printed
    smoke("convert.py", "truth", "--smoke", "--json", "figures.json", cwd=tmp_path)
    (ours, *_) = json.loads((tmp_path / "figures.json").read_text())
    assert (ours["converter"], ours["files"], ours["same"], ours["failed"]) == ("packshot", 1, 1, [])


@pytest.mark.usefixtures("installation")
def test_the_probes_of_trust_boundaries(tmp_path: Path) -> None:
    printed = smoke("trust.py", "--smoke", cwd=tmp_path)
    rooms = ("tables", "hosts", "pages", "tampering", "coordinator", "files")
    held = {line.split()[0]: " ".join(line.split()[1:4]) for line in printed.splitlines() if line.startswith(rooms)}
    assert held == dict.fromkeys(rooms, "3 of 3"), printed


def test_the_benchmark_of_a_large_catalogue(tmp_path: Path) -> None:
    printed = smoke("catalog.py", "scale", "--smoke", cwd=tmp_path)
    lines = ["| 600 rows |", "| plan again |", "| report |", "| report opens in Chromium |"]
    assert missing(lines, printed) == [], printed


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("script", "table"),
    [
        ("lora.py", ["20 files of ", "new index: ", "warm index: ", "core ", "the first time"]),
        ("tiled_vae.py", ["128 x 128 pixels", "| full ", "| packshot 64"]),
    ],
)
def test_a_benchmark_in_the_hosts_own_python(tmp_path: Path, script: str, table: list[str]) -> None:
    printed = smoke(script, "--smoke", cwd=tmp_path)
    assert missing(table, printed) == [], printed


def test_the_count_of_parameters(installation: Installation, tmp_path: Path) -> None:
    printed = smoke("parameters.py", installation.comfyui, "--smoke", cwd=tmp_path, python=installation.python)
    assert missing(["component", "flux2-dev             32,223,281,152"], printed) == [], printed
