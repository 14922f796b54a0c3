"""``packshot lora``: check a data set, train on it, or write the configuration of another trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common import HeaderOption, HostOption, JsonOption, ProfileOption, connect, say
from .files import add_to

if TYPE_CHECKING:
    from ...brand.dataset.dataset import Report
    from ...brand.training.recipe import Recipe
    from ...comfy.job import Job

app = typer.Typer(
    help="LoRA files: look into them, join, shrink, convert and stamp them; and train new ones.", no_args_is_help=True
)
dataset = typer.Typer(help="Pictures to train on.", no_args_is_help=True)
app.add_typer(dataset, name="dataset")
add_to(app)

_SOME_FAILED = 3

FolderArgument = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of pictures and captions.")]
TriggerOption = Annotated[str, typer.Option(help="The invented word that stands in every caption.")]
BaseOption = Annotated[str, typer.Option(help="Card of the model to train for; see `packshot models list`.")]
ResolutionOption = Annotated[
    int | None, typer.Option(help="Side in pixels of the square whose area is trained; by default the model's own.")
]
HeldOption = Annotated[float, typer.Option(help="Share of the products that is held back to judge by, 0 to 0.5.")]
StepsOption = Annotated[int, typer.Option(help="Updates of the weights.")]
RateOption = Annotated[float, typer.Option(help="Learning rate at its height.")]
RankOption = Annotated[int, typer.Option(help="How much the LoRA can learn, and its size.")]
AlphaOption = Annotated[float | None, typer.Option(help="Scales the LoRA by alpha / rank; by default the rank.")]
ScheduleOption = Annotated[str, typer.Option(help="constant, cosine or linear.")]
WarmupOption = Annotated[int, typer.Option(help="Steps in which the learning rate rises.")]
BatchOption = Annotated[int, typer.Option(help="Pictures at once.")]
AccumulationOption = Annotated[int, typer.Option(help="Batches for one step.")]
SamplingOption = Annotated[str, typer.Option(help="Noise levels: logit-normal or uniform.")]
ShiftOption = Annotated[float, typer.Option(help="Of the noise levels; 0: the model's own.")]
DropoutOption = Annotated[float, typer.Option(help="Share of pictures trained without their caption.")]
EmaOption = Annotated[float, typer.Option(help="Decay of the average of the weights; 0: none.")]
SeedOption = Annotated[int, typer.Option(help="Of everything random.")]
TargetsOption = Annotated[str, typer.Option(help="Patterns of layers, with commas; attention and MLP by default.")]
CheckpointsOption = Annotated[int, typer.Option(help="Steps between checkpoints; 0: only at the end.")]
SamplesOption = Annotated[int, typer.Option(help="Steps between sample grids; 0: only at the end.")]


@dataset.command("check")
def check(
    folder: FolderArgument,
    trigger: TriggerOption,
    base: BaseOption = "starter",
    resolution: ResolutionOption = None,
    held_out: HeldOption = 0.1,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with a folder of training pictures. Exits with 3 when it may not be trained on."""
    report = _check(folder, trigger, base, resolution, held_out)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        for fault in report.faults:
            typer.echo(f"{fault.severity:7} {fault.picture or 'the whole set'}: {fault.message} ({fault.id})")
            typer.echo(f"        → {fault.remedy}")
        counts = report.as_dict()
        typer.echo(f"{counts['train']} pictures to train on, {counts['validation']} to judge by")
        typer.echo("ready" if report.ok else "not ready")
    if not report.ok:
        raise typer.Exit(_SOME_FAILED)


