"""The gate of a catalogue: what becomes of a picture by its checks and by its matte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from packshot.catalog.ledger.records import StoredItem
from packshot.catalog.runner.gate import Gate, judge
from packshot.quality.channels import load_channel
from support.planted import product

ITEM = StoredItem("A", "A", "", "", "A", {}, 1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "product.png"
    Image.fromarray(product((60, 60, 1140, 1140), side=1200)).save(path)
    return path


def record(share: float, *, decisive: bool) -> dict[str, Any]:
    """What a host tells of a job, with a matte that lost so much against a limit of 0.04."""
    finding = {
        "id": "matte.lost", "value": share, "limit": 0.04, "unit": "share", "sound": share <= 0.04,
        "slug": "parts-lost", "message": "", "decisive": decisive,
    }  # fmt: skip
    return {"mattes": [{"node": "2", "findings": [finding]}]}


def test_a_decisive_finding_keeps_a_picture_out(picture: Path) -> None:
    gates = {"": Gate(load_channel("amazon-main"))}
    sound = judge(gates, ITEM, picture, record(0.01, decisive=True), other_seed=False)
    assert sound is not None
    assert sound.passed
    lost = judge(gates, ITEM, picture, record(0.5, decisive=True), other_seed=False)
    assert lost is not None
    assert (lost.decision, lost.reasons) == ("quarantine", ("parts-lost",))
    assert any(score["id"] == "matte.lost" for score in lost.scores)
    assert "parts-lost" in lost.error("A.png").message


def test_a_finding_that_is_only_said_lets_it_through(picture: Path) -> None:
    gate = Gate(load_channel("amazon-main"))
    assert gate.judge(picture, 0, mattes=record(0.5, decisive=False)["mattes"]).passed


def test_another_seed_is_tried_first_and_a_waiver_accepts(picture: Path) -> None:
    mattes = record(0.5, decisive=True)["mattes"]
    assert Gate(load_channel("amazon-main"), retries=2).judge(picture, 1, mattes=mattes).decision == "retry"
    assert Gate(load_channel("amazon-main"), retries=2).judge(picture, 2, mattes=mattes).decision == "quarantine"
    assert Gate(load_channel("amazon-main"), waived=True).judge(picture, 0, mattes=mattes).decision == "accept"
