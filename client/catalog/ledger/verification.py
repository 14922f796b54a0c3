"""What a picture says of itself, and whether the run that made it agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...provenance.reading import Account, read_account
from .agreement import agreement


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of a picture.

    Attributes:
        account: what it says of itself: marking, manifest, recipe.
        ledger: whether a run's ledger and audit agree, see :func:`~.agreement.agreement`; None: no run was asked.
    """

    account: Account
    ledger: Mapping[str, Any] | None

    @property
    def ok(self) -> bool:
        """Whether all of it holds."""
        return not self.account.problems and (self.ledger is None or bool(self.ledger["agrees"]))

    def as_dict(self) -> dict[str, Any]:
        """Give the answer of ``packshot verify --json``."""
        return {**self.account.as_dict(), "ledger": self.ledger, "ok": self.ok}


def verify_image(image: str | Path, run: str | Path | None = None) -> Verification:
    """Read what a picture says of itself, whether that holds, and whether a run agrees.

    Args:
        run: the folder of a catalogue run, whose ledger and audit are asked too.

    Raises:
        PhotographInvalid: it is no picture that can be looked at.
        CatalogInvalid: there is no run in the folder.
    """
    account = read_account(Path(image))
    recipe = account.statement.recipe if account.statement else {}
    return Verification(account, agreement(Path(run), Path(image), account.sha256, recipe) if run else None)
