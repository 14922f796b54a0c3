"""``packshot catalog inspect``: what a product table says, before anything runs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import PackshotError
from ..common import HeaderOption, JsonOption, SetOption, connect, pairs, running_url, say

if TYPE_CHECKING:
    from ...catalog.planning.catalog_file import Catalog
    from ...catalog.table.products import RowProblem


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
    from ...catalog.planning.catalog_file import Catalog, CatalogFile
    from ...catalog.planning.mapping import mapping_for

    asked = CatalogFile.of(
        table,
        pairs(mapping),
        workflow=workflow,
        brand=str(brand) if brand else None,
        per_variant=per_variant or None,
    )
    catalog = Catalog(asked)
    read, plan = catalog.table, catalog.plan
    asked_host, unfit, notes = _asked(catalog, host, header)
    answer = {
        "table": read.where,
        "format": read.format,
        "encoding": read.encoding,
        "delimiter": read.delimiter,
        "dialect": read.dialect,
        "products": len(read.products),
        "variants": sum(len(product.variants) for product in read.products),
        "pictures": len(plan.items),
        "workflows": {
            catalog.workflows[key].name: count for key, count in Counter(item.workflow for item in plan.items).items()
        },
        "mapping": dict(read.mapping),
        "other_columns": [column for column in read.columns if column not in read.mapping.values()],
        "templates": mapping_for(catalog.workflows[""], asked.mapping, read),
        "host": asked_host,
        "notes": [*read.notes, *notes],
        "refused": [asdict(problem) for problem in (*plan.problems, *unfit)],
    }
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)
    if answer["refused"]:
        raise typer.Exit(3)


def _asked(
    catalog: Catalog, host: str | None, header: list[str] | None
) -> tuple[str | None, list[RowProblem], list[str]]:
    """The host that was asked, the rows whose values it refuses, and a note where there was none to ask."""
    from ...catalog.planning.values import refused_values

    url = host or next(iter(catalog.file.hosts), None) or running_url()
    if url is None:
        how = "give --host, or start one with `packshot host up`"
        return None, [], [f"no host was asked which values its nodes take: {how}"]
    try:
        with connect(url, header) as client:
            return client.url, list(refused_values(client, catalog)), []
    except PackshotError as error:
        if host:
            raise
        return None, [], [f"which values a host's nodes take is not known: {error}"]


def _print(answer: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, markup=False, highlight=False)
    delimiter = {"\t": "tab", "": ""}.get(str(answer["delimiter"]), f"'{answer['delimiter']}'")
    form = ", ".join(filter(None, (str(answer["format"]), str(answer["encoding"]), delimiter)))
    console.print(f"{answer['table']}: dialect {answer['dialect']} ({form})")
    console.print(
        f"products {answer['products']}, variants {answer['variants']}, pictures to make {answer['pictures']}",
    )
    made = answer["workflows"]
    assert isinstance(made, dict)
    console.print(", ".join(f"{count} by {name}" for name, count in made.items()))
    for title, key in (("what is read", "mapping"), ("workflow input", "templates")):
        shown = Table(title, "from column" if key == "mapping" else "from template", box=None, pad_edge=False)
        rows = answer[key]
        assert isinstance(rows, dict)
        for name, value in rows.items():
            shown.add_row(name, value)
        console.print(shown)
    notes, refused = answer["notes"], answer["refused"]
    assert isinstance(notes, list)
    assert isinstance(refused, list)
    for note in notes:
        say(f"note: {note}")
    for problem in refused:
        say(f"refused [{problem['slug']}] {problem['place']}: {problem['message']} → {problem['remedy']}")
    asked = f", where {answer['host']} was asked for what its nodes take" if answer["host"] else ""
    say(f"rows refused: {len(refused)}{asked}")
