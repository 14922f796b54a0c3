"""``packshot lora``: what is in LoRA files, new ones made of them, and new ones trained."""

from __future__ import annotations

import typer

from ..lazy import lazy_group

COMMANDS = {
    "inspect": (
        "files:inspect",
        "Say what LoRA files are: base, layout, algorithm, rank, alpha, trigger words, metadata and hashes.",
    ),
    "compare": (
        "files:compare",
        "Say whether two LoRAs fight over the same directions, and in which blocks of the model.",
    ),
    "merge": ("files:merge", "Write one LoRA that adds what several add, each at its strength."),
    "resize": ("files:resize", "Write the nearest LoRA of a lower rank, and say what it loses."),
    "convert": (
        "files:convert",
        "Write a LoRA in another dtype or in the names of other tools.",
    ),
    "stamp": (
        "files:stamp",
        "Write ModelSpec metadata into a LoRA. Its tensors, and so its AutoV3 hash, stay as they are.",
    ),
    "train": ("train:train", "Check the pictures, send them to a host, train there, and bring the LoRA back."),
    "export-config": (
        "train:export_config",
        "Write an equivalent configuration for another trainer, after the same check of the pictures.",
    ),
    "dataset": ("dataset:app", "Pictures to train on."),
}

app = typer.Typer(
    cls=lazy_group(__package__, COMMANDS),
    no_args_is_help=True,
    help="LoRA files: look into them, join, shrink, convert and stamp them; and train new ones.",
)
