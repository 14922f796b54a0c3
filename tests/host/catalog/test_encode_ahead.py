"""Prompts that are encoded ahead: the text encoder is loaded once, and the pictures are the same to the last byte."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from packshot import Client
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from support.host.catalogs import packshot
from support.places import ROOT

SMALL_CARD = ROOT / "bench" / "small_card.py"

ROWS = 3


def test_with_phases_the_text_encoder_is_loaded_once_and_the_pictures_are_the_same(
    installation: Installation, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed = ManagedHost(tmp_path / "home", installation, models)
    nodes = managed.home / "base" / "custom_nodes"
    nodes.mkdir(parents=True)
    shutil.copy(SMALL_CARD, nodes)
    try:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
            status = managed.up()
        kept = tmp_path / "cache" / "packshot" / "conditioning"
        table = tmp_path / "table.csv"
        table.write_text("sku,title\n" + "".join(f"S{number},mug {number}\n" for number in range(ROWS)))
        log = Path(str(status.log))

        def run(name: str, switch: str) -> tuple[dict[str, str], int]:
            """SHA-256 by SKU of the pictures of a run, and how often it loaded the text encoder."""
            with Client(str(status.url)) as client:
                client.api.free_memory()  # nothing is known from the run before
            before = len(log.read_text())
            out = tmp_path / name
            words = ("catalog", "run", table, "--out", out, "--host", status.url, "--set", "steps=1", switch)
            packshot(*words)
            files = {
                path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (out / "pictures").glob("*.png")
            }
            return files, log.read_text()[before:].count("Requested to load SD1ClipModel")

        without, loads = run("without", "--no-phases")
        assert (len(without), loads) == (ROWS, ROWS)
        assert not kept.exists()

        with_phases, loads = run("with", "--phases")
        assert with_phases == without
        assert loads == 1

        files = sorted(kept.glob("*.safetensors"))
        assert len(files) == ROWS + 1, "each prompt, and the negative one that they share"
        for file in files:  # all are damaged: each counts as none, and is made again
            file.write_bytes(file.read_bytes()[:-1] + b"!")
        again, loads = run("again", "--phases")
        assert again == without
        assert loads == 1
        assert sorted(kept.glob("*.safetensors")) == files
        assert all(hashlib.sha256(file.read_bytes()).hexdigest() in file.name for file in files)
    finally:
        managed.down()
