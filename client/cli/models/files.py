"""``packshot models inspect`` and ``detect``: what is in a file of weights, and which model it is, from its header."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ...models.detect import detect as detection
from ...models.files import inspect as inspection
from ...models.files.header import printable
from ..answers import Answer, look_into, print_answers
from ..common import JsonOption, echo

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Files of weights: .safetensors or .gguf.", show_default=False)
]


def inspect(files: FilesArgument, as_json: JsonOption = False) -> None:
    """Show what a file's header says: tensors, dtypes, how its layers are quantised, metadata. No tensor is read."""
    _answer(files, as_json, inspection.inspect, _show_inspected)


def detect(files: FilesArgument, as_json: JsonOption = False) -> None:
    """Say which model a file is, or is for, from names and shapes in its header, and how sure that is."""
    _answer(files, as_json, _detected, _show_detected)


def _detected(file: Path) -> Answer:
    return {"file": str(file), **dataclasses.asdict(detection.detect(file))}


def _answer(files: list[Path], as_json: bool, look: Callable[[Path], Answer], show: Callable[[Answer], None]) -> None:
    alone = len(files) == 1
    answers = [answer for file in files for answer in look_into(file, look, alone=alone)]
    print_answers(answers, as_json, show, alone=alone)


def _show_inspected(answer: Answer) -> None:
    mib = 1024 * 1024
    echo(f"  {answer['format']}, {answer['size'] / mib:,.1f} MiB, {len(answer['tensors']):,} tensors")
    for dtype, entry in sorted(answer["dtypes"].items(), key=lambda item: -item[1]["bytes"]):
        echo(f"  {dtype}: {entry['tensors']:,} tensors, {entry['bytes'] / mib:,.1f} MiB")
    for form, count in answer["layers"].items():
        echo(f"  {count:,} layers stored as {form}")
    for key, value in answer["metadata"].items():
        echo(f"  {printable(key)} = {printable(value)}")


def _show_detected(answer: Answer) -> None:
    what = answer["base"] or answer["component"] or "which one cannot be told"
    echo(f"  {answer['kind'].replace('_', ' ')}: {what} (confidence {answer['confidence']:.2f})")
    if answer["lora"]:
        lora = answer["lora"]
        rank = f", rank {lora['rank']}" if lora["rank"] else ""
        echo(f"  {lora['algorithm']}{rank}, {sum(lora['layers'].values())} layers, in {lora['layout']} naming")
    if answer["cards"]:
        echo(f"  cards: {', '.join(answer['cards'])}")
    for reason in answer["reasons"]:
        echo(f"  - {printable(reason, 300)}")
