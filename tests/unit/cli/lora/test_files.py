"""`packshot lora`: each command answers with one object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.cli.main import app
from packshot.errors import InputInvalid, PackshotError
from support import loras


def run(*words: str) -> dict[str, object]:
    answer = CliRunner().invoke(app, ["lora", *words, "--json"])
    if isinstance(answer.exception, PackshotError):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    made: dict[str, object] = json.loads(answer.stdout)
    return made


def test_the_commands_answer_with_one_object(tmp_path: Path) -> None:
    first, second = (str(loras.write(tmp_path / f"{i}.safetensors", seed=i)) for i in (1, 2))
    out = str(tmp_path / "out.safetensors")
    assert run("inspect", first)["rank"] == 4
    assert run("merge", f"{first}:0.8", second, "-o", out)["ranks"] == [8]
    assert run("merge", first, second, "-o", out, "--method", "svd", "--rank", "3")["ranks"] == [3]
    smaller = str(tmp_path / "smaller.safetensors")
    assert run("resize", out, "-o", smaller, "--rank", "2")["ranks"] == [2]
    assert run("convert", smaller, "--in-place", "--dtype", "bf16")["dtype"] == "BF16"
    assert run("stamp", out, "--in-place", "--title", "T")["metadata"]["modelspec.title"] == "T"  # type: ignore[index]
    assert run("compare", first, second)["fights"] is False
    promised = {"base", "confidence", "reasons", "layout", "algorithm", "rank", "alpha", "keys", "trigger_words"}
    assert promised | {"metadata", "autov3", "sha256"} <= run("inspect", first).keys()
    with pytest.raises(InputInvalid):
        run("resize", out, "-o", out)
    assert CliRunner().invoke(app, ["lora", "merge", first, second, "-o", out, "--rank", "3"]).exit_code == 2
    shown = CliRunner().invoke(app, ["lora", "inspect", first])
    assert "AutoV3" in shown.stdout
