"""``packshot workflow``: the workflows of the library and the user's own, and their releases."""

from __future__ import annotations

import typer

from ..lazy import lazy_group

COMMANDS = {
    "list": ("library:list_workflows", "List the library."),
    "show": (
        "library:show",
        "Show a workflow's inputs with their types, ranges and defaults, which the host's nodes define.",
    ),
    "convert": (
        "convert:convert",
        "Convert workflows from the canvas's format to the API's, as the canvas itself would submit them.",
    ),
    "check": (
        "check:check",
        "Say all that is wrong with workflows at once: nodes, models, values, links, inputs, App Mode, releases.",
    ),
    "diff": ("release:diff", "Say what changed between two versions, by meaning: layout does not count."),
    "bump": (
        "release:bump",
        "Release a workflow as it now is: the changes since the last release decide its version, and it is frozen.",
    ),
    "lock": (
        "lock:lock",
        "Note what a host has of what a workflow runs on, beside its release: `run` refuses where that differs.",
    ),
    "migrate": (
        "migrate:migrate",
        "Replace the nodes that the host no longer has, where it names others that take their place.",
    ),
}

app = typer.Typer(
    cls=lazy_group(__package__, COMMANDS),
    no_args_is_help=True,
    help="The workflows that ship with Packshot, and your own.",
)
