"""``packshot brand new|check|show|hash|diff``: a brand kit, from the first colour to one that is approved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BrandInvalid
from .common import JsonOption, pairs, say

app = typer.Typer(no_args_is_help=True, help="Brand kits: colours, words, logos, LoRAs and rules of a brand.")

KitArgument = Annotated[
    Path, typer.Argument(metavar="KIT", help="A folder with brand.yaml, or that file.", show_default=False)
]
_WRONG = 3


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit's new folder.", show_default=False)],
    name: Annotated[str, typer.Option(help="The brand's name.")],
    colour: Annotated[
        list[str] | None, typer.Option(metavar="NAME=#RRGGBB", help="May be repeated; the first is the background.")
    ] = None,
    logo: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG with transparency, or SVG; it is copied.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a kit: write brand.yaml, with a comment for what is still to be filled in, and copy the logo beside it."""
    import hashlib

    from ..brand.kit import FILE_NAME, BrandKit
    from ..brand.kit_diff import template
    from ..paths import atomic_write, write_text

    file = folder / FILE_NAME
    if file.exists():
        raise BrandInvalid("there is a kit already", place=str(file), remedy="choose another folder, or edit that file")
    colours = pairs(colour)
    for code in colours.values():
        if not re.fullmatch("#[0-9A-Fa-f]{6}", code):
            raise typer.BadParameter(f"'{code}' is no colour; write it as #RRGGBB, in quotes", param_hint="--colour")
    digest = copied = ""
    if logo is not None:
        try:
            content = logo.read_bytes()
        except OSError as error:
            raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="--logo") from error
        digest, copied = hashlib.sha256(content).hexdigest(), f"logo{logo.suffix.lower()}"
        with atomic_write(folder / copied) as written:
            written.write(content)
    write_text(file, template(name, colours, copied, digest))
    made = BrandKit.load(file)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "name": made.name, "hash": made.hash}, ensure_ascii=False))
        return
    typer.echo(str(file))
    say(f"  fill it in, then run: packshot brand check {folder}")


@app.command()
def check(
    kit: KitArgument,
    loras: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The host's folder of LoRAs, to look into those of the kit.",
            show_default="the kit's own folder loras",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what is wrong or doubtful: files and their hashes, colours, LoRAs, licences, approvals."""
    import dataclasses

    from ..brand.check import check_kit
    from ..brand.kit import BrandKit

    loaded = BrandKit.load(kit)
    found = check_kit(loaded, loras=loras)
    wrong = [finding for finding in found if finding.level == "error"]
    if as_json:
        answer = {
            "ok": not wrong,
            "name": loaded.name,
            "hash": loaded.hash,
            "approved_by": list(loaded.approved_by),
            "problems": [dataclasses.asdict(finding) for finding in found],
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for finding in found:
            remedy = f" → {finding.remedy}" if finding.remedy else ""
            typer.echo(f"{finding.level} {finding.place}: {finding.message}{remedy}")
        approved = f", approved by {', '.join(loaded.approved_by)}" if loaded.approved_by else ""
        typer.echo(f"{loaded.name}: {'not usable as it is' if wrong else 'good'}{approved}")
    if wrong:
        raise typer.Exit(_WRONG)


@app.command()
def show(kit: KitArgument, as_json: JsonOption = False) -> None:
    """Show what a kit says, with its defaults."""
    from ..brand.kit import BrandKit

    loaded = BrandKit.load(kit)
    if as_json:
        typer.echo(json.dumps({**loaded.model_dump(mode="json"), "hash": loaded.hash}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(f"{loaded.name} {loaded.version}".rstrip(), style="bold")
    for colour in loaded.palette:
        console.print(Text.assemble(("    ", f"on {colour.hex}"), f" {colour.hex} {colour.name}, {colour.role}"))
    lines = {
        "forbidden": ", ".join(f"{one.name} {one.hex}" for one in loaded.forbidden_colours),
        "prefix": loaded.prompt.prefix,
        "suffix": loaded.prompt.suffix,
        "negative": loaded.prompt.negative,
        "logos": ", ".join(f"{one.name} ({one.file})" for one in loaded.logos),
        "fonts": ", ".join(one.family for one in loaded.fonts),
        "locales": ", ".join(loaded.locales),
        "LoRAs": ", ".join(f"{one.name} for {one.base} at {one.strength:g}" for one in loaded.loras),
        "channels": ", ".join(loaded.channels),
        "approved by": ", ".join(loaded.approved_by),
        "hash": loaded.hash,
    }
    for label, text in lines.items():
        if text:
            console.print(Text(f"{label}: {text}"), soft_wrap=True)


@app.command("hash")
def hash_(kit: KitArgument, as_json: JsonOption = False) -> None:
    """Print the kit's hash: what an approval names, and what the record of a picture has."""
    from ..brand.kit import BrandKit

    said = BrandKit.load(kit).hash
    typer.echo(json.dumps({"hash": said}) if as_json else said)


@app.command()
def diff(
    before: KitArgument,
    after: Annotated[Path, typer.Argument(metavar="OTHER", help="Another state of the kit.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two kits, field by field."""
    import dataclasses

    from ..brand import kit_diff
    from ..brand.kit import BrandKit

    changes = kit_diff.diff(BrandKit.load(before), BrandKit.load(after))
    if as_json:
        typer.echo(json.dumps({"changes": [dataclasses.asdict(change) for change in changes]}, ensure_ascii=False))
        return
    for change in changes:
        values = {"added": f"{change.after}", "removed": f"{change.before}"}
        typer.echo(f"{change.what} {change.where}: {values.get(change.what, f'{change.before} → {change.after}')}")
    if not changes:
        typer.echo("they say the same")
