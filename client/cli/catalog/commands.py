"""``packshot catalog``: a picture for every product of a table."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..catalog_hosts import Engine, EngineKind, EngineOption, Hosts, HostsOption, RayAddressOption
from ..common import HeaderOption, JsonOption, ProfileOption, SetOption, pairs, say
from . import inspect
from .dry_run import print_plan
from .watch import watch_run

if TYPE_CHECKING:
    from ...brand import BrandKit
    from ...catalog.ledger.records import Counts
    from ...catalog.run import CatalogRun
    from ...catalog.runner.scheduler import Scheduler
    from ...errors import PackshotError

app = typer.Typer(no_args_is_help=True, help="Make a picture for every product of a table, and look at the run.")

app.command()(inspect.inspect)

Folder = Annotated[Path, typer.Argument(help="The --out folder of a catalogue run.")]


@app.command()
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
    as_json: JsonOption = False,
) -> None:
    """Make a picture for every product. What is done already stays done: run it again after anything went wrong.

    --set gives a workflow input a template over the product, for example
    --set 'prompt={{ product.title }} on marble, {{ row["Vendor"] }}'.
    """
    from ...catalog.planning.catalog_file import Catalog, CatalogFile
    from ...catalog.rebuild import replay, set_aside
    from ...catalog.run import CatalogRun

    file = CatalogFile.of(
        table,
        pairs(mapping),
        workflow=workflow,
        brand=str(brand) if brand else None,
        base_seed=seed,
        channel=channel,
        hosts=host,
        out=str(out) if out else None,
        per_variant=per_variant or None,
        phases=phases,
    )
    if retries is not None:
        file = file.model_copy(update={"retries": file.retries.model_copy(update={"seeds": retries})})
    planned = Catalog(file, limit=limit)
    for note in planned.table.notes:
        say(f"note: {note}")
    if dry_run:
        print_plan(planned, profile, as_json)
        return
    if file.out is None:
        raise typer.BadParameter("say where to put the pictures", param_hint="--out")
    folder = Path(file.out)
    if rebuild and (aside := set_aside(folder)):
        say(f"the damaged ledger lies at {aside}")
    with CatalogRun(folder, create=True) as catalog:
        catalog.plan(planned)
        if rebuild:
            workflows = {key: one.sha256 for key, one in catalog.branded_workflows().items()}
            say(f"{replay(catalog.ledger, workflows)} pictures are known from the audit")
        if not resume:
            catalog.retry(item.item_id for item in planned.plan.items)
        counts = make(catalog, file.hosts, header, profile, Engine(engine, ray_address), planned.kit)
        finish(catalog, counts, as_json)


@app.command()
def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until the run is over, or Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where a run stands; it may be running."""
    from ...catalog.ledger.ledger import Ledger

    if watch and not as_json:
        watch_run(folder)
    with Ledger(folder) as ledger:
        counts = ledger.counts()
        failures = [row for row in ledger.rows() if row["error"]] if not as_json else []
    if as_json:
        typer.echo(json.dumps(counts.as_dict()))
        return
    typer.echo(_summary(counts))
    for row in failures[:20]:
        error = json.loads(row["error"])
        typer.echo(f"  {row['item_id']}: [{error['slug']}] {error['place']}: {error['message']}")
    if len(failures) > 20:
        typer.echo(f"  and {len(failures) - 20} more: see {folder / 'manifest.csv'}")


@app.command()
def report(folder: Folder, as_json: JsonOption = False) -> None:
    """Write the manifest and the contact sheet again."""
    from ...catalog.run import CatalogRun

    with CatalogRun(folder) as catalog:
        page = catalog.report()
    typer.echo(json.dumps({"report": str(page)}) if as_json else str(page))


@app.command()
def audit(folder: Folder, as_json: JsonOption = False) -> None:
    """Verify the audit of a run: a changed, missing or added byte is found. Exits with 3 when it is broken."""
    from ...catalog.rebuild import summary, verify

    answer = verify(folder)
    typer.echo(json.dumps(answer) if as_json else summary(answer))
    if not answer["ok"]:
        raise typer.Exit(3)


