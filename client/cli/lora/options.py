"""What the commands that train share: the pictures, the model and the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
