"""What waits to be made, and which of it a host gets next.

A host keeps to the model that it has loaded, because a change costs seconds to minutes. But pressure grows: whatever
has been passed over too often goes first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ...errors import PackshotError

PATIENCE = 100
"""How often the first item of a model may be passed over for others before it is served, warm host or not."""

Key = tuple[str, str]
"""Workflow and model: items that share it need the same weights."""


@dataclass(slots=True)
class _Line:
    """The items of one key, in the table's order, and how often they were passed over since one of them was taken."""

    waiting: deque[str] = field(default_factory=deque)
    passed: int = 0


@dataclass(frozen=True, slots=True)
class _Returned:
    item_id: str
    key: Key
    avoid: str
    suspect: bool


class Backlog:
    """The items to be made, shared by the threads of all hosts.

    Args:
        items: id, workflow and model of each, in the table's order.
        suspects: ids of those with which hosts were lost: they are made last.
    """

    def __init__(self, items: Iterable[tuple[str, str, str]], suspects: Collection[str] = ()) -> None:
        self.changed = threading.Condition()
        self._lines: dict[Key, _Line] = {}
        self._returned: deque[_Returned] = deque()
        self._warm: dict[str, Key] = {}
        self._live: set[str] = set()
        self._unfit: dict[tuple[str, Key], PackshotError] = {}
        for item_id, workflow, model in items:
            if item_id in suspects:
                self._returned.append(_Returned(item_id, (workflow, model), avoid="", suspect=True))
                continue
            self._lines.setdefault((workflow, model), _Line()).waiting.append(item_id)

    def __len__(self) -> int:
        with self.changed:
            return len(self._returned) + sum(len(line.waiting) for line in self._lines.values())

    def host_is_live(self, url: str, live: bool) -> None:
        """Whether a host takes items now. One that comes back may have another model loaded, or none."""
        with self.changed:
            (self._live.add if live else self._live.discard)(url)
            self._warm.pop(url, None)
            self.changed.notify_all()

    @property
    def live(self) -> frozenset[str]:
        """The hosts that take items now."""
        with self.changed:
            return frozenset(self._live)

    def refuse(self, url: str, workflow: str, model: str, error: PackshotError) -> None:
        """A host cannot run a workflow with these weights, and gets no more items of the kind."""
        with self.changed:
            self._unfit[url, (workflow, model)] = error
            self.changed.notify_all()

    def put_back(self, item_id: str, workflow: str, model: str, avoid: str = "", *, suspect: bool = False) -> None:
        """An item is to be made after all, on another host than ``avoid`` if there is one.

        Args:
            suspect: hosts were lost with it.
        """
        with self.changed:
            self._returned.append(_Returned(item_id, (workflow, model), avoid, suspect))
            self.changed.notify_all()

    def take(self, url: str, *, risky: bool = False) -> str | None:
        """The item that a host should make next; None when there is none for it now.

        Args:
            risky: whether items with which hosts were lost go before all others, and not after them.
        """
        with self.changed:
            fitting = [returned for returned in self._returned if self._fits(url, returned.key)]
            suspects = [returned for returned in fitting if returned.suspect]
            # What went wrong here before comes late: if it is the host's fault, that has shown by now.
            again = [returned for returned in fitting if not self._elsewhere(url, returned)]
            first = [returned for returned in fitting if not returned.suspect and returned.avoid != url]
            if risky:
                first = [*(returned for returned in again if returned.suspect), *first]
            if first:
                return self._take_returned(url, first[0])
            key = self._choose(url)
            if key is None:
                last = [returned for returned in again if not returned.suspect]
                last += [returned for returned in suspects if returned.avoid != url]
                last += again
                return self._take_returned(url, last[0]) if last else None
            self._serve(url, key)
            line = self._lines[key]
            item_id = line.waiting.popleft()
            if not line.waiting:
                del self._lines[key]
            return item_id

    def stuck(self, urls: Collection[str]) -> PackshotError | None:
        """Why nothing of what waits can be made: each of these hosts has refused all of it. None while one may."""
        with self.changed:
            waiting = {*self._lines, *(returned.key for returned in self._returned)}
            refusals = [self._unfit.get((url, key)) for key in waiting for url in urls]
            return refusals[0] if refusals and all(refusals) else None

    def _take_returned(self, url: str, returned: _Returned) -> str:
        self._returned.remove(returned)
        self._serve(url, returned.key)
        return returned.item_id

    def _fits(self, url: str, key: Key) -> bool:
        return (url, key) not in self._unfit

    def _elsewhere(self, url: str, returned: _Returned) -> bool:
        """Whether a host should leave an item that went wrong on it to another one."""
        return returned.avoid == url and any(self._fits(other, returned.key) for other in self._live - {url})

    def _choose(self, url: str) -> Key | None:
        lines = {key: line for key, line in self._lines.items() if self._fits(url, key)}
        if not lines:
            return None
        pressed = max(lines, key=lambda key: lines[key].passed)
        if lines[pressed].passed >= PATIENCE:
            return pressed
        warm = self._warm.get(url)
        if warm in lines:
            return warm
        # A model that no other host works on first, then the one with the most items for each host; the table's order
        # decides between equals.
        hosts = {key: sum(other == key for other in self._warm.values()) for key in lines}
        return max(lines, key=lambda key: len(lines[key].waiting) / (hosts[key] + 1))

    def _serve(self, url: str, key: Key) -> None:
        self._warm[url] = key
        for other, line in self._lines.items():
            line.passed = 0 if other == key else line.passed + 1
