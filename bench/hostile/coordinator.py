"""Coordinators that are killed, stopped or taken over, and rows that kill hosts: nothing is lost or made twice."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from _catalog_kills import bench_kills
from _write_kills import Fuse, lay
from campaigns.simulate import Broken, Coordinator, Simulation, scratch_folder, simulate_many

from packshot.catalog.ledger.lease import where_pids_count
from packshot.catalog.ledger.ledger import FILE_NAME, Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.errors import HostLost, PackshotError

from .probe import Probe

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("good", "large", "dull", "ugly", "bad")  # of rows, so that every write of a run happens
STEPS, ALL_STEPS = 20_000, 1_000_000
REAL_KILLS = 1000
PLANNED = 20_000  # rows whose plan fills the ledger's log


def probes(folder: Path, *, full: bool = False) -> Iterator[Probe]:
    """Give each attack, and whether the run held; with ``full`` also those on real hosts, which take hours."""
    yield _simulated(ALL_STEPS if full else STEPS)
    yield _killed_inside_writes(runs=3 if full else 1)
    yield _poison("two-rows-kill-a-managed-host", ("poison", "good", "good", "poison", "good"))
    yield _hopeless()
    yield _log_of_a_plan(folder / "plan")
    yield _other_namespace()
    if full:
        yield _on_real_hosts()
        yield _real_kills()


def _simulated(steps: int) -> Probe:
    try:
        total = simulate_many(random.SystemRandom().randrange(2**32), steps)
    except Broken as error:
        return Probe("simulated-faults", False, str(error).splitlines()[-1])
    faults = ("killed", "power lost", "taken over", "host killed")
    note = ", ".join(f"{total[fault]} {fault}" for fault in faults)
    return Probe("simulated-faults", True, f"{total['steps']:,} steps of {total['seeds']:,} seeds: {note}")


def killed_inside_writes(runs: int = 1) -> Counter[str]:
    """Kill a process with SIGKILL at its first write, its second and so on, up to the end of a run.

    Each time a next process goes on with what lies on disk, and the run is checked when it has ended.

    Args:
        runs: seeds, each with a run of its own.

    Returns:
        How many kills fell where.

    Raises:
        Broken: an invariant does not hold.
    """
    places: Counter[str] = Counter()
    with scratch_folder() as scratch:
        log = scratch / "places"
        for seed in range(runs):
            writes, kills = 0, sum(places.values())
            while sum(places.values()) == kills + writes:
                writes += 1
                run = scratch / "run"
                run.mkdir()
                child = os.fork()
                if not child:
                    _be_killed(seed, run, scratch, Fuse(log), writes)
                os.waitpid(child, 0)
                _simulation(runs + seed, run, scratch, KINDS).run()
                shutil.rmtree(run)
                places = Counter(log.read_text().splitlines())
    return places


def _be_killed(seed: int, run: Path, scratch: Path, fuse: Fuse, writes: int) -> None:
    """Work on a run until the fuse has burnt down, or to its end; does not return."""
    try:
        simulation = _simulation(seed, run, scratch, KINDS)
        with simulation.in_place():
            lay(fuse)
            fuse.light(writes)
            Coordinator(simulation).work_through()
    finally:
        os._exit(0)  # the child of a fork runs nothing else of its parent


def _simulation(seed: int, run: Path, scratch: Path, kinds: Sequence[str]) -> Simulation:
    """A run on one managed host on which nothing goes wrong by chance."""
    simulation = Simulation(seed, run, scratch, kinds)
    simulation.calm_after = 0
    simulation.hosts = {url: host for url, host in simulation.hosts.items() if url == "h0"}
    simulation.hosts["h0"].restartable = True
    return simulation


def _killed_inside_writes(runs: int) -> Probe:
    try:
        places = killed_inside_writes(runs)
    except Broken as error:
        return Probe("killed-inside-writes", False, str(error).splitlines()[-1])
    note = ", ".join(f"{count} {place}" for place, count in places.most_common())
    return Probe("killed-inside-writes", True, f"{sum(places.values())} kills, 0 lost, 0 twice: {note}")


def _poison(name: str, kinds: Sequence[str]) -> Probe:
    """Rows that kill their host fail, and their neighbours are made."""
    with scratch_folder() as scratch:
        run = scratch / "run"
        run.mkdir()
        try:
            _simulation(0, run, scratch, kinds).run()
        except Broken as error:
            return Probe(name, False, str(error).splitlines()[-1])
    return Probe(name, True, f"{kinds.count('poison')} rows failed alone, {kinds.count('good')} were made")


def _hopeless() -> Probe:
    """A host that every row kills ends the run with an error, and no row is blamed."""
    with scratch_folder() as scratch:
        run = scratch / "run"
        run.mkdir()
        simulation = _simulation(0, run, scratch, ("poison",) * 20)
        with simulation.in_place():
            coordinator = Coordinator(simulation)
            try:
                coordinator.work_through()
                held, note = False, "the run ended without an error"
            except PackshotError as error:
                held, note = isinstance(error, HostLost), f"[{error.slug}], exit code {error.exit_code}"
            coordinator.close()
        with Ledger(run) as ledger:
            failed = ledger.counts().failed
    return Probe("every-row-kills-its-host", held and not failed, f"{note}; {failed} rows blamed")


def _log_of_a_plan(folder: Path) -> Probe:
    plan = Plan(tuple(_item(number) for number in range(PLANNED)), ())
    with Ledger(folder, create=True) as ledger:
        write_plan(ledger, plan)
        size = (folder / f"{FILE_NAME}-wal").stat().st_size
    return Probe("log-of-a-large-plan", size == 0, f"{size} bytes after {PLANNED:,} rows")


def _item(number: int) -> Item:
    name = f"S{number}"
    return Item(
        sku=name, variant="", item_id=name, title=name, name=name, inputs={"prompt": "a mug " * 50}, seed=number,
        place=f"row {number}", source={},
    )  # fmt: skip


def _other_namespace() -> Probe:
    code = "from packshot.catalog.ledger.lease import where_pids_count; print(where_pids_count())"
    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Probe("owner-in-another-pid-namespace", True, "not tried: this machine makes no namespaces")
    differs = ended.stdout.strip() != where_pids_count()
    return Probe("owner-in-another-pid-namespace", differs, "its number is not looked for here")


def _on_real_hosts() -> Probe:
    words = ["-m", "pytest", "-q", "-n0", "tests/campaigns/test_killed_host.py", "-k", "kill"]
    ended = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return Probe("rows-that-kill-real-hosts", ended.returncode == 0, ended.stdout.strip().splitlines()[-1])


def _real_kills() -> Probe:
    try:
        bench_kills(REAL_KILLS, [], "local")
    except AssertionError as error:
        return Probe("kills-on-real-hosts", False, str(error)[:200])
    return Probe("kills-on-real-hosts", True, f"{REAL_KILLS} kills, 0 lost, 0 twice")
