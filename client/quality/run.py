"""Pictures against a channel, a brand, an original: which checks run, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import PhotographInvalid
from .channels import Channel
from .checks import Check, Given, Limit, Subject, Verdict, judge
from .masks import Mask
from .picture import Picture, read_picture
from .registry import all_checks
from .siblings import Catalogue, Features

READABLE = "file.readable"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of one picture.

    Attributes:
        file: its path as it was given, or its name.
        verdicts: in the order of the registry.
        skipped: check id -> what was not given, for checks that the channel names and that could not run.
        subject: the picture and what was found of it; None where it could not be read.
    """

    file: str
    verdicts: tuple[Verdict, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    subject: Subject | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reason codes of all that failed, each once."""
        return tuple(dict.fromkeys(verdict.reason for verdict in self.verdicts if not verdict.passed))

    def as_dict(self) -> dict[str, Any]:
        """An entry of ``images`` in the answer of ``packshot check --json``."""
        return {
            "file": self.file,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "checks": [verdict.as_dict() for verdict in self.verdicts],
            "skipped": [{"id": check_id, "needs": needs} for check_id, needs in self.skipped.items()],
        }


def checks_for(channel: Channel, given: Given) -> tuple[list[Check], dict[str, str]]:
    """Which checks run, and which of the channel's cannot for want of what they need.

    A check runs where the channel has a rule for it, or where what it needs beside the picture is given.
    """
    running: list[Check] = []
    skipped: dict[str, str] = {}
    for check in all_checks().values():
        named = check.id in channel.rules
        if check.need == "channel":
            possible = named
        else:
            possible = given.has(check.need)
            if named and not possible:
                skipped[check.id] = check.need
        if possible:
            running.append(check)
    return running, skipped


def check_picture(
    picture: Picture, channel: Channel, given: Given | None = None, *, mask: Mask | None = None, file: str = ""
) -> Report:
    """Check one picture in memory.

    Args:
        given: what it is checked against beside the channel.
        mask: bool [H, W]: the product, where it is known better than from the picture.
        file: what to call it; its own name by default.

    Raises:
        InputInvalid: what it is checked against does not fit it, or a library is missing.
    """
    subject = Subject(picture, replace(given or Given(), background=channel.background), mask, file)
    checks, skipped = checks_for(channel, subject.given)
    if not picture.format:
        checks = [check for check in checks if not check.id.startswith("file.")]
    verdicts = [_readable(picture.format or "pixels", "")]
    verdicts += [judge(check, subject, channel.limit(check)) for check in checks]
    return Report(file or picture.name, tuple(verdicts), skipped, subject)


def check_file(path: Path, channel: Channel, given: Given | None = None) -> Report:
    """Check one file. One that cannot be read fails ``file.readable`` with the reason, and is asked nothing else."""
    try:
        picture = read_picture(path)
    except PhotographInvalid as error:
        return Report(str(path), (_readable(None, error.reason),))
    return check_picture(picture, channel, given, file=str(path))


def check_files(
    paths: Sequence[Path], channel: Channel, given: Given | None = None, *, together: bool = False
) -> Iterator[Report]:
    """Check files one after the other; only one is in memory.

    Args:
        together: they are one catalogue: each is also compared with the others, for which all are read once before.
    """
    given = given or Given()
    if together:
        given = replace(given, catalogue=Catalogue([features for path in paths for features in _features(path)]))
    for path in paths:
        yield check_file(path, channel, given)


def _features(path: Path) -> Iterator[Features]:
    try:
        picture = read_picture(path)
    except PhotographInvalid:
        return
    yield Subject(picture, Given(), name=str(path)).features


def _readable(value: str | None, reason: str) -> Verdict:
    return Verdict(READABLE, value, "", Limit(), not reason, reason)
