"""Packshot's converter and comfy-cli's against what the real frontend submits.

    .venv/bin/python bench/convert_truth.py FOLDER
    .venv/bin/python bench/convert.py FOLDER [--truth DIR] [--peers NAME …] [--json FILE] [--smoke]

``docs/convert.md`` says what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from _common import BENCH, say
from _options import add_smoke
from _peers import PEERS, environment
from rich.console import Console
from rich.table import Table

Graph = dict[str, dict[str, Any]]

# Their values are pictures that a browser renders: they count by their links alone.
_RENDERED = {"Load3D", "Load3DAnimation", "Preview3D", "Preview3DAnimation"}
_EXACT = 2**53  # The canvas rounds whole numbers above this, as JavaScript does.
_ROUNDS = 3


@dataclass(slots=True)
class Row:
    """One converter in the table.

    Attributes:
        exact: graphs with the same nodes, types and inputs as the frontend's.
        same: graphs that run the same: as above, without inputs that the host never shows a node. Those are what a
            node of ComfyUI's own does not declare, and buttons, which have no value; nodes of packs may take any other.
        differs, failed: names of files.
        seconds: for all files, from the start of the process to its end; the best of three rounds.
    """

    converter: str
    files: int
    exact: int = 0
    same: int = 0
    differs: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with workflows/, truth/ and object_info.json")
    parser.add_argument("--truth", type=Path, help="another folder of truth, for its files alone")
    parser.add_argument("--peers", nargs="*", default=["comfy-cli"], choices=["comfy-cli"])
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    add_smoke(parser)
    options = parser.parse_args()
    rounds = 1 if options.smoke else _ROUNDS
    folder: Path = options.folder
    truth = _truth(options.truth or folder / "truth", folder / "workflows")
    if not truth:
        raise SystemExit(f"{folder} has no graph to compare with: make them with bench/convert_truth.py")
    info = json.loads((folder / "object_info.json").read_bytes())
    definitions, files = folder / "object_info.json", [folder / "workflows" / name for name in truth]
    command = [sys.executable, "-m", "packshot", "workflow", "convert", "--object-info", str(definitions)]
    ours = partial(_command, [*command, "--out-dir"], files)
    rows = [_measure("packshot", ours, truth, info, rounds)]
    for name in options.peers:
        python = environment(PEERS[name], fetch=not options.smoke)
        if python is not None:
            driver = [str(python), str(BENCH / "peers" / f"convert_{name.replace('-', '_')}.py"), str(definitions)]
            rows.append(_measure(name, partial(_command, driver, files), truth, info, rounds))
    _show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2), encoding="utf-8")


def _command(words: list[str], files: list[Path], out: Path) -> list[str]:
    return [*words, str(out), *map(str, files)]


def _truth(folder: Path, workflows: Path) -> dict[str, Graph]:
    """The frontend's graphs, but those with nodes that the host does not have: it would refuse them."""
    found: dict[str, Graph] = {}
    left_out: list[str] = []
    for path in sorted(folder.glob("*.json")):
        graph = json.loads(path.read_bytes())
        if not (workflows / path.name).is_file() or not graph:
            continue
        if all(node.get("class_type") for node in graph.values()):
            found[path.name] = graph
        else:
            left_out.append(path.name)
    if left_out:
        say(f"left out, as the host does not have all their nodes: {', '.join(left_out)}")
    return found


def _measure(
    name: str, command: Callable[[Path], list[str]], truth: dict[str, Graph], info: dict[str, Any], rounds: int
) -> Row:
    row = Row(name, len(truth))
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="packshot-bench-") as out:
            begin = perf_counter()
            subprocess.run(command(Path(out)), check=False, capture_output=True)
            times.append(perf_counter() - begin)
            converted = {path.name: json.loads(path.read_bytes()) for path in Path(out).iterdir()}
    row.seconds = min(times)
    for file, wanted in truth.items():
        if file not in converted:
            row.failed.append(file)
            continue
        row.exact += _view(wanted, None) == _view(converted[file], None)
        if _view(wanted, info) == _view(converted[file], info):
            row.same += 1
        else:
            row.differs.append(file)
    return row


def _view(graph: Graph, info: dict[str, Any] | None) -> dict[str, Any]:
    """A graph to compare; given node definitions, as the host sees it."""
    seen = {}
    for id_, node in graph.items():
        kind, inputs = node["class_type"], node["inputs"]
        if kind in _RENDERED:
            inputs = {name: value for name, value in inputs.items() if isinstance(value, list)}
        elif info is not None and kind in info:
            groups = info[kind]["input"]
            known = {name for group in ("required", "optional", "hidden") for name in groups.get(group) or ()}
            flexible = str(info[kind].get("python_module")).startswith("custom_nodes.")
            inputs = {
                name: value
                for name, value in inputs.items()
                if name.partition(".")[0] in known or (flexible and value is not None)
            }
        seen[id_] = (kind, {name: _number(value) for name, value in inputs.items()})
    return seen


def _number(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) > _EXACT else value


def _show(rows: Sequence[Row]) -> None:
    table = Table()
    for heading in ("converter", "files", "exact", "runs the same", "differs", "failed", "seconds"):
        table.add_column(heading, justify="left" if heading == "converter" else "right")
    for row in rows:
        exact, same = (f"{count} ({count / max(row.files, 1):.1%})" for count in (row.exact, row.same))
        counts = (str(row.files), exact, same, str(len(row.differs)), str(len(row.failed)), f"{row.seconds:.2f}")
        table.add_row(row.converter, *counts)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for row in rows:
        for what, files in (("differs", row.differs), ("failed", row.failed)):
            if files:
                console.print(f"{row.converter} {what}: {', '.join(files[:20])}{' …' if len(files) > 20 else ''}")


if __name__ == "__main__":
    main()
