"""``packshot models``: the cards, what is in a file of weights, and what its licence allows."""

from __future__ import annotations

import typer

from ..lazy import lazy_group

COMMANDS = {
    "list": ("cards:list_cards", "List the models that Packshot knows, with licence, weights and defaults."),
    "show": (
        "cards:show",
        "Show a card: files with folder, size, licence and repository, defaults, and where each fact comes from.",
    ),
    "fetch": (
        "fetch:fetch",
        "Fetch the files that models need, into the folders that ComfyUI reads. What is there already stays as it is.",
    ),
    "licence": (
        "licence:licence",
        "Say whether models may be used as your licence profile says, with which duties, or why not. Not legal advice.",
    ),
    "inspect": (
        "files:inspect",
        "Show what a file's header says: tensors, dtypes, how its layers are quantised, metadata. No tensor is read.",
    ),
    "detect": (
        "files:detect",
        "Say which model a file is, or is for, from names and shapes in its header, and how sure that is.",
    ),
}

app = typer.Typer(
    cls=lazy_group(__package__, COMMANDS),
    no_args_is_help=True,
    help="Models: cards, licences, files and what is in them.",
)