@app.command()
def train(
    folder: FolderArgument,
    trigger: TriggerOption,
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="Where the LoRA goes; its name on the host.")],
    base: BaseOption = "starter",
    brand: Annotated[Path | None, typer.Option(metavar="KIT", help="Brand kit that the LoRA is for.")] = None,
    steps: StepsOption = 500,
    learning_rate: RateOption = 2e-4,
    rank: RankOption = 16,
    alpha: AlphaOption = None,
    resolution: ResolutionOption = None,
    seed: SeedOption = 0,
    batch_size: BatchOption = 1,
    accumulation: AccumulationOption = 1,
    schedule: ScheduleOption = "cosine",
    warmup: WarmupOption = 20,
    timestep_sampling: SamplingOption = "logit-normal",
    shift: ShiftOption = 0.0,
    caption_dropout: DropoutOption = 0.05,
    ema_decay: EmaOption = 0.0,
    held_out: HeldOption = 0.1,
    validation_interval: Annotated[int, typer.Option(help="Steps between looks at what is held back.")] = 100,
    sample_interval: SamplesOption = 0,
    checkpoint_interval: CheckpointsOption = 50,
    targets: TargetsOption = "",
    anew: Annotated[bool, typer.Option("--anew", help="Forget an earlier run of this name.")] = False,
    host: HostOption = None,
    header: HeaderOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the pictures, send them to a host, train there, and bring the LoRA back.

    The same command goes on where it was stopped: by Ctrl-C, a kill, or a power cut. The host's LoRA loaders see the
    file at once. For example: packshot lora train photos --trigger kilnharbor --brand kilnharbor --out kiln.safetensors
    """
    from ...brand.kit import BrandKit
    from ...brand.training.recipe import read_targets
    from ...models.cards import load_card
    from ...models.licensing.licences import judge, load_profile, parts_of_card

    recipe = _recipe(
        trigger=trigger, steps=steps, learning_rate=learning_rate, rank=rank, alpha=rank if alpha is None else alpha,
        targets=read_targets(targets), schedule=schedule, warmup=warmup, batch_size=batch_size,
        accumulation=accumulation, resolution=_side(base, resolution), timestep_sampling=timestep_sampling, shift=shift,
        caption_dropout=caption_dropout, ema_decay=ema_decay, validation_interval=validation_interval,
        sample_interval=sample_interval, checkpoint_interval=checkpoint_interval, seed=seed,
    )  # fmt: skip
    judge(parts_of_card(load_card(base)), load_profile(profile)).enforce(base)
    kit = BrandKit.load(brand) if brand is not None else None
    report = _check(folder, trigger, base, resolution, held_out)
    for fault in report.faults:
        say(f"{fault.severity}: {fault.picture or 'the whole set'}: {fault.message} ({fault.id})")
    report.require()
    own = {"brand": kit.name if kit else "", "brand_kit": kit.hash if kit else ""}
    own |= {"resume": "start anew" if anew else "auto", "targets": targets}
    answer = _train(report, recipe, base, own, out, host, header)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        typer.echo(answer["file"])


def _train(
    report: Report,
    recipe: Recipe,
    base: str,
    own: dict[str, Any],
    out: Path,
    host: str | None,
    header: list[str] | None,
) -> dict[str, Any]:
    """Send, train, fetch; the object that ``packshot lora train --json`` prints."""
    import dataclasses
    import tempfile

    from ...paths import atomic_write
    from ...run.training import send_dataset, training_workflow

    with connect(host, header) as client, tempfile.TemporaryDirectory() as scratch:
        sent = send_dataset(client.api, report.dataset, lambda: None)
        values = dataclasses.asdict(recipe) | own | {"base": base, "dataset": sent, "output_name": out.stem}
        job = client.submit(training_workflow(), **values)
        try:
            _watch(job)
            result = job.result(out=scratch)
        except KeyboardInterrupt:
            job.cancel()
            say("stopped; the same command goes on where it stood")
            raise
        lora = next(output for output in result.outputs if output.kind == "file")
        with atomic_write(out) as file:
            file.write(lora.read())
        grid = None
        for output in result.outputs:
            if output.kind == "image":
                grid = out.with_suffix(output.file.suffix)
                with atomic_write(grid) as file:
                    file.write(output.read())
        notes = [output.read().decode() for output in result.outputs if output.kind == "text"]
    return {
        "file": str(out),
        "sha256": lora.sha256,
        "name_on_host": f"{out.stem}.safetensors",
        "samples": str(grid) if grid else None,
        "job": result.job,
        "host": result.host,
        "seconds": result.seconds,
        "dataset": report.dataset.hash,
        "notes": notes,
    }


@app.command("export-config")
def export_config(
    folder: FolderArgument,
    trigger: TriggerOption,
    trainer: Annotated[str, typer.Option(help="ai-toolkit, musubi-tuner or sd-scripts.")],
    base: BaseOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the configuration.")] = Path(),
    name: Annotated[str, typer.Option(help="Of the LoRA.")] = "my-brand",
    steps: StepsOption = 500,
    learning_rate: RateOption = 2e-4,
    rank: RankOption = 16,
    alpha: AlphaOption = None,
    resolution: ResolutionOption = None,
    seed: SeedOption = 0,
    batch_size: BatchOption = 1,
    accumulation: AccumulationOption = 1,
    schedule: ScheduleOption = "cosine",
    warmup: WarmupOption = 20,
    caption_dropout: DropoutOption = 0.05,
    ema_decay: EmaOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Write an equivalent configuration for another trainer, after the same check of the pictures."""
    from ...brand.training.exports import TRAINERS, export
    from ...errors import InputInvalid
    from ...paths import write_text

    if trainer not in TRAINERS:
        raise InputInvalid(
            f"there is no trainer '{trainer}'", place="option 'trainer'", remedy=f"known: {', '.join(TRAINERS)}"
        )
    recipe = _recipe(
        trigger=trigger, steps=steps, learning_rate=learning_rate, rank=rank, alpha=rank if alpha is None else alpha,
        schedule=schedule, warmup=warmup, batch_size=batch_size, accumulation=accumulation,
        resolution=_side(base, resolution), caption_dropout=caption_dropout, ema_decay=ema_decay, seed=seed,
    )  # fmt: skip
    checked = _check(folder, trigger, base, resolution, 0.0).require()
    files = export(trainer, base, name, recipe, str(checked.folder.absolute()))
    for file, text in files.items():
        write_text(out / file, text)
    if as_json:
        typer.echo(json.dumps({"files": [str(out / file) for file in files]}))
    else:
        for file in files:
            typer.echo(str(out / file))


def _recipe(**values: Any) -> Recipe:
    from ...brand.training.recipe import Recipe

    return Recipe(**values)


def _side(base: str, given: int | None) -> int:
    """The resolution that was given, or the model's own."""
    from ...brand.training.recipe import native_side
    from ...models.cards import load_card

    return given or native_side(load_card(base))


def _check(folder: Path, trigger: str, base: str, resolution: int | None, held_out: float) -> Report:
    from ...brand.dataset.dataset import check_dataset
    from ...brand.training.recipe import token_limit
    from ...models.cards import load_card

    card = load_card(base)
    return check_dataset(
        folder,
        trigger,
        resolution=_side(base, resolution),
        step=card.resolution.step,
        tokens=token_limit(card),
        validation_fraction=held_out,
    )


def _watch(job: Job) -> None:
    """Show the run's progress until it is over."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ...comfy.events import NodeProgress, Queued

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("submitted", total=None)
        for event in job.events():
            if isinstance(event, Queued):
                progress.update(task, description=f"waiting behind {event.position}")
            elif isinstance(event, NodeProgress):
                progress.update(task, description=event.title, completed=event.value, total=event.maximum)
