"""``packshot demo``: from nothing to a brand's contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import JsonOption, command_name, say, steps

WORKFLOW = "product-shot@1"
TABLE = Path("catalogs") / "aldern-quay.csv"
BRAND = Path("brands") / "aldern-quay"
# In words that the starter model knows: the kind of product, and its colour, which the table has as the last tag.
PROMPT = "{{ brand.prompt.prefix }} a {{ product.tags | last }} {{ product.type | lower }} {{ brand.prompt.suffix }}"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out/demo"), as_json: JsonOption = False
) -> None:
    """Install what is missing, start a host, and make the pictures of a small catalogue."""
    from ..catalog.planning.catalog_file import Catalog, CatalogFile
    from ..catalog.run import CatalogRun
    from ..host.install import install, remembered
    from ..host.managed import ManagedHost
    from ..models.starter.files import write_starter
    from ..paths import shipped
    from .catalog.commands import finish, make

    host = ManagedHost()
    with steps() as begin:
        if remembered(host.home) is None:
            install(host.home, begin)
        write_starter(host.models, begin)
    examples = shipped("examples")
    file = CatalogFile(
        table=str(examples / TABLE), workflow=WORKFLOW, brand=str(examples / BRAND), mapping={"prompt": PROMPT}
    )
    planned = Catalog(file)
    workflow = planned.workflows[""]
    brand = planned.kit.name if planned.kit else ""
    say(f"{brand}: {len(planned.table.products)} products, workflow {workflow.name}@{workflow.version}")
    with CatalogRun(out, create=True) as catalog:
        catalog.plan(planned)
        counts = make(catalog, None, None, kit=planned.kit)
        finish(catalog, counts, as_json)
    if not as_json:
        typer.echo("")
        prompt = "a red mug on a white background"
        typer.echo(f'next           {command_name()} run product-shot --set prompt="{prompt}" --set seed=7')
        typer.echo(f"the host       stays up for it; {command_name()} host down ends it")
