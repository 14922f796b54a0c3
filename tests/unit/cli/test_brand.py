"""`packshot brand`: from a logo and colours to a checked kit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import BrandInvalid, InputInvalid, PackshotError
from packshot.paths import shipped
from support.kit_files import picture


def run(*words: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, ["brand", *words])
    if isinstance(answer.exception, PackshotError):
        raise answer.exception
    assert answer.exit_code == code, answer.output
    return answer.stdout


def test_from_logo_and_colours_to_a_checked_kit(tmp_path: Path) -> None:
    logo = picture(tmp_path / "mark.PNG")
    kit = tmp_path / "kiln-harbor"
    colours = ["--colour", "oat=#EFE6D6", "--colour", "ink=#20302D"]
    new = json.loads(run("new", str(kit), "--name", 'Kiln "&" Harbor: ü', *colours, "--logo", str(logo), "--json"))
    assert new["file"] == str(kit / "brand.yaml")
    answer = json.loads(run("check", str(kit), "--json"))
    assert answer["ok"] is True
    assert answer["name"] == 'Kiln "&" Harbor: ü'
    assert [problem["place"] for problem in answer["problems"]] == ["approvals"]
    assert run("hash", str(kit)).strip() == answer["hash"] == new["hash"]
    assert json.loads(run("hash", str(kit), "--json")) == {"hash": answer["hash"]}
    assert "ink" in run("show", str(kit))
    assert json.loads(run("show", str(kit), "--json"))["palette"][0]["role"] == "background"
    with pytest.raises(BrandInvalid, match="there is a kit already"):
        run("new", str(kit), "--name", "x")
    with (kit / "brand.yaml").open("a") as file:
        file.write(f'\napprovals:\n  - {{by: Ann, date: 2026-11-21, of: "{answer["hash"]}"}}\n')
    assert "good, approved by Ann" in run("check", str(kit))
    (kit / "logo.png").write_bytes(b"x")
    assert "error logos[0].file" in run("check", str(kit), code=3)
    other = json.loads(run("diff", str(kit), str(shipped("examples") / "brands" / "aldern-quay"), "--json"))
    assert {"what": "changed", "where": "name", "before": 'Kiln "&" Harbor: ü', "after": "Aldern Quay"} in other[
        "changes"
    ]
    assert run("diff", str(kit), str(kit)).strip() == "they say the same"
    with pytest.raises(InputInvalid, match="'rot' is not a colour"):
        run("new", str(tmp_path / "b"), "--name", "x", "--colour", "a=rot")
