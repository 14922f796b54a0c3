"""The gate between a host's picture and a catalogue: measured, made again with another seed, or kept out.

A picture that fails goes to ``quarantine/``, so that ``pictures/`` holds nothing but what passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...brand import BrandKit
from ...errors import ChecksFailed
from ...quality.channels import Channel
from ...run.channel import ChannelCheck, failures_of
from ..ledger.records import StoredItem

QUARANTINE = "quarantine"
RETRIES = 2  # seeds that are tried after an item's own, where nothing else is said

#: What becomes of a picture that was judged.
Decision = Literal["accept", "retry", "quarantine"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate said of one picture.

    Attributes:
        decision: ``retry``: it failed, and another seed may do better.
        reasons: the reason codes of all that failed, each once.
        scores: every check as ``packshot check --json`` has it.
        failed: the failures in words, such as ``product-too-small (product.fill-side 0.41, at least 0.85)``.
    """

    decision: Decision
    reasons: tuple[str, ...]
    scores: tuple[Mapping[str, Any], ...]
    failed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.decision == "accept"

    def error(self, picture: str) -> ChecksFailed:
        """Why the picture was kept out."""
        return ChecksFailed(
            "; ".join(self.failed),
            place=picture,
            remedy="look at it; change the inputs or the channel, or let `packshot catalog retry` try more seeds",
        )


class Gate:
    """Decides what becomes of the pictures of a run.

    Args:
        channel, kit: as for :class:`~packshot.run.channel.ChannelCheck`.
        retries: other seeds that are tried before a picture is kept out, 0 or more.
        waived: whether a picture is accepted whatever its checks say.
    """

    def __init__(
        self, channel: Channel | None, kit: BrandKit | None = None, retries: int = RETRIES, *, waived: bool = False
    ) -> None:
        self.retries = retries
        self._waived = waived
        self._check = ChannelCheck(channel, kit)

    def judge(
        self, picture: Path, failures: int, *, other_seed: bool = True, mattes: Sequence[Mapping[str, Any]] = ()
    ) -> Judgement:
        """Measure a picture and decide what becomes of it.

        Args:
            failures: pictures of this item that failed before this one.
            other_seed: whether the item can be made with another seed at all.
            mattes: what was found of the products that were cut out for it.
        """
        report = self._check.judge(picture, mattes)
        again = other_seed and failures < self.retries
        return Judgement(
            decision="accept" if report.passed or self._waived else "retry" if again else "quarantine",
            reasons=report.reasons,
            scores=tuple(verdict.as_dict() for verdict in report.verdicts),
            failed=tuple(failures_of(report)),
        )


def judge(
    gates: Mapping[str, Gate], item: StoredItem, picture: Path, record: Mapping[str, Any], *, other_seed: bool
) -> Judgement | None:
    """What the gate of an item says of its picture; None where it has none.

    Args:
        gates: by the channel that a picture is for, and under "" for all others.
        record: what the host told of the job, see :class:`~.station.Landed`.
    """
    gate = gates.get((item.axes or {}).get("channel", ""), gates.get(""))
    if gate is None:
        return None
    return gate.judge(picture, item.rejections, other_seed=other_seed, mattes=record.get("mattes", ()))
