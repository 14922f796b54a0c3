"""`packshot verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.cli.main import app
from packshot.errors import PhotographInvalid
from packshot.provenance.credentials import Credentials, make_test_credentials
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from support.planted import STATEMENT, encoded, photo, photograph, product


def verify(*arguments: object) -> tuple[int, dict]:
    result = CliRunner().invoke(app, ["verify", *map(str, arguments), "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_the_command(tmp_path: Path) -> None:
    options = WriteOptions(credentials=make_test_credentials())
    file = write_picture(photo("coffee.png").pixels, tmp_path, "a.jpg", STATEMENT, options).file
    code, answer = verify(file)
    assert (code, answer["ok"], answer["manifest"]["state"]) == (0, True, "valid")
    assert answer["meaning"] == "photograph and generative AI together"
    assert answer["recipe"]["seed"] == 7
    data = bytearray(file.read_bytes())
    data[-5000] ^= 1
    file.write_bytes(data)
    code, answer = verify(file)
    assert (code, answer["ok"], answer["manifest"]["state"]) == (3, False, "invalid")
    text = CliRunner().invoke(app, ["verify", str(file)]).stdout
    assert "PROBLEM" in text


def test_a_plain_photograph_says_nothing(tmp_path: Path) -> None:
    code, answer = verify(photograph("coffee.png"))
    assert (code, answer["ok"], answer["digital_source_type"], answer["manifest"]["state"]) == (0, True, "", "absent")
    (tmp_path / "a.png").write_bytes(encoded(product(), "PNG")[:200])
    with pytest.raises(PhotographInvalid):
        verify(tmp_path / "a.png")


def test_the_ledger_agrees_or_not(tmp_path: Path) -> None:
    run = tmp_path / "run"
    item = Item(
        sku="MUG-1", variant="", item_id="MUG-1", title="Mug", name="MUG-1", inputs={"prompt": "a mug"}, seed=7,
        place="row 2", source={},
    )  # fmt: skip
    statement = Statement("generated", recipe={"seed": 7, "sku": "MUG-1", "workflow": "product-shot@1.0.0"})
    written = write_picture(photo("coffee.png").pixels, run / "pictures", "MUG-1.png", statement, WriteOptions("PNG"))
    with Ledger(run, create=True) as ledger:
        ledger.record_facts({"workflow": {"name": "product-shot", "version": "1.0.0"}})
        write_plan(ledger, Plan((item,), ()))
        ledger.begin("MUG-1", "job-1", "http://127.0.0.1:1")
        ledger.accept("job-1", "pictures/MUG-1.png", written.sha256, 1.0)
    code, answer = verify(written.file, "--run", run)
    agreed = {"item_id": "MUG-1", "agrees": True, "audit": "agrees", "differences": []}
    assert (code, answer["ledger"]) == (0, agreed)
    written.file.unlink()
    write_picture(photo("chelsea.png").pixels, run / "pictures", "MUG-1.png", statement, WriteOptions("PNG"))
    code, answer = verify(written.file, "--run", run)
    assert (code, answer["ledger"]["item_id"]) == (3, "MUG-1")
    assert "SHA-256 differs" in answer["ledger"]["differences"][0]
    code, answer = verify(photograph("coffee.png"), "--run", run)
    assert (code, answer["ledger"]["item_id"]) == (3, None)
    other = Statement("generated", recipe={"seed": 8, "sku": "MUG-1", "workflow": "white-background@1.0.0"})
    written.file.unlink()
    lying = write_picture(photo("coffee.png").pixels, run / "pictures", "MUG-1.png", other, WriteOptions("PNG"))
    with Ledger(run) as ledger:
        ledger.retry(["MUG-1"])
        ledger.begin("MUG-1", "job-2", "http://127.0.0.1:1")
        ledger.accept("job-2", "pictures/MUG-1.png", lying.sha256, 1.0)
    code, answer = verify(lying.file, "--run", run)
    assert code == 3
    assert [line.partition(":")[0] for line in answer["ledger"]["differences"]] == ["seed", "workflow"]
    audit = run / "audit.jsonl"
    audit.write_bytes(audit.read_bytes().replace(b'"accepted"', b'"accepteD"', 1))
    code, answer = verify(lying.file, "--run", run)
    assert (code, answer["ledger"]["audit"]) == (3, "differs")
    assert any("the audit does not hold: line " in line for line in answer["ledger"]["differences"])


def signed_as(organisation: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Credentials]:
    """A picture that was signed with a chain of one's own making, in whatever name."""
    with monkeypatch.context() as patch:
        patch.setattr("packshot.provenance.credentials.TEST_ORGANISATION", organisation)
        impostor = make_test_credentials.__wrapped__()
    return write_picture(product(), folder, "a.jpg", STATEMENT, WriteOptions(credentials=impostor)).file, impostor


def test_a_name_in_a_certificate_proves_nothing(
    tmp_path: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, impostor = signed_as("Adobe Inc.", tmp_path, monkeypatch)
    code, answer = verify(file)
    assert (code, answer["ok"], answer["manifest"]["trust"]) == (3, False, "unknown")
    assert (answer["manifest"]["state"], answer["manifest"]["signer"]) == ("valid", "Adobe Inc.")
    text = CliRunner().invoke(app, ["verify", str(file)]).stdout
    assert "signer unknown: it calls itself 'Adobe Inc.'" in text
    assert "signed by" not in text
    (own_settings / "c2pa" / "trusted").mkdir(parents=True)
    (own_settings / "c2pa" / "trusted" / "adobe.pem").write_text(impostor.chain)
    (own_settings / "c2pa" / "trusted" / "broken.pem").write_text("no certificate")
    code, answer = verify(file)
    assert (code, answer["manifest"]["state"], answer["manifest"]["trust"]) == (0, "trusted", "known")
    assert "signed by 'Adobe Inc.', which you trust" in CliRunner().invoke(app, ["verify", str(file)]).stdout


@pytest.mark.parametrize("organisation", ["C2PA Test Signing Cert", "C2PA Test Root CA"])
def test_certificates_of_test_suites_are_tests(
    organisation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = signed_as(organisation, tmp_path, monkeypatch)
    code, answer = verify(file)
    assert (code, answer["manifest"]["trust"], answer["manifest"]["test_certificate"]) == (0, "test", True)


def test_ones_own_certificate_is_known(tmp_path: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mine = signed_as("Aldern Quay", tmp_path, monkeypatch)
    (own_settings / "c2pa").mkdir(exist_ok=True)
    (own_settings / "c2pa" / "chain.pem").write_text(mine.chain)
    assert verify(file)[1]["manifest"]["trust"] == "known"
