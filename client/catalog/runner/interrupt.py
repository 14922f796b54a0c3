"""Ctrl-C while a catalogue runs: the first one drains the run, a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .scheduler import Scheduler


@contextmanager
def draining(scheduler: Scheduler, notice: Callable[[str], None]) -> Iterator[None]:
    """Drain a run at the first Ctrl-C, also in the background, where a shell has it ignored.

    Only a program's main thread is sent signals; in any other one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def drain(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        notice("what is under way is brought home; Ctrl-C again ends at once")
        scheduler.drain("stopped by Ctrl-C")

    before = signal.signal(signal.SIGINT, drain)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
