"""``packshot models inspect`` and ``detect``: what is in a file of weights, and which model it is, from its header."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import PackshotError
from ..common import JsonOption

if TYPE_CHECKING:
    from ...models.files.header import Header

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Files of weights: .safetensors or .gguf.", show_default=False)
]
_SOME_FAILED = 3


def inspect(files: FilesArgument, as_json: JsonOption = False) -> None:
    """Show what a file's header says: tensors, dtypes, how its layers are quantised, metadata. No tensor is read."""
    _answer(files, as_json, _inspected, _show_inspected)


def detect(files: FilesArgument, as_json: JsonOption = False) -> None:
    """Say which model a file is, or is for, from names and shapes in its header, and how sure that is."""
    _answer(files, as_json, _detected, _show_detected)


def _answer(
    files: list[Path],
    as_json: bool,
    look: Callable[[Header], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """One object for one file; for several ``{"files": […]}``, where a file that is refused has its error."""
    from ...models.files.read import read_header

    if len(files) == 1:
        answers = [look(read_header(files[0]))]
    else:
        answers = []
        for file in files:
            try:
                answers.append(look(read_header(file)))
            except PackshotError as error:
                answers.append({"file": str(file), "error": error.as_dict()})
    if as_json:
        typer.echo(json.dumps(answers[0] if len(files) == 1 else {"files": answers}, ensure_ascii=False))
    else:
        for answer in answers:
            if "error" in answer:
                typer.echo(f"{answer['file']}\n  refused: {answer['error']['message']}; {answer['error']['remedy']}")
            else:
                show(answer)
    if any("error" in answer for answer in answers):
        raise typer.Exit(_SOME_FAILED)


def _inspected(header: Header) -> dict[str, Any]:
    from ...models.files.quantisation import summary

    dtypes: dict[str, dict[str, int]] = {}
    for info in header.tensors.values():
        entry = dtypes.setdefault(info.dtype, {"tensors": 0, "bytes": 0})
        entry["tensors"] += 1
        entry["bytes"] += info.nbytes
    return {
        "file": str(header.path),
        "format": header.format,
        "size": header.size,
        "header_bytes": header.body,
        "dtypes": dtypes,
        "layers": summary(header),
        "metadata": dict(header.metadata),
        "tensors": {
            name: {"dtype": info.dtype, "shape": list(info.shape), "bytes": info.nbytes}
            for name, info in header.tensors.items()
        },
    }


def _detected(header: Header) -> dict[str, Any]:
    import dataclasses

    from ...models.detect.detect import detect as detect_header

    return {"file": str(header.path), **dataclasses.asdict(detect_header(header))}


def _show_inspected(answer: dict[str, Any]) -> None:
    from ...models.files.header import printable

    mib = 1024 * 1024
    typer.echo(f"{answer['file']}")
    typer.echo(f"  {answer['format']}, {answer['size'] / mib:,.1f} MiB, {len(answer['tensors']):,} tensors")
    for dtype, entry in sorted(answer["dtypes"].items(), key=lambda item: -item[1]["bytes"]):
        typer.echo(f"  {dtype}: {entry['tensors']:,} tensors, {entry['bytes'] / mib:,.1f} MiB")
    for form, count in answer["layers"].items():
        typer.echo(f"  {count:,} layers stored as {form}")
    for key, value in answer["metadata"].items():
        typer.echo(f"  {printable(key)} = {printable(value)}")


def _show_detected(answer: dict[str, Any]) -> None:
    from ...models.files.header import printable

    what = answer["base"] or answer["component"] or "which one cannot be told"
    typer.echo(f"{answer['file']}")
    typer.echo(f"  {answer['kind'].replace('_', ' ')}: {what} (confidence {answer['confidence']:.2f})")
    if answer["lora"]:
        lora = answer["lora"]
        rank = f", rank {lora['rank']}" if lora["rank"] else ""
        typer.echo(f"  {lora['algorithm']}{rank}, {sum(lora['layers'].values())} layers, in {lora['layout']} naming")
    if answer["cards"]:
        typer.echo(f"  cards: {', '.join(answer['cards'])}")
    for reason in answer["reasons"]:
        typer.echo(f"  - {printable(reason, 300)}")