@app.command()
def hosts(
    folder: Folder,
    add: Annotated[list[str] | None, typer.Option(help="Address of a host that a run should use from now on.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Address of a host that it should leave.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The hosts of a run, what they made and what went wrong with them; add and remove some while it runs."""
    from dataclasses import asdict

    from ...catalog.ledger.ledger import Ledger
    from ...comfy.http import HostAddress

    with Ledger(folder) as ledger:
        for urls, wanted in ((add, True), (remove, False)):
            for url in urls or []:
                ledger.want_host(HostAddress(url).url, wanted)
        known = ledger.hosts()
    if as_json:
        typer.echo(json.dumps({"hosts": [asdict(host) for host in known]}))
        return
    for host in known:
        typer.echo(f"{host.url}  {host.state if host.wanted else 'not wanted'}, {host.made} pictures")
        for fault in host.faults:
            typer.echo(f"  {time.strftime('%F %T', time.localtime(fault['at']))}  {fault['reason']}")


@app.command()
def retry(
    folder: Folder,
    items: Annotated[list[str] | None, typer.Argument(help="SKUs; by default all that failed on a host.")] = None,
    host: HostsOption = None,
    header: HeaderOption = None,
    engine: EngineOption = EngineKind.local,
    ray_address: RayAddressOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make items again: those that failed, or those named. The same SKU gets the same seed and so the same picture.

    Hosts and limits are those of the run, unless --host names others.
    """
    from ...catalog.run import CatalogRun

    with CatalogRun(folder) as catalog:
        say(f"{catalog.retry(items or None)} to make again")
        counts = make(catalog, host or catalog.hosts, header, profile, Engine(engine, ray_address))
        finish(catalog, counts, as_json)


def make(
    catalog: CatalogRun,
    host: list[str] | None,
    header: list[str] | None,
    profile: Path | None = None,
    engine: Engine | None = None,
    kit: BrandKit | None = None,
) -> Counts:
    """Make what is pending, with a progress bar; the managed host gets the LoRA files that ``kit`` has with it.

    The first Ctrl-C lets what is under way land and begins nothing more; the second one ends at once. Either leaves a
    run that goes on when it is run again.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ...models.licensing.licences import load_profile
    from ...run.brand import bring_loras
    from ...run.weights import managed_models

    stated = load_profile(profile)
    before = catalog.ledger.counts()
    if not catalog.ledger.pending() and not before.running:
        return before
    columns = (
        TextColumn("pictures"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    hosts = Hosts(host, header, catalog, engine or Engine())
    with (
        contextlib.ExitStack() as opened,
        Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as progress,
    ):
        answering = [opened.enter_context(client) for client in hosts.answering()]
        for client in answering:
            if kit is not None and (models := managed_models(client.api)):
                bring_loras(kit, models)
        task = progress.add_task("", total=before.rows, completed=before.rows - before.pending - before.running)

        def settled(item_id: str, error: PackshotError | None) -> None:
            progress.update(task, advance=1, description=item_id)
            if error is not None:
                progress.console.print(f"{item_id}: {error}", markup=False, highlight=False, soft_wrap=True)

        try:
            scheduler = catalog.scheduler(hosts.specs, answering, stated, join=hosts.spec, settled=settled)
            with draining(scheduler):
                scheduler.run()
        except KeyboardInterrupt:
            raise
        except BaseException:
            catalog.report()
            raise
    counts = catalog.ledger.counts()
    if scheduler.draining and _unfinished(catalog, counts):
        say(f"{scheduler.draining}; run the same command again to go on")
    return counts


def _unfinished(catalog: CatalogRun, counts: Counts) -> bool:
    """Whether something was left to make; what lies beyond --limit does not count."""
    return bool(catalog.ledger.pending()) or counts.running > 0


@contextlib.contextmanager
def draining(scheduler: Scheduler) -> Iterator[None]:
    """Ctrl-C drains the run; a second one ends the command, also in the background, where a shell has it ignored."""

    def drain(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say("what is under way is brought home; Ctrl-C again ends at once")
        scheduler.drain("stopped by Ctrl-C")

    before = signal.signal(signal.SIGINT, drain)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def finish(catalog: CatalogRun, counts: Counts, as_json: bool) -> None:
    """Write the reports, say what was made and where it lies, and exit with 3 when something failed."""
    from ...catalog.planning.estimate import remember

    page = catalog.report()
    remember(catalog.ledger)
    if as_json:
        typer.echo(json.dumps({**counts.as_dict(), "out": str(catalog.folder), "report": str(page)}))
    else:
        typer.echo(_summary(counts))
        typer.echo(f"contact sheet  {page}")
        typer.echo(f"pictures       {catalog.folder / 'pictures'}")
        typer.echo(f"manifest       {catalog.folder / 'manifest.csv'}")
        for duty in catalog.ledger.facts().get("licences", {}).get("duties", ()):
            typer.echo(f"licence        {duty}")
        if counts.quarantined:
            typer.echo(f"kept out       {catalog.folder / 'quarantine'}")
        if counts.failed or counts.quarantined:
            typer.echo(f"what failed    packshot catalog status {catalog.folder}")
    if counts.failed or counts.quarantined:
        raise typer.Exit(3)
    if _unfinished(catalog, counts):
        raise typer.Exit(130)  # what a shell says of a program that Ctrl-C ended


def _summary(counts: Counts) -> str:
    parts = [f"{counts.done} of {counts.rows} pictures"]
    parts += [f"{counts.failed} failed"] if counts.failed else []
    parts += [f"{counts.quarantined} quarantined"] if counts.quarantined else []
    parts += [f"{counts.running + counts.pending} still to make"] if counts.running + counts.pending else []
    parts += [f"{counts.seconds_per_row:.1f} s each"] if counts.seconds_per_row is not None else []
    parts += [f"{counts.extra_runs} made again after a loss"] if counts.extra_runs else []
    return ", ".join(parts)
