"""``packshot lora inspect|merge|resize|convert|stamp|compare``: what is in LoRA files, and new ones made of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from ...brand.lora.file import LoraFile
from ...brand.lora.index import inspect_folder
from ...brand.lora.tensors import WRITTEN
from ...brand.lora.written import Written
from ...models.files.header import printable
from ..answers import Answer, look_into, print_answers
from ..common import JsonOption, echo, say

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A LoRA, .safetensors.", show_default=False)]
OutOption = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")]
NewFileOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="The file to write.", show_default=False)
]
InPlaceOption = Annotated[bool, typer.Option("--in-place", help="Write over the file itself.")]
DtypeOption = Annotated[
    str | None, typer.Option("--dtype", help="fp32, fp16 or bf16. By default the source's own.", show_default=False)
]


def inspect(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="LoRA files, or folders of them.", show_default=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Say what LoRA files are: base, layout, algorithm, rank, alpha, trigger words, metadata and hashes.

    Files in a folder are looked up in an index, so that only new and changed ones are read; their hashes are left out.
    """
    alone = len(files) == 1 and not files[0].is_dir()
    answers: list[Answer] = []
    for file in files:
        if file.is_dir():
            answers += inspect_folder(file)
        else:
            answers += look_into(file, lambda path: LoraFile(path).inspect(), alone=alone)
    print_answers(answers, as_json, _show_whole if alone else _show, alone=alone)


def compare(
    first: FileArgument,
    second: Annotated[Path, typer.Argument(metavar="OTHER", help="Another LoRA.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Say whether two LoRAs fight over the same directions, and in which blocks of the model."""
    overlap = LoraFile(first).compare(LoraFile(second))
    if as_json:
        echo(json.dumps({"fights": overlap.fights, **dataclasses.asdict(overlap)}, ensure_ascii=False))
        return
    echo(f"{overlap.layers} layers that both change: {overlap.sentence()}")
    for block in overlap.blocks[:12]:
        echo(
            f"  {block.block}: {block.shared:.0%} shared, cosine {block.cosine:+.2f}, closest angle {block.angle:.0f}°"
        )


def merge(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE[:STRENGTH]…", help="Two or more LoRAs.", show_default=False)
    ],
    out: OutOption,
    method: Annotated[str, typer.Option(help="concat: exact, ranks add up. svd: nearest of one rank.")] = "concat",
    rank: Annotated[int | None, typer.Option(min=1, help="With svd: of every layer.", show_default=False)] = None,
    dtype: DtypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one LoRA that adds what several add, each at its strength."""
    if method not in ("concat", "svd"):
        raise typer.BadParameter("is concat or svd", param_hint="--method")
    if (method == "svd") != (rank is not None):
        raise typer.BadParameter("goes with --method svd, and that needs it", param_hint="--rank")
    _print(LoraFile.merge(map(_strength, files), out, rank=rank, dtype=_dtype(dtype)), as_json)


def resize(
    file: FileArgument,
    out: OutOption,
    rank: Annotated[int | None, typer.Option(min=1, help="The most of any layer.", show_default=False)] = None,
    energy: Annotated[float, typer.Option(help="Share of each layer's squared singular values to keep.")] = 1.0,
    dtype: DtypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the nearest LoRA of a lower rank, and say what it loses."""
    _print(LoraFile(file).resize(out, rank=rank, energy=energy, dtype=_dtype(dtype)), as_json)


def convert(
    file: FileArgument,
    out: NewFileOption = None,
    dtype: DtypeOption = None,
    names: Annotated[
        str | None,
        typer.Option("--names", help="native (ComfyUI's), diffusers or kohya. By default its own.", show_default=False),
    ] = None,
    in_place: InPlaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a LoRA in another dtype or in the names of other tools."""
    _print(LoraFile(file).convert(out, _dtype(dtype), names=names, in_place=in_place), as_json)


def stamp(
    file: FileArgument,
    out: NewFileOption = None,
    title: Annotated[str | None, typer.Option(show_default=False)] = None,
    author: Annotated[str | None, typer.Option(show_default=False)] = None,
    licence: Annotated[str | None, typer.Option(help="Its id or SPDX expression.", show_default=False)] = None,
    trigger: Annotated[str | None, typer.Option(help="Words, separated by commas.", show_default=False)] = None,
    description: Annotated[str | None, typer.Option(show_default=False)] = None,
    usage: Annotated[str | None, typer.Option(help="How to use it.", show_default=False)] = None,
    date: Annotated[str | None, typer.Option(help="When it was made, ISO 8601.", show_default=False)] = None,
    scrub: Annotated[bool, typer.Option("--scrub", help="Take out captions, folder names and other traces.")] = False,
    in_place: InPlaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write ModelSpec metadata into a LoRA. Its tensors, and so its AutoV3 hash, stay as they are."""
    metadata = LoraFile(file).stamp(
        out, scrub=scrub, in_place=in_place, title=title, author=author, licence=licence, trigger=trigger,
        description=description, usage=usage, date=date,
    )  # fmt: skip
    if as_json:
        echo(json.dumps({"file": str(out or file), "metadata": metadata}, ensure_ascii=False))
    else:
        _show_metadata(metadata)


def _strength(text: str) -> tuple[str, float]:
    """``file.safetensors:0.8``; a drive letter is no strength."""
    name, separator, number = text.rpartition(":")
    try:
        return (name, float(number)) if separator else (text, 1.0)
    except ValueError:
        return text, 1.0


def _dtype(asked: str | None) -> str | None:
    if asked is not None and asked not in WRITTEN:
        *others, last = WRITTEN
        raise typer.BadParameter(f"is {', '.join(others)} or {last}", param_hint="--dtype")
    return asked


def _print(written: Written, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(written.as_dict(), ensure_ascii=False))
        return
    ranks = f"ranks {written.ranks[0]} to {written.ranks[-1]}" if written.ranks else "whole matrices"
    if len(written.ranks) == 1:
        ranks = f"rank {written.ranks[0]}"
    echo(f"{written.file}: {written.layers} layers, {ranks}, {written.dtype}")
    worst = f"; most in {written.worst[0]}: {written.worst[1]:.2e}" if written.worst[0] else ""
    say(f"  relative error {written.error:.2e}{worst}")


def _show(answer: Answer) -> None:
    several = f"one of {', '.join(answer['cards'])}" if answer["cards"] else "for no known model"
    rank = f", rank {answer['rank']}" if answer["rank"] else ""
    kind = f"{answer['algorithm']}{rank}, {sum(answer['layers'].values())} layers, in {answer['layout']} naming"
    echo(f"  {answer['base'] or several} (confidence {answer['confidence']:.2f}): {kind}")
    if answer["trigger_words"]:
        echo(f"  trigger words: {printable(', '.join(answer['trigger_words']), 300)}")


def _show_whole(answer: Answer) -> None:
    _show(answer)
    alpha = f", alpha {answer['alpha']:g}" if answer["alpha"] is not None else ""
    echo(f"  {answer['keys']} tensors of {', '.join(answer['dtypes'])}{alpha}")
    echo(f"  sha256 {answer['sha256']}\n  AutoV3 {answer['autov3']}")
    for line in (*answer["reasons"], *answer["notes"]):
        echo(f"  - {printable(line, 300)}")
    _show_metadata(answer["metadata"])


def _show_metadata(metadata: dict[str, str]) -> None:
    for key, value in sorted(metadata.items()):
        echo(f"  {printable(key)} = {printable(value)}")
