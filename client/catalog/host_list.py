"""The hosts of a run, as its ledger has them; they come and go while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..comfy.http import HostAddress
from .ledger.ledger import Ledger
from .ledger.records import HostState


def list_hosts(folder: Path | str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[HostState]:
    """Read which hosts a run has, what they made and what went wrong with them; add and remove some while it runs.

    Args:
        add, remove: addresses of hosts that the run should use from now on, or leave.

    Raises:
        CatalogInvalid: there is no run, or its ledger is damaged.
        HostUnreachable: an address is none.
    """
    wishes = [(url, True) for url in add] + [(url, False) for url in remove]
    with Ledger(Path(folder), read_only=not wishes) as ledger:
        for url, use in wishes:
            ledger.want_host(HostAddress(url).url, use)
        return ledger.hosts()
