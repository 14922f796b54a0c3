"""``packshot models``: the cards, what is in a file of weights, and what its licence allows."""

from __future__ import annotations

import typer

from . import cards, fetch, files, licence

app = typer.Typer(no_args_is_help=True, help="Models: cards, licences, files and what is in them.")
app.command("list")(cards.list_cards)
app.command("show")(cards.show)
app.command("fetch")(fetch.fetch)
app.command("licence")(licence.licence)
app.command("inspect")(files.inspect)
app.command("detect")(files.detect)
