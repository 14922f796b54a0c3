"""``packshot models fetch``: what models need and the models folder lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common import JsonOption, say

if TYPE_CHECKING:
    from ...models.cards import Card, Control
    from ...models.fetch import Wanted


def fetch(
    cards: Annotated[list[str], typer.Argument(metavar="CARD…", help="Ids of models; see `packshot models list`.")],
    precision: Annotated[
        str | None, typer.Option(help="bf16, fp8 and so on. By default, what suits this machine.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="ComfyUI's models folder. By default, that of the host that Packshot manages.")
    ] = None,
    mirror: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take files from DIR/<owner>/<name>/<path>, and use no network."),
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Also what steers the models by edges or depth (ControlNets).")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and ask no one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the files that models need, into the folders that ComfyUI reads. What is there already stays as it is."""
    from ...models.cards import load_card
    from ...models.fetch import Mirror, check_supported, look_for, survey
    from ...models.fetch import fetch as fetch_files
    from ...models.hub import Hub
    from ...models.memory.advisor import choose
    from ...models.memory.device import this_device

    folder = models_folder(models)
    device = this_device()
    source = Hub() if mirror is None else Mirror(mirror)
    answers = []
    for card in [load_card(name) for name in dict.fromkeys(cards)]:
        check_supported(card)
        chosen = choose(card, device, precision, lambda part, file: look_for(part, file, folder).state == "present")
        steering: list[Control] = list(card.controls) if control else []
        wanted = survey(chosen | {part: part.files[0] for part in steering}, folder)
        licence = _licence(card)
        fetched: list[Path] = []
        if not dry_run:
            try:
                fetched = fetch_files(card, wanted, folder, source, say)
            except KeyboardInterrupt:
                say("stopped; the same command goes on with what has come so far")
                raise
        answers.append(_answer(card, wanted, fetched, licence))
        if not as_json:
            _show(card, wanted, fetched, folder)
    if as_json:
        typer.echo(json.dumps({"models": str(folder), "cards": answers}, ensure_ascii=False))


def models_folder(given: Path | None) -> Path:
    """The models folder that was named, or that of the managed host, which need not be installed yet."""
    from ...errors import HostFailed
    from ...host.managed import ManagedHost

    if given is not None:
        return given
    host = ManagedHost()
    try:
        return host.models
    except HostFailed:
        return host.home / "models"


def _licence(card: Card) -> dict[str, Any]:
    """What the licences say to the user's profile. It is said and stops nothing: to have a file is not to use it."""
    from ...models.licensing.licences import judge, load_profile, parts_of_card

    decision = judge(parts_of_card(card), load_profile(None))
    if decision.decision == "refuse":
        say(f"as things stand, runs will refuse {decision.summary()}")
        say(f"  what would change that: packshot models licence {card.id}")
    return decision.as_dict()


def _show(card: Card, wanted: list[Wanted], fetched: list[Path], folder: Path) -> None:
    from ...models.fetch import size_text

    typer.echo(f"{card.id} in {folder}")
    for item in wanted:
        state = "fetched" if item.path in fetched else item.state
        size = size_text(item.file.size) if item.file.size else "size unknown"
        gated = "  (asks for an accepted licence and a token)" if item.file.gated and state == "missing" else ""
        typer.echo(f"  {state:8} {item.component.folder}/{item.file.name}  {item.file.precision}  {size}{gated}")


def _answer(card: Card, wanted: list[Wanted], fetched: list[Path], licence: dict[str, Any]) -> dict[str, Any]:
    files = [
        {
            "title": item.component.title,
            "file": f"{item.component.folder}/{item.file.name}",
            "path": str(item.path),
            "precision": item.file.precision,
            "size": item.file.size,
            "state": "fetched" if item.path in fetched else item.state,
            "source": f"{item.file.repo}/{item.file.path}" if item.file.repo else None,
            "gated": item.file.gated,
        }
        for item in wanted
    ]
    return {"card": card.id, "files": files, "licence": licence}
