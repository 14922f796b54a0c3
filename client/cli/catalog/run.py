"""``packshot catalog run|retry|report``: a picture for every product."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ...catalog.planning.catalog_file import Catalog, CatalogFile
from ...catalog.planning.estimate import preview
from ...catalog.run import CatalogRun
from ...catalog.runner.hosts import Engine
from ...catalog.status import RunStatus
from ...models.licensing.profile import load_profile
from ..common import (
    ColumnOption,
    EncodingOption,
    HeaderOption,
    JsonOption,
    PhotosOption,
    ProfileOption,
    SetOption,
    WaiveOption,
    column_choice,
    echo,
    pairs,
    say,
)
from .folder import Folder
from .show import RunProgress, finish, run_progress, show_notes, show_preview


class EngineKind(str, Enum):
    """What runs the jobs of a catalogue."""

    local = "local"
    ray = "ray"

    @property
    def engine(self) -> Engine:
        return "ray" if self is EngineKind.ray else "local"


HostsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--host", help="Address of a ComfyUI host; may be repeated. By default our own, started when it is not up."
    ),
]
EngineOption = Annotated[
    EngineKind, typer.Option(help="local: from this process. ray: an actor on a Ray cluster for each host.")
]
RayAddressOption = Annotated[
    str | None, typer.Option("--ray-address", help="Of the cluster's head; by default the one that Ray finds.")
]


def run(
    table: Annotated[
        str, typer.Argument(help="A product table, its address, or a catalog.yaml that says all of this and more.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; run again into the same folder to go on with it.")
    ] = None,
    workflow: Annotated[
        str | None, typer.Option(help="Name[@version] in the library, or a file.", show_default="product-shot")
    ] = None,
    brand: Annotated[Path | None, typer.Option(help="A brand kit: a folder with brand.yaml, or that file.")] = None,
    mapping: SetOption = None,
    photos: PhotosOption = None,
    column: ColumnOption = None,
    encoding: EncodingOption = None,
    host: HostsOption = None,
    header: HeaderOption = None,
    engine: EngineOption = EngineKind.local,
    ray_address: RayAddressOption = None,
    profile: ProfileOption = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Base seed; each item's own seed is derived from it and the SKU.", show_default="0"),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="Whose checks a picture must pass, such as amazon-main; by default all are kept.")
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(
            min=0, help="Other seeds tried for a picture that fails them, before it is quarantined.", show_default="2"
        ),
    ] = None,
    per_variant: Annotated[bool, typer.Option("--per-variant", help="A picture for each variant.")] = False,
    phases: Annotated[
        bool | None,
        typer.Option(
            "--phases/--no-phases",
            help="Encode the prompts of a hundred rows ahead; the pictures are the same.",
            show_default="phases",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Keep what is done already, or make everything again.")
    ] = True,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make a damaged ledger anew from the audit; the old one is kept aside.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Make only the first N; what the run has of others stays.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    waive: WaiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a picture for every product. What is done already stays done: run it again after anything went wrong.

    --set gives a workflow input a template over the product, for example
    --set 'prompt={{ product.title }} on marble, {{ row["Vendor"] }}'.
    """
    seeds = None if retries is None else {"seeds": retries}
    named = {"workflow": workflow, "brand": brand, "channel": channel, "hosts": host, "out": out, "retries": seeds}
    numbers = {"base_seed": seed, "per_variant": per_variant or None, "phases": phases}
    read = {"columns": column_choice(column), "encoding": encoding, "photos": {"roots": photos} if photos else None}
    catalog = Catalog(CatalogFile.of(table, pairs(mapping), **named, **numbers, **read), limit=limit)
    show_notes(catalog.table.notes)
    if dry_run:
        show_preview(preview(catalog, load_profile(profile)), as_json)
        return
    with run_progress() as shown, CatalogRun.begin(catalog, resume=resume, rebuild=rebuild, on_event=shown) as begun:
        status = _make(begun, shown, None, header, engine, ray_address, profile, waive)
    finish(status, as_json)


def retry(
    folder: Folder,
    items: Annotated[list[str] | None, typer.Argument(help="SKUs; by default all that failed on a host.")] = None,
    host: HostsOption = None,
    header: HeaderOption = None,
    engine: EngineOption = EngineKind.local,
    ray_address: RayAddressOption = None,
    profile: ProfileOption = None,
    waive: WaiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make items again: those that failed, or those named. The same SKU gets the same seed and so the same picture.

    Hosts and limits are those of the run, unless --host names others.
    """
    with run_progress() as shown, CatalogRun(folder) as catalog:
        say(f"{catalog.retry(items or None)} to make again")
        status = _make(catalog, shown, host, header, engine, ray_address, profile, waive)
    finish(status, as_json)


def _make(
    catalog: CatalogRun,
    shown: RunProgress,
    hosts: list[str] | None,
    header: list[str] | None,
    engine: EngineKind,
    ray_address: str | None,
    profile: Path | None,
    waive: list[str] | None,
) -> RunStatus:
    """What `run` and `retry` do alike: the options, as the library takes them."""
    return catalog.run(
        hosts,
        headers=pairs(header, ":"),
        profile=profile,
        engine=engine.engine,
        ray_address=ray_address,
        waive=waive or (),
        on_event=shown,
    )


def report(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report; by default the run's own. The run is then only read.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the manifest and the contact sheet again."""
    if out is not None:
        page = CatalogRun.report_into(out, folder)
    else:
        with CatalogRun(folder) as catalog:
            page = catalog.report()
    echo(json.dumps({"report": str(page)}) if as_json else str(page))
