"""A finished picture that is lost or damaged is noticed, and made again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hostile.tampering import accept, finished_run
from typer.testing import CliRunner

from packshot import CatalogRun, PackshotError
from packshot.catalog.events import RunEvent, RunNotice
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.cli.main import app

DAMAGE = {"S1": "missing", "S2": "empty", "S3": "changed"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "run")


def damage(run: Path) -> None:
    (run / "pictures" / "S1.png").unlink()
    os.truncate(run / "pictures" / "S2.png", 0)
    os.truncate(run / "pictures" / "S3.png", 9)


def packshot(*words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["catalog", *words])
    return answer.exit_code, answer.stdout


def test_status_and_verify_say_what_is_damaged(run: Path) -> None:
    assert json.loads(packshot("status", str(run), "--json")[1])["damaged"] == 0
    assert packshot("verify", str(run), "--json") == (0, '{"checked": 8, "damaged": []}\n')
    damage(run)
    code, answer = packshot("status", str(run), "--json")
    assert (code, json.loads(answer)["damaged"]) == (0, 3)
    assert "pictures/S2.png is empty" in packshot("status", str(run))[1]
    code, answer = packshot("verify", str(run), "--json")
    assert code == 3
    assert json.loads(answer)["damaged"] == [
        {"item": item, "file": f"pictures/{item}.png", "what": what} for item, what in DAMAGE.items()
    ]
    assert packshot("audit", str(run), "--json")[0] == 3


def test_a_bit_that_flipped_is_found_by_verify_alone(run: Path) -> None:
    path = run / "pictures" / "S4.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert json.loads(packshot("status", str(run), "--json")[1])["damaged"] == 0
    assert json.loads(packshot("verify", str(run), "--json")[1])["damaged"] == [
        {"item": "S4", "file": "pictures/S4.png", "what": "changed"}
    ]


def test_a_rerun_makes_them_again(run: Path) -> None:
    damage(run)
    (run / "pictures" / "S4.png").write_bytes(b"x" * (run / "pictures" / "S4.png").stat().st_size)
    told: list[RunEvent] = []
    with CatalogRun(run) as catalog:
        with pytest.raises(PackshotError):  # there is nobody to make them
            catalog.run(["http://127.0.0.1:9"], on_event=told.append)
        assert catalog.ledger.pending() == ["S1", "S2", "S3", "S4"]
        for item_id in catalog.ledger.pending():
            accept(catalog, item_id)
        catalog.report()
        assert catalog.run(["http://127.0.0.1:9"]).damaged == ()
    notice = next(event.message for event in told if isinstance(event, RunNotice) and "made again" in event.message)
    assert "pictures/S1.png (missing), pictures/S2.png (empty), pictures/S3.png (changed)" in notice
    assert not (run / "attempts").exists(), "what is left of a damaged picture is no earlier picture"
    assert verify_audit(run)["ok"]


def test_a_copy_without_its_times_is_not_made_again(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy", copy_function=shutil.copyfile)
    with CatalogRun(copy) as catalog:
        assert catalog.run(["http://127.0.0.1:9"]).counts.done == 8
