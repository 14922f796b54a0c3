"""The models folder of the ComfyUI that we keep, and what is fetched into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HostFailed
from ..models.cards import Card, load_card
from ..models.fetch import Mirror, Wanted, check_supported, fetch, look_for, survey
from ..models.hub import Hub
from ..models.licensing.licences import Decision, judge, load_profile, parts_of_card
from ..models.memory.advisor import choose
from ..models.memory.device import this_device
from .managed import ManagedHost


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model's files in a models folder.

    Attributes:
        card: of the model.
        folder: the models folder.
        files: those that were chosen, as they stood before.
        fetched: the paths of those that were missing and are there now.
        licence: what the licences say to the user's profile. To have a file is not to use it: it stops nothing.
    """

    card: Card
    folder: Path
    files: tuple[Wanted, ...]
    fetched: tuple[Path, ...]
    licence: Decision

    def state(self, file: Wanted) -> str:
        """Say how a file stands now: ``fetched``, ``present``, ``missing`` or ``differs``."""
        return "fetched" if file.path in self.fetched else file.state

    def as_dict(self) -> dict[str, Any]:
        """Give the model's entry in the answer of ``packshot models fetch --json``."""
        files = [
            {
                "title": item.component.title,
                "file": f"{item.component.folder}/{item.file.name}",
                "path": str(item.path),
                "precision": item.file.precision,
                "size": item.file.size,
                "state": self.state(item),
                "source": f"{item.file.repo}/{item.file.path}" if item.file.repo else None,
                "gated": item.file.gated,
            }
            for item in self.files
        ]
        return {"card": self.card.id, "files": files, "licence": self.licence.as_dict()}


def models_folder() -> Path:
    """Find the models folder of the managed host, which need not be installed yet."""
    host = ManagedHost()
    try:
        return host.models
    except HostFailed:
        return host.home / "models"


def fetch_model(
    card_id: str,
    *,
    precision: str | None = None,
    models: Path | None = None,
    mirror: Path | None = None,
    control: bool = False,
    dry_run: bool = False,
    progress: Callable[[str], None] | None = None,
) -> FetchedModel:
    """Fetch the files that a model needs into the folders that ComfyUI reads. What is there already stays as it is.

    An interrupted fetch, by Ctrl-C too, keeps what has come, and the next one goes on with it.

    Args:
        card_id: the id of the model's card.
        precision: ``bf16``, ``fp8`` and so on; by default what suits this machine.
        models: ComfyUI's models folder; by default :func:`models_folder`.
        mirror: take files from ``mirror/<owner>/<name>/<path>``, and use no network.
        control: fetch also what steers the model by edges or depth (ControlNets).
        dry_run: only find what would be fetched, and ask no one.
        progress: called with one line per step, and with what the licences say against a use.

    Raises:
        ModelMissing: there is no such card, or a file is not at the source, or not for this user.
        ModelCorrupt: a file in the folder is not the card's, or what was fetched is not, which is then removed.
        InputInvalid: no file has that precision, or ComfyUI has no code for the model.
        OutputUnwritable: too little space, no right to write, or another fetch is at work on the folder.
        HostUnreachable: the hub does not answer, or broke off again and again.
    """
    card, folder, say = load_card(card_id), models or models_folder(), progress or _silent
    check_supported(card)
    chosen = choose(card, this_device(), precision, lambda part, file: look_for(part, file, folder).state == "present")
    steering = {part: part.files[0] for part in card.controls} if control else {}
    files = survey(chosen | steering, folder)
    licence = judge(parts_of_card(card), load_profile(None))
    if licence.decision == "refuse":
        say(f"as things stand, runs will refuse {licence.summary()}")
        say(f"  what would change that: packshot models licence {card.id}")
    fetched: list[Path] = []
    if not dry_run:
        try:
            fetched = fetch(card, files, folder, Hub() if mirror is None else Mirror(mirror), say)
        except KeyboardInterrupt:
            say("stopped; the same command goes on with what has come so far")
            raise
    return FetchedModel(card, folder, tuple(files), tuple(fetched), licence)


def _silent(_line: str) -> None:
    """Progress for a caller who wants none."""
