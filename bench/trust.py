"""Trust boundaries: how many hostile tables, hosts, pages, files and tamperings Packshot holds against.

    python bench/trust.py                   all rooms, one after the other; ComfyUI must be installed
    python bench/trust.py tables files      some of them
    python bench/trust.py --full            with those that take minutes or gigabytes
    python bench/trust.py --smoke           the first three of each room

Each room runs in a process of its own, whose memory is the peak of its resident set (Linux's VmHWM). A probe holds
where the input was refused with a slug, or did no harm, as docs/security.md promises. The exit code is 1 where one does
not hold; and, but for ``--smoke``, where one takes over 30 seconds or a room over 1 GB.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from _options import add_smoke

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

ROOMS = ("tables", "hosts", "pages", "tampering", "coordinator", "files")
SECONDS = 30.0  # for one probe
MEMORY = 1 << 30  # bytes, for one process
_FIRST = 3  # probes of a room with --smoke


@dataclass(frozen=True)
class Row:
    """A probe that ran: what it found, and how long it took."""

    name: str
    held: bool
    note: str
    seconds: float


def run_room(room: str, *, full: bool, smoke: bool) -> None:
    """Run the probes of a room in this process; print a line of JSON for each, and the peak memory at the end."""
    module = importlib.import_module(f"hostile.{room}")
    with tempfile.TemporaryDirectory(prefix="packshot-trust-") as folder:
        found = module.probes(Path(folder), full=full)
        begun = time.perf_counter()
        for probe in itertools.islice(found, _FIRST if smoke else None):
            row = Row(probe.name, probe.held, probe.note, time.perf_counter() - begun)
            print(json.dumps(asdict(row)), flush=True)
            begun = time.perf_counter()
        found.close()
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


def measure_room(room: str, words: list[str]) -> tuple[list[Row], int]:
    """Run a room in a process of its own; returns its rows, and its peak in bytes (0 where it did not end)."""
    command = [sys.executable, __file__, "--here", room, *words]
    rows, peak = [], 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            facts = json.loads(line)
            if "name" in facts:
                rows.append(Row(**facts))
                if not rows[-1].held or rows[-1].seconds > SECONDS:
                    print(f"  {room}: {rows[-1].name}: {rows[-1].note} ({rows[-1].seconds:.1f} s)", file=sys.stderr)
            else:
                peak = facts["peak"]
    return rows, peak if process.returncode == 0 else 0


def main() -> int:
    """Print a table of the rooms; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; all of them by default")
    parser.add_argument("--full", action="store_true", help="also those that take minutes or gigabytes")
    parser.add_argument("--here", metavar="ROOM", choices=ROOMS, help=argparse.SUPPRESS)
    add_smoke(parser)
    options = parser.parse_args()
    if options.here:
        run_room(options.here, full=options.full, smoke=options.smoke)
        return 0
    words = [word for word, wanted in (("--full", options.full), ("--smoke", options.smoke)) if wanted]
    missed = False
    print(f"{'room':<14}{'held':>12}{'longest':>12}{'memory':>12}")
    for room in options.rooms or ROOMS:
        rows, peak = measure_room(room, words)
        held, longest = sum(row.held for row in rows), max((row.seconds for row in rows), default=0.0)
        print(f"{room:<14}{f'{held} of {len(rows)}':>12}{f'{longest:.1f} s':>12}{f'{peak >> 20} MiB':>12}", flush=True)
        missed |= not rows or held < len(rows) or not peak
        missed |= not options.smoke and (longest > SECONDS or peak > MEMORY)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
