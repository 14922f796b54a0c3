"""`packshot check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import InputInvalid
from support.planted import PHOTOGRAPHS, encoded, photo, photograph, product, shape


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_the_command(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encoded(product((70, 70, 930, 930), side=1000), "PNG"))
    pixels = product((70, 70, 930, 930), side=1000)
    pixels[3, 3] = 254
    bad.write_bytes(encoded(pixels, "PNG"))
    code, text = command("check", good, "--channel", "amazon-main", "--json")
    answer = json.loads(text)
    assert (code, answer["passed"], answer["channel"]) == (0, True, "amazon-main")
    assert set(answer["images"][0]["checks"][0]) == {"id", "value", "unit", "limit", "passed", "reason"}
    assert answer["images"][0]["skipped"] == [{"id": "text.unexpected", "needs": "ocr"}]
    code, text = command("check", tmp_path, "--channel", "amazon-main", "--json", "--annotate", tmp_path / "out")
    answer = json.loads(text)
    assert (code, [image["passed"] for image in answer["images"]]) == (3, [False, True])
    assert answer["images"][0]["reasons"] == ["background-not-exact"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0001-bad.png", "0002-good.png"]
    code, text = command("check", bad, good, "--channel", "amazon-main")
    assert code == 3
    assert "FAIL background.exact" in text


def test_the_command_with_all_that_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "look").mkdir()
    for name in PHOTOGRAPHS[:4]:
        (tmp_path / "look" / f"{name}.png").write_bytes(encoded(photo(name).pixels, "PNG"))
    kit = tmp_path / "brand.yaml"
    kit.write_text('name: Test\npalette:\n  - {name: kelp, hex: "#20302D"}\n')
    mark = tmp_path / "logo.png"
    mark.write_bytes(encoded(shape(60), "PNG"))
    picture = photograph("coffee.png")
    code, text = command(
        "check",
        picture,
        "--brand",
        kit,
        "--references",
        tmp_path / "look",
        "--original",
        picture,
        "--logo",
        mark,
        "--json",
    )
    found = {check["id"]: check for check in json.loads(text)["images"][0]["checks"]}
    assert code == 3
    assert found["fidelity.max-difference"]["value"] == 0
    assert found["colour.distribution"]["value"] == 0
    assert found["palette.coverage"]["value"] < 1
    assert found["logo.presence"]["reason"] == "logo-missing"


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no pictures here"):
        command("check", tmp_path)
