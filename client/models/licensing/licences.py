"""Licences as data, and the decision that they come to for one profile.

One YAML file per licence, clause by clause, each with where the licence says it and how that is known. A decision is
taken over every part that a picture is made with: one refusal refuses, duties add up. It is this program's reading of
the texts, to the best of its makers' knowledge; it is not legal advice and clears nothing.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ...errors import InputInvalid, LicenceRefused, nearest
from ...paths import config_dir
from ..cards import Card, Evidence
from .clauses import FILE_NAME, Clause, Duty
from .profile import Profile, load_profile

__all__ = [
    "NOTICE", "UNKNOWN", "UNPROVED", "Decision", "Licence", "Part", "PartDecision", "Profile", "Reason", "judge",
    "licence_ids", "load_licence", "load_profile", "parts_of_card",
]  # fmt: skip

Verdict = Literal["allow", "duties", "refuse"]

UNKNOWN = "unknown"  # the licence of a file of which none is known
UNPROVED = "unproved"  # beside the licence that a file has by its name, where nobody could look into it
NOTICE = "A reading of the licences by a program: not legal advice. Read the licences themselves."
_SHIPPED = Path(__file__).resolve().parent / "licences"
_COMPONENTS = "components"  # licences of files by their names, in the same folder; see `.parts`


class Source(BaseModel):
    """Where a licence's text was read, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    checked: datetime.date
    evidence: Evidence


class Licence(BaseModel):
    """One licence: its name, its SPDX expression, where its text is, and its clauses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    name: str
    spdx: str  # an SPDX id, or LicenseRef-scancode-… where ScanCode knows the text, or a LicenseRef- of our own
    version: datetime.date | None = None  # of the text; None: the text has none, or it is not known
    url: str = ""
    aliases: tuple[str, ...] = ()  # what metadata and hubs call it, in lower case
    sources: tuple[Source, ...] = Field(min_length=1)
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a picture is made with, and the licence that it stands under.

    Attributes:
        name: what people know it by: a file's name, or a component of a card.
        licence: id of a licence; one that is not known is refused.
        basis: how the licence is known.
    """

    name: str
    licence: str
    basis: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A clause behind an answer: in our words, where the licence says it, and what would change the answer."""

    component: str
    licence: str
    clause_id: str
    clause: str
    citation: str
    changes_if: str

    def as_dict(self) -> dict[str, str]:
        """The reason in a ``--json`` answer."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PartDecision:
    """What one part's licence says to the profile.

    Attributes:
        reasons: the clauses that refuse.
        grounds: the clauses that do not, and so allow it: limits that are kept, duties, and those of distributing.
        duties: what to do when making and showing pictures, each with its place in the licence.
        when_distributing: what to do in addition by those who pass on the weights or what they make of them.
    """

    part: Part
    reasons: tuple[Reason, ...]
    grounds: tuple[Reason, ...]
    duties: tuple[str, ...]
    when_distributing: tuple[str, ...]

    @property
    def decision(self) -> Verdict:
        """For this part alone."""
        return "refuse" if self.reasons else "duties" if self.duties else "allow"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the licences of all parts say to a profile."""

    parts: tuple[PartDecision, ...]

    @classmethod
    def of_all(cls, decisions: Iterable[Decision]) -> Decision:
        """One decision on the parts of several, each part once."""
        return cls(tuple(dict.fromkeys(part for one in decisions for part in one.parts)))

    @property
    def decision(self) -> Verdict:
        """``refuse`` when one part is refused; ``duties`` when all are allowed, some with duties; else ``allow``."""
        verdicts = {part.decision for part in self.parts}
        return "refuse" if "refuse" in verdicts else "duties" if "duties" in verdicts else "allow"

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why parts are refused."""
        return tuple(dict.fromkeys(reason for part in self.parts for reason in part.reasons))

    @property
    def grounds(self) -> tuple[Reason, ...]:
        """The clauses that allow it, with what would change the answer."""
        return tuple(dict.fromkeys(reason for part in self.parts for reason in part.grounds))

    @property
    def duties(self) -> tuple[str, ...]:
        """The duties of all parts, each once."""
        return tuple(dict.fromkeys(duty for part in self.parts for duty in part.duties))

    @property
    def when_distributing(self) -> tuple[str, ...]:
        """The duties of those who pass on weights, each once."""
        return tuple(dict.fromkeys(duty for part in self.parts for duty in part.when_distributing))

    @property
    def licences(self) -> tuple[str, ...]:
        """The ids of all licences, sorted."""
        return tuple(sorted({part.part.licence for part in self.parts}))

    def summary(self) -> str:
        """One line: the answer and its first reason, or how many duties come with it."""
        if not self.reasons:
            count = len(self.duties)
            return "allowed" if not count else f"allowed with {count} {'duty' if count == 1 else 'duties'}"
        first, *others = self.reasons
        name = load_licence(first.licence).name if first.licence in licence_ids() else first.licence
        more = f" (and {len(others)} more)" if others else ""
        return f"{first.component} may not be used so: {first.clause} [{name}, {first.citation}]{more}"

    def remedy(self) -> str:
        """What would change a refusal; empty where there is none."""
        return "; ".join(dict.fromkeys(reason.changes_if for reason in self.reasons))

    def enforce(self, place: str) -> None:
        """Stop here when the answer is no.

        Raises:
            LicenceRefused: a part may not be used so.
        """
        if self.decision == "refuse":
            raise LicenceRefused(self.summary(), place=place, remedy=self.remedy())

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot models licence --json`` prints: the reasons are those of the decision."""
        return {
            "decision": self.decision,
            "duties": list(self.duties),
            "reasons": [reason.as_dict() for reason in self.reasons or self.grounds],
            "when_distributing": list(self.when_distributing),
            "licences": list(self.licences),
            "components": [
                {
                    "component": part.part.name,
                    "licence": part.part.licence,
                    "basis": part.part.basis,
                    "decision": part.decision,
                }
                for part in self.parts
            ],
            "notice": NOTICE,
        }


def licence_ids() -> list[str]:
    """The ids of all licences, shipped and the user's own, sorted; none of them is read."""
    return sorted(_files())


