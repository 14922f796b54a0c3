"""What the command prints of foreign text: nothing that a terminal acts on, and no secret of an address."""

from __future__ import annotations

import ast
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from packshot.cli.common import pairs
from packshot.cli.console import PrintableConsole
from packshot.cli.main import _LogFormatter
from packshot.errors import KeyRefused
from support.places import ROOT

BREAKOUT = "Kiln\x1b]0;owned\x07\x1b[2J\u202eliam\x9b31m"


def packshot(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packshot", *words]
    return subprocess.run(
        command, capture_output=True, check=False, timeout=60, encoding="utf-8", env={**os.environ, **environment}
    )


def assert_inert(text: str) -> None:
    assert not [letter for letter in text if letter != "\n" and not letter.isprintable()]


def test_a_kit_a_table_and_a_workflow_move_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "brand.yaml").write_text(json.dumps({"name": BREAKOUT, "colours": BREAKOUT}))
    (tmp_path / "w.json").write_text(
        json.dumps({"nodes": [{"id": 1, "type": BREAKOUT, "title": BREAKOUT}], "links": [], "version": 0.4})
    )
    (tmp_path / "t.csv").write_text(f"Handle,Title,Option1 Name\nkiln,{BREAKOUT},{BREAKOUT}\nkiln2,,\n")
    for words in (
        ("brand", "check", str(tmp_path)),
        ("workflow", "check", str(tmp_path / "w.json")),
        ("catalog", "run", str(tmp_path / "t.csv"), "--dry-run"),
        ("catalog", "inspect", str(tmp_path / "t.csv")),
        ("models", "inspect", str(tmp_path / "t.csv")),
    ):
        for json_words in ((), ("--json",)):
            answer = packshot(*words, *json_words, PACKSHOT_TEST="1", TERM="xterm-256color")
            assert answer.stdout + answer.stderr
            assert "Traceback" not in answer.stderr
            assert_inert(answer.stdout + answer.stderr)


def test_an_answer_is_the_same_json(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"Handle,Title\nkiln,{BREAKOUT}\n")
    answer = packshot("catalog", "run", str(tmp_path / "t.csv"), "--dry-run", "--json")
    (item,) = json.loads(answer.stdout)["items"]
    assert "\u202eliam" in item["inputs"]["prompt"]


def test_an_address_is_printed_without_its_password() -> None:
    for words in ((), ("--json",)):
        answer = packshot("catalog", "inspect", "https://ann:s3cret@localhost:9/t.csv?sig=s3cret", *words)
        assert answer.returncode == 2
        assert "localhost:9/t.csv" in answer.stdout + answer.stderr
        assert "s3cret" not in answer.stdout + answer.stderr


def test_rich_prints_no_foreign_escape(capsys: pytest.CaptureFixture[str]) -> None:
    console = PrintableConsole(force_terminal=True, color_system="truecolor", width=200)
    table = Table("name")
    table.add_row(BREAKOUT)
    console.print(table)
    console.print(f"[red]{BREAKOUT}", soft_wrap=True)
    shown = capsys.readouterr().out
    assert "\\u001b" in shown
    assert "\x1b[31m" in shown
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown


def test_a_line_of_the_log_is_inert() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "host said %s", ("\x1b[2J http://a:s3cret@b/c",), None)
    assert _LogFormatter("%(message)s").format(record) == "host said \\u001b[2J http://b/c"


def test_headers_come_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# of the shop\nAuthorization: Bearer x\n\nX-Key: a=b\n")
    file.chmod(0o600)
    assert pairs(["X-Plain: 1", f"@{file}"], ":") == {"X-Plain": "1", "Authorization": "Bearer x", "X-Key": "a=b"}
    file.chmod(0o644)
    with pytest.raises(KeyRefused):
        pairs([f"@{file}"], ":")
    assert pairs([f"@{file}=1"]) == {f"@{file}": "1"}, "only headers are read from files"


def test_the_command_prints_in_one_place() -> None:
    """Whatever is printed otherwise would reach the terminal as it is."""
    stray = []
    for path in sorted((ROOT / "client" / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                stray += [path.name] if call in ("typer.echo", "typer.secho", "print", "Console", "click.echo") else []
    assert stray == ["common.py", "main.py", "main.py"], "print with echo() or on a PrintableConsole"
