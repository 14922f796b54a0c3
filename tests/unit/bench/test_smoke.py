"""The benchmarks that need no host, each in its smallest form; and that every benchmark has such a form."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.host.mattes import matting_weights
from support.places import ROOT
from support.smoke import smoke

# A custom node's file, which is no benchmark.
SCRIPTS = [path for path in sorted((ROOT / "bench").glob("[!_]*.py")) if path.name != "small_card.py"]
SCRIPTS += sorted((ROOT / "bench").glob("*/__main__.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "bench")))
def test_every_benchmark_has_a_smallest_form(script: Path) -> None:
    assert "add_smoke(parser)" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("script", "words", "table"),
    [
        ("headers.py", ["--smoke"], ["2 GB, 1,000 tensors, detected as sdxl", "100 GB", "20 malformed files"]),
        ("quality.py", ["--smoke"], ["20 checks in", "CIEDE2000 of 4 MP", "WEBP, signed", '"memory":']),
        ("starter/brand_pictures.py", ["BRAND", "--trigger", "ours", "--out", "photos", "--smoke"], ["6 pictures"]),
        ("starter/pictures.py", ["--out", "pictures", "--count", "2", "--processes", "1"], ["000000.npz"]),
    ],
)  # fmt: skip
def test_a_benchmark_runs_in_its_smallest_form(script: str, words: list[str], table: list[str], tmp_path: Path) -> None:
    brand = str(ROOT / "examples" / "brands" / "aldern-quay")
    printed = smoke(script, *(brand if word == "BRAND" else word for word in words), cwd=tmp_path)
    assert [line for line in table if line not in printed] == []


def test_mattes_are_measured_beside_the_peers(tmp_path: Path) -> None:
    matting_weights()
    printed = smoke("matte.py", "--smoke", cwd=tmp_path)
    for words in (
        "mean IoU",
        "packshot ",
        "u2netp ",
        "rembg ",
        "rendered products: 1",
        "drawn products: 1",
        "handle of",
    ):
        assert words in printed
    assert "peak memory" in printed
