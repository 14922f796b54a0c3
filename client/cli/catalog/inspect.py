"""``packshot catalog inspect``: what a product table says, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...catalog.inspection import inspect_catalog
from ...catalog.planning.proposal import write_mapping
from ..common import (
    ColumnOption,
    EncodingOption,
    HeaderOption,
    JsonOption,
    PhotosOption,
    SetOption,
    column_choice,
    pairs,
)
from .show import show_inspected


def inspect(
    table: Annotated[
        str,
        typer.Argument(help="A product table, its address, such as s3://bucket/products.csv, or a catalog.yaml."),
    ],
    workflow: Annotated[
        str | None, typer.Option(help="Name[@version] in the library, or a file.", show_default="product-shot")
    ] = None,
    brand: Annotated[Path | None, typer.Option(help="A brand kit: a folder with brand.yaml, or that file.")] = None,
    mapping: SetOption = None,
    photos: PhotosOption = None,
    column: ColumnOption = None,
    encoding: EncodingOption = None,
    write_to: Annotated[
        Path | None,
        typer.Option(
            "--write-mapping",
            metavar="FILE",
            help="Write a catalog.yaml that proposes which column is which; look at it.",
        ),
    ] = None,
    per_variant: Annotated[bool, typer.Option("--per-variant", help="A picture for each variant.")] = False,
    host: Annotated[
        str | None,
        typer.Option(help="Address of a ComfyUI host, which says what its nodes take. By default ours, if it is up."),
    ] = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which dialect a table is in, what is read from which column, and every row that would be refused.

    Exits with 3 when there are such rows. It plans as `catalog run` does with the same options. Which values an input
    takes is known to a host alone: where none is named, in the catalog.yaml or by --host, and our own is not up, they
    are not looked at, and that is said.
    """
    choice = column_choice(column)
    options: dict[str, Any] = {"workflow": workflow, "brand": brand, "per_variant": per_variant or None}
    options["photos"] = {"roots": photos} if photos else None
    if write_to is not None:
        write_mapping(table, write_to, choice, encoding)
        table = str(write_to)
    else:
        options |= {"columns": choice, "encoding": encoding}
    answer = inspect_catalog(table, pairs(mapping), host=host, headers=pairs(header, ":"), **options)
    show_inspected(answer, as_json)
    if answer["refused"]:
        raise typer.Exit(3)
