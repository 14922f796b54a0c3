"""What a run's pictures must pass: the checks of the channel that they are for, and the brand's palette measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..brand.kit import BrandKit
from ..errors import ChecksFailed, PhotographInvalid
from ..quality.channels import Channel, Rule
from ..quality.checks import Given, Limit, Subject, Verdict, judge
from ..quality.picture import read_picture
from ..quality.registry import find_check
from ..quality.run import Report, check_file

_PALETTE_CHECKS = ("palette.coverage", "palette.off")


class ChannelCheck:
    """Judges the pictures of a run.

    Args:
        channel: whose rules, as in ``packshot check --channel``. Text is read where the channel has a rule for it and
            RapidOCR is installed. Without one the brand's palette is measured, and everything passes.
        kit: the brand. Its palette is measured, and fails a picture only where the channel has a rule for it: a
            product alone on white has the colours that it has.
    """

    def __init__(self, channel: Channel | None, kit: BrandKit | None = None) -> None:
        palette = {colour.name: colour.hex for colour in kit.palette} if kit else {}
        measured = {check_id: Rule() for check_id in _PALETTE_CHECKS} if palette else {}
        rules = channel.rules if channel else {}
        reads = any(check_id.startswith("text.") for check_id in rules) and find_spec("rapidocr") is not None
        self._channel = channel.model_copy(update={"rules": {**measured, **rules}}) if channel else None
        self._given = Given(palette=palette or None, ocr=reads)

    def judge(self, picture: Path, mattes: Sequence[Mapping[str, Any]] = ()) -> Report:
        """Measure a picture, and hold it to the channel's rules.

        Args:
            mattes: what was found of the products that were cut out for it, see :attr:`Result.mattes`. In a channel, no
                picture passes with a product that lost a part.
        """
        if self._channel is None:
            return Report(str(picture), tuple(self._measure(picture)))
        report = check_file(picture, self._channel, self._given)
        return replace(report, verdicts=(*report.verdicts, *map(_of_matte, _findings(mattes))))

    def _measure(self, picture: Path) -> Iterator[Verdict]:
        """How the picture keeps to the palette, with no limit; nothing of a file that is none, such as a video."""
        try:
            subject = Subject(read_picture(picture), self._given)
        except PhotographInvalid:
            return
        for check_id in _PALETTE_CHECKS if self._given.palette else ():
            yield judge(find_check(check_id), subject, Limit())


def _findings(mattes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [finding for matte in mattes for finding in matte["findings"]]


def _of_matte(finding: Mapping[str, Any]) -> Verdict:
    """A finding as a check of a channel: one that is not decisive is only reported."""
    limit = Limit(maximum=float(finding["limit"])) if finding["decisive"] else Limit()
    failed = bool(finding["decisive"]) and not finding["sound"]
    reason = str(finding["slug"]) if failed else ""
    return Verdict(str(finding["id"]), float(finding["value"]), str(finding["unit"]), limit, not failed, reason)


def checks_failed(report: Report) -> ChecksFailed:
    """The error of a picture that its channel does not take."""
    return ChecksFailed(
        "; ".join(failures_of(report)),
        place=report.file,
        remedy="look at it; change the inputs or the channel, or try another seed",
    )


def failures_of(report: Report) -> list[str]:
    """What failed, as a person reads it: ``product-too-small (product.fill-side 0.41, at least 0.85)``."""
    return [_in_words(verdict) for verdict in report.verdicts if not verdict.passed]


def _in_words(verdict: Verdict) -> str:
    if verdict.value is None:
        return f"{verdict.reason} ({verdict.id})"
    value = f"{verdict.value:.4g}" if isinstance(verdict.value, float) else str(verdict.value)
    limit = verdict.limit
    bounds = [f"at least {limit.minimum:g}"] if limit.minimum is not None else []
    bounds += [f"at most {limit.maximum:g}"] if limit.maximum is not None else []
    bounds += [f"one of {', '.join(limit.any_of)}"] if limit.any_of else []
    bounds += [f"like {limit.pattern}"] if limit.pattern else []
    return f"{verdict.reason} ({verdict.id} {value}, {', '.join(bounds)})"
