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
    with Ledger(Path(folder)) as ledger:
        for urls, wanted in ((add, True), (remove, False)):
            for url in urls:
                ledger.want_host(HostAddress(url).url, wanted)
        return ledger.hosts()
