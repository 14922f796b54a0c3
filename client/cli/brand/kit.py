"""``packshot brand new|show|hash|diff``: a kit begun, looked at and compared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ...brand.kit import FILE_NAME, BrandKit
from ...brand.kit_diff import Change
from ...colours import opaque_colour
from ..common import JsonOption, echo, pairs, say
from ..console import PrintableConsole

KitArgument = Annotated[
    Path, typer.Argument(metavar="KIT", help="A folder with brand.yaml, or that file.", show_default=False)
]


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit's new folder.", show_default=False)],
    name: Annotated[str, typer.Option(help="The brand's name.")],
    colour: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLOUR", help="As CSS writes it, in quotes: 'Sand=#E8DCC8'. The first is the background."
        ),
    ] = None,
    logo: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG with transparency, or SVG; it is copied.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a kit: write brand.yaml, with a comment for what is still to be filled in, and copy the logo beside it."""
    kit = BrandKit.new(folder, name, _colours(colour), _readable(logo))
    file = str(folder / FILE_NAME)
    if as_json:
        echo(json.dumps({"file": file, "name": kit.name, "hash": kit.hash}, ensure_ascii=False))
    else:
        echo(file)
        say(f"  fill it in, then run: packshot brand check {folder}")


def show(kit: KitArgument, as_json: JsonOption = False) -> None:
    """Show what a kit says, with its defaults."""
    loaded = BrandKit.load(kit)
    if as_json:
        echo(json.dumps(loaded.show(), ensure_ascii=False))
    else:
        _show(loaded)


def hash_(kit: KitArgument, as_json: JsonOption = False) -> None:
    """Print the kit's hash: what an approval names, and what the record of a picture has."""
    digest = BrandKit.load(kit).hash
    echo(json.dumps({"hash": digest}) if as_json else digest)


def diff(
    before: KitArgument,
    after: Annotated[Path, typer.Argument(metavar="OTHER", help="Another state of the kit.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two kits, field by field."""
    changes = BrandKit.load(before).diff(BrandKit.load(after))
    if as_json:
        echo(json.dumps({"changes": [dataclasses.asdict(change) for change in changes]}, ensure_ascii=False))
    else:
        _show_changes(changes)


def _colours(options: list[str] | None) -> dict[str, str]:
    """Colours by their names as ``#RRGGBB``, from ``NAME=COLOUR``."""
    return {name: opaque_colour(code, "--colour") for name, code in pairs(options).items()}


def _readable(logo: Path | None) -> Path | None:
    """The logo, if one was named; it has to be there."""
    try:
        if logo is not None:
            logo.open("rb").close()
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="--logo") from error
    return logo


def _show(kit: BrandKit) -> None:
    console = PrintableConsole()
    console.print(f"{kit.name} {kit.version}".rstrip(), style="bold")
    for colour in kit.palette:
        console.print(Text.assemble(("    ", f"on {colour.hex}"), f" {colour.hex} {colour.name}, {colour.role}"))
    lines = {
        "forbidden": ", ".join(f"{colour.name} {colour.hex}" for colour in kit.forbidden_colours),
        "prefix": kit.prompt.prefix,
        "suffix": kit.prompt.suffix,
        "negative": kit.prompt.negative,
        "logos": ", ".join(f"{logo.name} ({logo.file})" for logo in kit.logos),
        "fonts": ", ".join(font.family for font in kit.fonts),
        "locales": ", ".join(kit.locales),
        "LoRAs": ", ".join(f"{lora.name} for {lora.base} at {lora.strength:g}" for lora in kit.loras),
        "channels": ", ".join(kit.channels),
        "approved by": ", ".join(kit.approved_by),
        "hash": kit.hash,
    }
    for label, text in lines.items():
        if text:
            console.print(Text(f"{label}: {text}"), soft_wrap=True)


def _show_changes(changes: list[Change]) -> None:
    for change in changes:
        values = {"added": f"{change.after}", "removed": f"{change.before}"}
        echo(f"{change.what} {change.where}: {values.get(change.what, f'{change.before} → {change.after}')}")
    if not changes:
        echo("they say the same")
