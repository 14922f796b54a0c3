"""``packshot brand``: a brand kit, from the first colour to one that is approved."""

from __future__ import annotations

import typer

from ..lazy import lazy_group

COMMANDS = {
    "new": (
        "kit:new",
        "Begin a kit: write brand.yaml, with a comment for what is still to be filled in, and copy the logo beside it.",
    ),
    "check": (
        "check:check",
        "Look for what is wrong or doubtful: files and their hashes, colours, LoRAs, licences, approvals.",
    ),
    "show": ("kit:show", "Show what a kit says, with its defaults."),
    "hash": ("kit:hash_", "Print the kit's hash: what an approval names, and what the record of a picture has."),
    "diff": ("kit:diff", "Say what differs between two kits, field by field."),
}

app = typer.Typer(
    cls=lazy_group(__package__, COMMANDS),
    no_args_is_help=True,
    help="Brand kits: colours, words, logos, LoRAs and rules of a brand.",
)