def load_licence(licence_id: str) -> Licence:
    """The licence of an id.

    Raises:
        InputInvalid: there is no such licence, or a file of the user's own is not valid.
    """
    path = _files().get(licence_id)
    if path is None:
        raise InputInvalid(
            f"there is no licence '{licence_id}'", place="licences", remedy=nearest(licence_id, licence_ids())
        )
    return _read(path, path.stat().st_mtime_ns)


def parts_of_card(card: Card) -> list[Part]:
    """A model's components, each under its own licence, and the model itself where that one is still another."""
    parts = [Part(f"{card.id}: {one.title}", one.licence, f"card {card.id}") for one in card.components]
    if card.licence not in {part.licence for part in parts}:
        parts.append(Part(card.id, card.licence, f"card {card.id}"))
    return parts


def judge(parts: Iterable[Part], profile: Profile) -> Decision:
    """Put every part's licence before the profile.

    No parts at all are allowed: a graph without weights needs nobody's leave.
    """
    return Decision(tuple(_judge(part, profile) for part in dict.fromkeys(parts)))


def _judge(part: Part, profile: Profile) -> PartDecision:
    known = part.licence in licence_ids()
    licence = load_licence(part.licence if known else UNKNOWN)
    reasons, grounds, duties, when_distributing = [], [], [], []

    def reason(clause: Clause, changes_if: str) -> Reason:
        text = clause.text if known else f"There is no licence '{part.licence}' here. {clause.text}"
        return Reason(part.name, part.licence, clause.id, text, clause.citation, changes_if)

    for clause in licence.clauses:
        said = f"{clause.text} [{licence.name}, {clause.citation}]"
        if isinstance(clause, Duty):
            if clause.applies(profile):
                duties.append(said)
            elif "distributing" in clause.when:
                when_distributing.append(said)
            grounds.append(reason(clause, clause.limit(profile)))
            continue
        objection = clause.objection(profile)
        if objection is None:
            grounds.append(reason(clause, clause.limit(profile)))
        elif clause.waived(profile):
            duties.append(f"Keep to the licence that `{clause.unless}` states you hold; it takes the place of: {said}")
            grounds.append(reason(clause, f"refused without `{clause.unless}` among the attestations"))
        else:
            reasons.append(reason(clause, objection.replace(FILE_NAME, part.name)))
    return PartDecision(part, tuple(reasons), tuple(grounds), tuple(duties), tuple(when_distributing))


def _files() -> dict[str, Path]:
    """Licence files by id. A file of the user's own adds a licence; it does not change a shipped one."""
    folders = (config_dir() / "licences", _SHIPPED)
    return {path.stem: path for folder in folders for path in folder.glob("*.yaml") if path.stem != _COMPONENTS}


@functools.lru_cache(maxsize=256)
def _read(path: Path, _: int) -> Licence:
    try:
        licence = Licence.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if licence.id != path.stem:
            raise ValueError(f"the id is '{licence.id}' and the file is named '{path.name}'")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputInvalid(str(error), place=str(path), remedy="compare with the shipped licences") from error
    return licence
