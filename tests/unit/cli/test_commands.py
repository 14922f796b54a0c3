"""The commands: each is a few lines over the library, and costs nothing until it is asked for."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import packshot
from packshot.cli.main import app

CLI = Path(inspect.getfile(packshot)).parent / "cli"
LINES = 15  # of a command's body

# Reaches hosts and draws progress for commands, most of which need neither.
IMPORTS_ON_DEMAND = ("common.py",)


def walk(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Every command below a group: its name, the command itself, and its line in the help of its group."""
    ctx = typer.Context(group)
    for name in group.list_commands(ctx):
        line = group.get_command(ctx, name).help
        _, command, _ = group.resolve_command(ctx, [name])
        yield (*path, name), command, line
        if hasattr(command, "list_commands"):
            yield from walk(command, (*path, name))


COMMANDS = {" ".join(path): (command, line) for path, command, line in walk(typer.main.get_command(app))}
LEAVES = {
    name: inspect.unwrap(command.callback)
    for name, (command, _) in COMMANDS.items()
    if not hasattr(command, "list_commands")
}
MODULES = sorted(str(file.relative_to(CLI).as_posix()) for file in CLI.rglob("*.py"))


def body_lines(function: Any) -> int:
    """Lines of a function's body, without its docstring and blank lines."""
    lines, first = inspect.getsourcelines(inspect.getmodule(function))[0], function.__code__.co_firstlineno
    tree = ast.parse("".join(lines))
    node = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.name == function.__name__
        and first in (node.lineno, *(decorator.lineno for decorator in node.decorator_list))
    )
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return sum(bool(line.strip()) for line in lines[body[0].lineno - 1 : body[-1].end_lineno])


def first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def test_all_commands_are_found() -> None:
    assert len(LEAVES) >= 45
    assert {"run", "catalog run", "workflow check", "models list", "lora dataset check", "host logs"} <= LEAVES.keys()


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_is_a_few_lines(name: str) -> None:
    assert body_lines(LEAVES[name]) <= LINES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_group_says_what_the_command_says(name: str) -> None:
    command, line = COMMANDS[name]
    assert first_paragraph(line) == first_paragraph(command.help)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_at_its_top(module: str) -> None:
    tree = ast.parse((CLI / module).read_text(encoding="utf-8"))
    inside = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    late = [node.lineno for node in inside if node not in tree.body]
    assert not late or module in IMPORTS_ON_DEMAND


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], ["numpy", "requests", "yaml", "packshot.comfy", "packshot.workflow"]),
        (["workflow", "--help"], ["numpy", "requests", "yaml", "packshot.comfy", "packshot.workflow"]),
        (["models", "list"], ["numpy", "requests", "packshot.comfy", "packshot.host", "packshot.models.fetch"]),
        (["catalog", "status", "--help"], ["numpy", "requests", "packshot.comfy", "packshot.catalog.run"]),
        (["brand", "hash", str(CLI.parents[1] / "examples" / "brands" / "aldern-quay")], ["numpy", "requests"]),
    ],
)
def test_a_command_imports_what_it_needs(arguments: list[str], unneeded: list[str]) -> None:
    code = (
        "import sys; from packshot.cli.main import app; app(sys.argv[1:], standalone_mode=False);"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert run.stdout
    assert not set(unneeded) & set(run.stderr.split())


@pytest.mark.parametrize("name", sorted(set(packshot.__all__) - {"errors"}))
def test_a_name_of_the_face_is_documented(name: str) -> None:
    value = getattr(packshot, name)
    assert value.__name__ == name
    # A dataclass without words of its own has its signature for a docstring.
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")
