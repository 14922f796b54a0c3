"""``packshot workflow``: what is in the library, and what a workflow takes."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputInvalid, PackshotError, WorkflowInvalid
from ..common import HeaderOption, HostOption, JsonOption, connect, say

if TYPE_CHECKING:
    from ...workflow.canvas.definitions import ObjectInfo

WorkflowArgument = Annotated[
    str, typer.Argument(help="Name[@version] in the library, or a file saved from the canvas.")
]
ObjectInfoOption = Annotated[
    Path | None,
    typer.Option(help="Node definitions saved from a host (/object_info). By default the host is asked."),
]

app = typer.Typer(no_args_is_help=True, help="The workflows that ship with Packshot, and your own.")


@contextlib.contextmanager
def _definitions(object_info: Path | None, host: str | None, header: list[str] | None) -> Iterator[ObjectInfo]:
    """Node definitions: from a file, or else from the host as long as the block lasts."""
    from ...workflow.canvas.definitions import read_object_info

    if object_info is not None:
        yield read_object_info(object_info)
        return
    with connect(host, header) as client:
        yield client.object_info


@app.command("list")
def list_workflows(as_json: JsonOption = False) -> None:
    """List the library."""
    from ...workflow import Workflow
    from ...workflow.versions import library

    found = [Workflow.load(path) for path in library().values()]
    if as_json:
        answer = [{"name": flow.name, "version": flow.version, "summary": flow.summary} for flow in found]
        typer.echo(json.dumps({"workflows": answer}, ensure_ascii=False))
        return
    for flow in found:
        typer.echo(f"{flow.name}@{flow.version}  {flow.summary}")


class SchemaKind(str, Enum):
    """The languages in which a contract is given to other programs."""

    JSON = "json"
    OPENAPI = "openapi"


@app.command()
def show(
    workflow: WorkflowArgument,
    schema: Annotated[
        SchemaKind | None, typer.Option(help="Print the inputs as JSON Schema, or a call as OpenAPI.")
    ] = None,
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a workflow's inputs with their types, ranges and defaults, which the host's nodes define."""
    from ...workflow import Workflow
    from ...workflow.contract import output_types

    loaded = Workflow.load(workflow)
    with _definitions(object_info, host, header) as info:
        prepared = loaded.prepare(info, runs=False)
        contract, types = prepared.contract, output_types(prepared.contract, prepared.api, info)
    if schema is not None:
        from ...workflow.schema import json_schema, openapi

        document = openapi(loaded, contract, types) if schema is SchemaKind.OPENAPI else json_schema(loaded, contract)
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    if as_json:
        answer: dict[str, Any] = {
            "name": loaded.name,
            "version": loaded.version,
            "summary": loaded.summary,
            "sha256": loaded.sha256,
            "inputs": {
                name: {
                    "type": spec.type,
                    "default": spec.default,
                    "min": spec.minimum,
                    "max": spec.maximum,
                    "choices": list(spec.choices) if spec.choices is not None else None,
                    "help": spec.help,
                }
                for name, spec in contract.inputs.items()
            },
            "outputs": list(contract.outputs),
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{loaded.name}@{loaded.version}" if loaded.version else loaded.name, title_justify="left")
    for heading in ("input", "type", "default", "range", "what it is for"):
        table.add_column(heading)
    for name, spec in contract.inputs.items():
        bounds = "" if spec.minimum is None and spec.maximum is None else f"{spec.minimum} to {spec.maximum}"
        table.add_row(name, spec.type, str(spec.default), bounds, spec.help)
    Console().print(table)


@app.command()
def convert(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Workflows saved from the canvas.")],
    out_dir: Annotated[Path, typer.Option(help="Folder for the API files, which keep the names of the workflows.")],
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Convert workflows from the canvas's format to the API's, as the canvas itself would submit them.

    A line on standard error says what is wrong with a file; the others are converted all the same, and the exit code
    is 3. With --json there is a line on standard output for each file.
    """
    names = Counter(file.name for file in files)
    for file in files:
        if names[file.name] > 1:
            raise InputInvalid(
                f"{names[file.name]} files are called '{file.name}'", place=str(file), remedy="convert them separately"
            )
        if (out_dir / file.name).resolve() == file.resolve():
            raise InputInvalid("it would be written over", place=str(file), remedy="choose another --out-dir")
    failed = 0
    with _definitions(object_info, host, header) as definitions:
        for file in files:
            problems = _convert(file, out_dir / file.name, definitions)
            failed += bool(problems)
            if problems:
                say(_one_line(file, problems))
            if as_json:
                answer = {"file": str(file), "out": None if problems else str(out_dir / file.name)}
                typer.echo(json.dumps({**answer, "problems": [p.as_dict() for p in problems]}, ensure_ascii=False))
    if failed:
        raise typer.Exit(3)


_SHOWN = 5  # problems of a file in its line; --json has all


def _one_line(file: Path, problems: list[PackshotError]) -> str:
    """What is wrong with a file: slug, place and message of each problem, then what to do."""
    shown = problems[:_SHOWN]
    said = [f"[{p.slug}] {_inside(file, p.place)}{p.message}" for p in shown]
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    remedies = "; ".join(dict.fromkeys(p.remedy for p in shown if p.remedy))
    return f"{file}: {'; '.join(said + more)}" + (f" ({remedies})" if remedies else "")


def _inside(file: Path, place: str) -> str:
    rest = place.removeprefix(str(file)).removeprefix(", ")
    return f"{rest}: " if rest else ""


def _convert(file: Path, out: Path, definitions: ObjectInfo) -> list[PackshotError]:
    """Convert one file; what is wrong with it, or nothing when ``out`` is written."""
    from ...paths import atomic_write
    from ...workflow.canvas.convert import convert as convert_graph
    from ...workflow.canvas.graph import parse, read_json

    try:
        api = convert_graph(parse(read_json(file), str(file)), definitions, str(file))
        text = "" if api.problems else json.dumps(api.nodes, ensure_ascii=False, indent=2)
        content = text.encode(errors="surrogatepass")
    except WorkflowInvalid as error:
        return [error]
    except RecursionError:
        return [WorkflowInvalid("nested too deeply: not a workflow", place=str(file), remedy="save it again")]
    if not api.problems:
        with atomic_write(out, durable=False) as written:
            written.write(content)
    return api.problems


@app.command()
def check(
    workflows: Annotated[list[str], typer.Argument(metavar="WORKFLOW…", help="Names in the library, or files.")],
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say all that is wrong with workflows at once: nodes, models, values, links, inputs, App Mode, releases.

    The exit code is 2 where anything is wrong.
    """
    from ...workflow.check import check_reference
    from .review import show_problems

    with _definitions(object_info, host, header) as definitions:
        found = [(name, check_reference(name, definitions)) for name in workflows]
    wrong = any(problems for _, problems in found)
    if as_json:
        listed = [{"file": name, **problem.as_dict()} for name, problems in found for problem in problems]
        typer.echo(json.dumps({"ok": not wrong, "problems": listed}, ensure_ascii=False))
    else:
        for name, problems in found:
            show_problems(name, problems)
    if wrong:
        raise typer.Exit(2)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="The older version: name@version, or a file.")],
    after: Annotated[str, typer.Argument(help="The newer version.")],
    object_info: Annotated[
        Path | None,
        typer.Option(help="Node definitions saved from a host (/object_info), to see what inputs take."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between two versions, by meaning: layout does not count."""
    from ...workflow import Workflow
    from ...workflow.canvas.definitions import read_object_info
    from ...workflow.release.diff import diff as compare
    from .review import show_diff

    found = compare(Workflow.load(before), Workflow.load(after), read_object_info(object_info) if object_info else None)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        show_diff(before, after, found)


class LevelOption(str, Enum):
    """What a version is raised by."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@app.command()
def bump(
    workflow: WorkflowArgument,
    level: Annotated[
        LevelOption | None, typer.Option(help="Raise the version by more than the changes ask for.")
    ] = None,
    object_info: Annotated[
        Path | None,
        typer.Option(help="Node definitions saved from a host (/object_info), to see what inputs take."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Release a workflow as it now is: the changes since the last release decide its version, and it is frozen."""
    from ...workflow.canvas.definitions import read_object_info
    from ...workflow.release.bump import bump as release
    from ...workflow.versions import resolve
    from .review import show_diff

    info = read_object_info(object_info) if object_info else None
    made = release(resolve(workflow), level.value if level else None, info)
    if as_json:
        answer = {"name": made.name, "version": made.version, "before": made.before or None, "file": str(made.path)}
        typer.echo(json.dumps({**answer, **made.changes.as_dict(), "level": made.level}, ensure_ascii=False))
        return
    if made.before:
        show_diff(f"{made.name}@{made.before}", f"{made.name}@{made.version}", made.changes)
    typer.echo(f"released {made.name}@{made.version}: {made.path}")


@app.command()
def lock(
    workflow: WorkflowArgument,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note what a host has of what a workflow runs on, beside its release: `run` refuses where that differs."""
    from ...run.lock import take_stock
    from ...workflow import Workflow
    from ...workflow.release.lock import write_lock
    from ...workflow.versions import release_of

    path = release_of(workflow)
    loaded = Workflow.load(path)
    with connect(host, header) as client:
        made = take_stock(client, loaded.prepare(client.object_info, runs=False), from_cards=True)
    target = write_lock(path, made)
    if as_json:
        typer.echo(json.dumps({"file": str(target), **made.model_dump()}, ensure_ascii=False))
        return
    typer.echo(f"locked {made.workflow}: {target}")
    unknown = [model.file for model in made.models if model.sha256 is None]
    if unknown:
        say(f"nothing tells the SHA-256 of {', '.join(unknown)}")


@app.command()
def migrate(
    workflow: WorkflowArgument,
    write: Annotated[
        bool, typer.Option("--write", help="Write the file; without it, only say what would change.")
    ] = False,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the nodes that the host no longer has, where it names others that take their place."""
    from ...paths import atomic_write
    from ...workflow import Workflow
    from ...workflow.release.bump import file_text
    from ...workflow.release.checksums import is_released
    from ...workflow.release.migrate import migrate as replace_nodes
    from ...workflow.versions import resolve
    from .review import show_replaced

    path = resolve(workflow)
    loaded = Workflow.load(path)
    with connect(host, header) as client:
        data, done = replace_nodes(loaded, client.api.node_replacements(), client.object_info)
    if write and done:
        if is_released(path):
            raise WorkflowInvalid("a released file never changes", place=str(path), remedy="migrate the newest one")
        with atomic_write(path) as file:
            file.write(file_text(data))
    if as_json:
        answer = {"file": str(path), "written": bool(write and done), "replaced": [each.as_dict() for each in done]}
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        show_replaced(str(path), done, write)
