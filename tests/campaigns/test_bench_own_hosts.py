"""The benchmarks that take a host of their own or half a minute of a browser, or train: each in its smallest form."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.host.install import Installation
from packshot.host.managed import HostStatus
from support.places import ROOT
from support.smoke import needs_chromium, smoke


@pytest.mark.parametrize(
    ("script", "words", "table"),
    [
        ("catalog.py", ["hosts"], ["| hosts | rows |", "| 1 | 2 |"]),
        ("catalog.py", ["phases"], ["| False | 2 | 2 |", "| True | 2 | 1 |"]),
        ("catalog.py", ["kills"], ["| table0 | 27 | 26 | 1 |"]),
        ("training.py", [], ["| core |", "| packshot |", "cosine between"]),
        ("vram.py", [], ["| legacy | full |", "| legacy | 60 % |"]),
        ("vram.py", ["--card", "1"], ["| legacy | core |", "| legacy | packshot |"]),
    ],
)
def test_a_benchmark_runs_in_its_smallest_form(script: str, words: list[str], table: list[str], tmp_path: Path) -> None:
    printed = smoke(script, *words, "--smoke", cwd=tmp_path)
    assert [line for line in table if line not in printed] == [], printed


def test_the_starter_is_trained_and_exported(installation: Installation, tmp_path: Path) -> None:
    """As docs/starter.md says, with 40 pictures and a few steps."""
    smoke("starter/pictures.py", "--out", "pictures", "--count", "40", cwd=tmp_path)
    (tmp_path / "packshot").symlink_to(ROOT / "client", target_is_directory=True)
    path = f"{installation.comfyui}:{tmp_path}"

    def run(script: str, *words: object) -> str:
        return smoke(f"starter/{script}", *words, cwd=tmp_path, python=installation.python, PYTHONPATH=path)

    pictures = ("--pictures", "pictures")
    short = ("--minutes", "0.02", "--batch", "2")
    assert "held out: psnr" in run("train_decoder.py", *pictures, "--out", "decoder", *short)
    run("train.py", *pictures, "--out", "flow", *short)
    run("sample.py", "--checkpoint", "flow/last.pt", *pictures, "--side", "32", "--out", "sheet.png")
    weights = ("--flow", "flow/last.pt", "--decoder", "decoder/last.pt")
    (tmp_path / "weights").mkdir()
    printed = run("export.py", *weights, *pictures, "--out", "weights")
    assert "starter-flux2.safetensors" in printed
    assert "starter-decoder.safetensors" in printed
    assert (tmp_path / "sheet.png").is_file()


@needs_chromium
def test_the_benchmark_of_the_canvas(host: HostStatus, tmp_path: Path) -> None:
    printed = smoke("canvas.py", "--host", host.url, "--smoke", cwd=tmp_path)
    lines = ["page load: with", "with the Memory panel", "without the extension", "workflows: 1 compared, 0 differ"]
    assert [line for line in lines if line not in printed] == [], printed
