"""``packshot lora train`` and ``export-config``: train on a host, or write the configuration of another trainer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...comfy.events import Event, NodeProgress, Queued
from ...run.training import export_config as write_config
from ...run.training import train_lora
from ..common import HeaderOption, HostOption, JsonOption, ProfileOption, echo, pairs, say
from ..console import PrintableConsole
from .options import (
    AccumulationOption,
    AlphaOption,
    BaseOption,
    BatchOption,
    CheckpointsOption,
    DropoutOption,
    EmaOption,
    FolderArgument,
    HeldOption,
    RankOption,
    RateOption,
    ResolutionOption,
    SamplesOption,
    SamplingOption,
    ScheduleOption,
    SeedOption,
    ShiftOption,
    StepsOption,
    TargetsOption,
    TriggerOption,
    WarmupOption,
)


def train(
    folder: FolderArgument,
    trigger: TriggerOption,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.safetensors",
            help="Where the LoRA goes; its name on the host. A finished one is never written over.",
        ),
    ],
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
    anew: Annotated[
        bool, typer.Option("--anew", help="Forget an earlier run of this name; its finished LoRA stays.")
    ] = False,
    host: HostOption = None,
    header: HeaderOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the pictures, send them to a host, train there, and bring the LoRA back.

    The same command goes on where it was stopped: by Ctrl-C, a kill, or a power cut. With more --steps a finished
    training goes on, in a new file. The host's LoRA loaders see the file at once.
    For example: packshot lora train photos --trigger kilnharbor --brand kilnharbor --out kiln.safetensors
    """
    with _job_bar() as show_event:
        trained = train_lora(
            folder, trigger, out, base=base, brand=brand, profile=profile, validation_fraction=held_out,
            anew=anew, host=host, headers=pairs(header, ":"), progress=say, on_event=show_event, steps=steps,
            learning_rate=learning_rate, rank=rank, alpha=alpha, targets=targets, schedule=schedule, warmup=warmup,
            batch_size=batch_size, accumulation=accumulation, resolution=resolution, shift=shift, seed=seed,
            timestep_sampling=timestep_sampling, caption_dropout=caption_dropout, ema_decay=ema_decay,
            validation_interval=validation_interval, sample_interval=sample_interval,
            checkpoint_interval=checkpoint_interval,
        )  # fmt: skip
    echo(json.dumps(trained.as_dict(), ensure_ascii=False) if as_json else str(trained.file))


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
    files = write_config(
        folder, trigger, trainer, out, base=base, name=name, steps=steps, learning_rate=learning_rate, rank=rank,
        alpha=alpha, schedule=schedule, warmup=warmup, batch_size=batch_size, accumulation=accumulation,
        resolution=resolution, caption_dropout=caption_dropout, ema_decay=ema_decay, seed=seed,
    )  # fmt: skip
    names = [str(file) for file in files]
    echo(json.dumps({"files": names}) if as_json else "\n".join(names))


@contextlib.contextmanager
def _job_bar() -> Iterator[Callable[[Event], None]]:
    """A bar of the job's progress on standard error, from its first event on: gives a function that takes events."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=PrintableConsole(stderr=True), transient=True)
    task = progress.add_task("submitted", total=None)

    def show(event: Event) -> None:
        progress.start()
        if isinstance(event, Queued):
            progress.update(task, description=f"waiting behind {event.position}")
        elif isinstance(event, NodeProgress):
            progress.update(task, description=event.title, completed=event.value, total=event.maximum)

    try:
        yield show
    finally:
        if progress.live.is_started:
            progress.stop()
