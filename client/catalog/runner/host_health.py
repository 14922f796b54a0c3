"""What is to be done with a host, by what it lost, failed and made: a state machine without clock, thread or socket.

Its one policy for hosts that crash: after a loss rows go to the host alone, so that whoever kills it is known; it is
started again after pauses that grow; and it is given up after so many falls with no picture in between.
"""

from __future__ import annotations

DEPTH = 2  # jobs on the host at once: one runs, one waits, so that the host is never idle while a picture is fetched
STRIKES = 10  # rows that fail one after the other with no picture in between before the host is what is wrong
FALLS = 12  # times in a row that a host is lost, or does not come up, with no picture in between
RETURN = 120.0  # seconds that a host that we cannot start is given to come back
REST = 300.0  # seconds after which a host that was given up is given one more row
LONGEST_PAUSE = 30.0  # seconds between two starts
_PROBE, _PROBE_LAST = 0.5, 10.0  # seconds between two looks at a host that is away


class HostHealth:
    """The health of one host; every time that it takes or gives is in seconds by one steady clock of the caller's.

    Args:
        restartable: whether this process may start the host again.

    Attributes:
        falls: times in a row that it was lost, or did not come up, with no picture in between.
        strikes: rows in a row that it failed, with no picture in between.
    """

    def __init__(self, restartable: bool) -> None:
        self.falls = 0
        self.strikes = 0
        self._restartable = restartable
        self._struck_out = False
        self._starting = False  # it was started again, and has not answered yet
        self._away_since: float | None = None
        self._away_long = False
        self._probe = _PROBE
        self._ready_at = 0.0
        self._rest_until = 0.0

    # -- what happens ----------------------------------------------------------------------------------------------

    def landed(self) -> None:
        """It made a picture."""
        self.falls = self.strikes = 0
        self._struck_out = False

    def judged(self) -> None:
        """It ran a row to a picture, which a check refused."""
        self.strikes = 0

    def failed(self) -> None:
        """It failed a row, which may be the host's fault as much as the row's."""
        self.strikes += 1

    def lost(self, now: float) -> None:
        """It was lost with all that was under way on it."""
        self._fall(now)

    def strike_out(self, now: float) -> None:
        """It answers, and fails every row."""
        self.strikes = STRIKES - 1  # the next row tells
        self._struck_out = True
        self._rest_until = now + REST

    def starting(self) -> None:
        """It is started again now."""
        self._starting = True

    def silent(self, now: float) -> None:
        """It was looked at, and does not answer as a host does."""
        if self._starting:
            self._starting = False
            self._fall(now)
        if self._away_since is None:
            self._away_since, self._probe = now, _PROBE
        self._away_long = not self._restartable and now - self._away_since > RETURN
        self._ready_at = max(self._ready_at, now + (0.0 if self.may_start else self._probe))
        self._probe = min(self._probe * 1.5, _PROBE_LAST)

    def answered(self) -> None:
        """It was looked at, and can work."""
        self._starting = self._away_long = False
        self._away_since = None

    def _fall(self, now: float) -> None:
        self.falls += 1
        pause = 0.0 if self.falls == 1 else min(2.0 ** (self.falls - 2), LONGEST_PAUSE)
        self._ready_at = now + pause
        if self.given_up:
            self._rest_until = now + REST

    # -- what follows ----------------------------------------------------------------------------------------------

    @property
    def exhausted(self) -> bool:
        """Whether it fell too often."""
        return self.falls >= FALLS

    @property
    def given_up(self) -> bool:
        """Whether nothing is expected of it any more; it is looked at now and then all the same."""
        return self.exhausted or self._struck_out or self._away_long

    @property
    def may_start(self) -> bool:
        """Whether it is to be started again when it does not answer."""
        return self._restartable and not self.exhausted

    @property
    def struck(self) -> bool:
        """Whether it is to be struck out."""
        return self.strikes >= STRIKES

    @property
    def depth(self) -> int:
        """How many jobs it may have at once: one by one where it was lost, until it has made a picture again."""
        return 1 if self.falls or self.given_up else DEPTH

    @property
    def takes_risks(self) -> bool:
        """Whether it is tried with rows that hosts were lost with before all others are made.

        It has made a picture since it was last lost, so the next loss says something; and it can be started again. A
        host that only others can start may not come back: what it can make is made first.
        """
        return self._restartable and not self.falls

    def pause(self, now: float) -> float:
        """Seconds for which it is to be left alone; 0 when it is to be looked at."""
        return max(0.0, self._ready_at - now)

    def resting(self, now: float) -> bool:
        """Whether it begins no row for now, as it was given up, though it may answer."""
        return self.given_up and now < self._rest_until
