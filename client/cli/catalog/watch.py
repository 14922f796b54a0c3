"""``packshot catalog status --watch``: a run while it goes on."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...catalog.ledger.ledger import Ledger
from ..console import PrintableConsole

_PERIOD = 1.0  # seconds between two looks
_RECENT = 60.0  # seconds over which the pace is taken


def watch_run(folder: Path) -> None:
    """Show a run until nothing is left to make, or until Ctrl-C."""
    seen: list[tuple[float, int]] = []
    with (
        Ledger(folder, read_only=True) as ledger,
        Live(console=PrintableConsole(stderr=True), refresh_per_second=4) as live,
        contextlib.suppress(KeyboardInterrupt),
    ):
        while True:
            counts = ledger.counts()
            seen = [one for one in seen if time.monotonic() - one[0] < _RECENT] + [(time.monotonic(), counts.done)]
            live.update(_shown(ledger, seen))
            if counts.pending + counts.running == 0:
                return
            time.sleep(_PERIOD)


def _shown(ledger: Ledger, seen: list[tuple[float, int]]) -> RenderableType:
    counts = ledger.counts()
    over, made = seen[-1][0] - seen[0][0], seen[-1][1] - seen[0][1]
    pace = made / over * 60 if over else 0.0
    left = (counts.pending + counts.running) / pace if pace else None
    line = f"{counts.done} of {counts.rows} done, {counts.running} running, {counts.failed} failed"
    line += f", {counts.quarantined} quarantined, {counts.extra_runs} made again after a loss"
    speed = f"{pace:.1f} pictures a minute" + (f", about {left:.0f} min left" if left is not None else "")
    hosts = Table("host", "state", "pictures", "last fault", box=None, pad_edge=False)
    for host in ledger.hosts():
        fault = str(host.faults[-1]["reason"]) if host.faults else ""
        hosts.add_row(Text(host.url), host.state, str(host.made), Text(fault[:100]))
    over_all = counts.done + counts.failed + counts.quarantined
    bar = Table.grid()
    bar.add_row(ProgressBar(total=max(counts.rows, 1), completed=over_all, width=60))
    return Group(bar, Text(line), Text(speed), hosts)
