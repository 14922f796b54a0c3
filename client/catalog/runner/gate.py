"""The gate between a host's picture and a catalogue: measured, made again with another seed, or kept out.

A picture that fails goes to ``quarantine/``, so that ``pictures/`` holds nothing but what passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ...brand import BrandKit
from ...errors import ChecksFailed
from ...quality.channels import Channel, Rule
from ...quality.checks import Given, Limit, Subject, Verdict
from ...quality.checks import judge as check
from ...quality.picture import PictureRefused, read_picture
from ...quality.registry import all_checks
from ...quality.run import check_file
from ..ledger.records import StoredItem

QUARANTINE = "quarantine"
_PALETTE_CHECKS = ("palette.coverage", "palette.off")
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
    """Judges the pictures of a run.

    Args:
        channel: whose rules, as in ``packshot check --channel``. Text is read where the channel has a rule for it and
            RapidOCR is installed. Without one the brand's palette is measured, and everything passes.
        kit: the brand. Its palette is measured, and fails a picture only where the channel has a rule for it: a
            product alone on white has the colours that it has.
        retries: other seeds that are tried before a picture is kept out, 0 or more.
    """

    def __init__(self, channel: Channel | None, kit: BrandKit | None = None, retries: int = RETRIES) -> None:
        palette = {colour.name: colour.hex for colour in kit.palette} if kit else {}
        measured = {check_id: Rule() for check_id in _PALETTE_CHECKS} if palette else {}
        rules = channel.rules if channel else {}
        reads = any(check_id.startswith("text.") for check_id in rules) and find_spec("rapidocr") is not None
        self.retries = retries
        self._channel = channel.model_copy(update={"rules": {**measured, **rules}}) if channel else None
        self._given = Given(palette=palette or None, ocr=reads)

    def judge(self, picture: Path, failures: int, *, other_seed: bool = True) -> Judgement:
        """Measure a picture and decide what becomes of it.

        Args:
            failures: pictures of this item that failed before this one.
            other_seed: whether the item can be made with another seed at all.
        """
        if self._channel is None:
            return Judgement("accept", (), tuple(self._measure(picture)), ())
        report = check_file(picture, self._channel, self._given)
        again = other_seed and failures < self.retries
        return Judgement(
            decision="accept" if report.passed else "retry" if again else "quarantine",
            reasons=report.reasons,
            scores=tuple(verdict.as_dict() for verdict in report.verdicts),
            failed=tuple(_in_words(verdict) for verdict in report.verdicts if not verdict.passed),
        )

    def _measure(self, picture: Path) -> Iterator[Mapping[str, Any]]:
        """How the picture keeps to the palette, with no limit; nothing of a file that is none, such as a video."""
        try:
            subject = Subject(read_picture(picture), self._given)
        except PictureRefused:
            return
        for check_id in _PALETTE_CHECKS if self._given.palette else ():
            yield check(all_checks()[check_id], subject, Limit()).as_dict()


def judge(gates: Mapping[str, Gate], item: StoredItem, picture: Path, *, other_seed: bool) -> Judgement | None:
    """What the gate of an item says of its picture; None where it has none.

    Args:
        gates: by the channel that a picture is for, and under "" for all others.
    """
    gate = gates.get((item.axes or {}).get("channel", ""), gates.get(""))
    return None if gate is None else gate.judge(picture, item.rejections, other_seed=other_seed)


def _in_words(verdict: Verdict) -> str:
    """A failure as a person reads it."""
    if verdict.value is None:
        return f"{verdict.reason} ({verdict.id})"
    value = f"{verdict.value:.4g}" if isinstance(verdict.value, float) else str(verdict.value)
    limit = verdict.limit
    wanted = [f"at least {limit.minimum:g}"] if limit.minimum is not None else []
    wanted += [f"at most {limit.maximum:g}"] if limit.maximum is not None else []
    wanted += [f"one of {', '.join(limit.any_of)}"] if limit.any_of else []
    wanted += [f"like {limit.pattern}"] if limit.pattern else []
    return f"{verdict.reason} ({verdict.id} {value}, {', '.join(wanted)})"
