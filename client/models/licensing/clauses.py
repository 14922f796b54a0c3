"""The kinds of clause that a licence is written in, each with what it makes of a profile.

A clause either has no objection, and says what would make it object, or says what to do so that it has none. A profile
that does not say what a clause depends on meets an objection: nothing is allowed by silence.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..cards import Evidence
from .profile import ATTESTATIONS, COUNTRIES, EUROPEAN_UNION, Attestation, Profile, expand

FILE_NAME = "FILE NAME"  # stands in an objection for the file that it is about

Over = Literal["more-than", "at-least"]
When = Literal["using", "production", "evaluation", "hosting", "training", "distributing"]


class _Clause(BaseModel):
    """What all clauses have: a name, the rule in our words, where the licence says it, and how that is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: str
    citation: str
    evidence: Evidence


class _Restriction(_Clause):
    """A clause that can refuse. A licence that the user states to hold (``unless``) takes its place."""

    unless: Attestation | None = None

    def waived(self, profile: Profile) -> bool:
        """Whether a licence that the profile states to hold takes the place of this clause."""
        return self.unless is not None and self.unless in profile.attestations

    def _or_licence(self, profile: Profile, change: str) -> str:
        """``change``, or the licence to get instead and the line that states it."""
        if self.unless is None:
            return change
        return (
            f"{change}; or, if you hold {ATTESTATIONS[self.unless]}, add `{self.unless}` to `attestations:` in"
            f" {profile.file}"
        )


class NonCommercial(_Restriction):
    """The model may not be used commercially; ``evaluation``: the licence lets a business test it."""

    kind: Literal["non-commercial"]
    evaluation: bool

    def objection(self, profile: Profile) -> str | None:
        """Production, or a purpose that is not said; evaluation too where the licence does not name it."""
        if self.evaluation:
            if profile.purpose == "evaluation":
                return None
            change = f"set `purpose: evaluation` in {profile.file}, if it is only testing outside production"
        else:
            change = "use a file under another licence"
        return self._or_licence(profile, change)

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return "refused for any other `purpose` than evaluation"


class RevenueThreshold(_Restriction):
    """The licence ends for those who earn too much. ``over`` says on which side the amount itself lies."""

    kind: Literal["revenue-threshold"]
    over: Over
    usd: int = Field(gt=0)

    def objection(self, profile: Profile) -> str | None:
        """Yearly revenue with affiliates above the threshold, or not said."""
        revenue = profile.annual_revenue_usd
        if revenue is None:
            return _say(profile, "annual_revenue_usd", "last year's revenue in US dollars, with affiliates")
        if not _exceeds(revenue, self.over, self.usd):
            return None
        return self._or_licence(profile, f"it is for those with {_below(self.over)} {self.usd:,} USD a year")

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return f"refused with {_beyond(self.over)} {self.usd:,} USD a year"


class MonthlyUsersThreshold(_Restriction):
    """The licence ends for those who have too many users a month."""

    kind: Literal["monthly-users-threshold"]
    over: Over
    users: int = Field(gt=0)

    def objection(self, profile: Profile) -> str | None:
        """Users of all products and services above the threshold, or not said."""
        users = profile.monthly_active_users
        if users is None:
            return _say(profile, "monthly_active_users", "of all your products and services together")
        if not _exceeds(users, self.over, self.users):
            return None
        return self._or_licence(profile, f"it is for those with {_below(self.over)} {self.users:,} users a month")

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return f"refused with {_beyond(self.over)} {self.users:,} users a month"


class TerritoryExcluded(_Restriction):
    """The licence does not hold in some countries: neither may the model run there nor a picture be shown there."""

    kind: Literal["territory-excluded"]
    countries: tuple[str, ...] = Field(min_length=1)  # ISO 3166-1 alpha-2, or EU

    @field_validator("countries")
    @classmethod
    def _known(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(countries) - COUNTRIES - {"EU"}
        if unknown:
            raise ValueError(f"no country codes: {', '.join(sorted(unknown))}")
        return countries

    def objection(self, profile: Profile) -> str | None:
        """A place of publishing or of the server among the excluded countries, or one of both not said."""
        excluded = expand(self.countries)
        if profile.publish_territories is None:
            return _say(profile, "publish_territories", "country codes of where pictures are shown, such as [US, JP]")
        if profile.server_territory is None:
            return _say(profile, "server_territory", "the country where the model runs, such as US")
        shown = expand(profile.publish_territories) & excluded
        changes = []
        if shown:
            changes.append(f"show no picture in {_named(shown)}")
        if profile.server_territory in excluded:
            changes.append(f"run the model outside {profile.server_territory}")
        return self._or_licence(profile, " and ".join(changes)) if changes else None

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return f"refused where pictures are shown, or the model runs, in {_named(expand(self.countries))}"


class NoTrainingOnOutputs(_Restriction):
    """Pictures may not be used to make or better (some) other models; the text says which."""

    kind: Literal["no-training-on-outputs"]

    def objection(self, profile: Profile) -> str | None:
        """Pictures are trained on, or it is not said whether."""
        if profile.trains_on_outputs is None:
            return _say(profile, "trains_on_outputs", "false, if no model is trained or improved with the pictures")
        return self._or_licence(profile, "train no model with the pictures") if profile.trains_on_outputs else None

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return "refused once a model is trained or improved with the pictures"


class NoHosting(_Restriction):
    """The model may not be offered to others as a service."""

    kind: Literal["no-hosting"]

    def objection(self, profile: Profile) -> str | None:
        """Others use the model through the user's service, or it is not said whether."""
        if profile.hosted_for_others is None:
            return _say(profile, "hosted_for_others", "false, if nobody else uses the model through your service")
        return (
            self._or_licence(profile, "do not offer it to others as a service") if profile.hosted_for_others else None
        )

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return "refused once others use the model through your service"


class Unlicensed(_Restriction):
    """Nothing is known that allows the use."""

    kind: Literal["unlicensed"]

    def objection(self, profile: Profile) -> str | None:
        """Always: nobody has granted anything that is known here."""
        line = f"add `{FILE_NAME}: LICENCE` under `declared:` in {profile.file}"
        return f"find out its licence and {line} (`own`: your own work)"

    def limit(self, _profile: Profile) -> str:
        """It always objects."""
        return "refused until its licence is known"


class Unproved(_Restriction):
    """The content of a file is not known, only its name: that may be another model's."""

    kind: Literal["unproved"]

    def objection(self, profile: Profile) -> str | None:
        """Production: for a test the name is enough."""
        if profile.purpose != "production":
            return None
        return (
            "install the Packshot node pack on the host, which then looks into the file; or, if you know what it is,"
            f" add `{FILE_NAME}: LICENCE` under `declared:` in {profile.file}"
        )

    def limit(self, _profile: Profile) -> str:
        """What would make it object."""
        return "refused for production until the file can be looked into"


class Duty(_Clause):
    """Something to do, or to refrain from, that no profile can decide; it never refuses."""

    kind: Literal["duty"]
    when: tuple[When, ...] = Field(min_length=1)

    def applies(self, profile: Profile) -> bool:
        """Whether it holds for this profile; what the profile does not say is taken to be so.

        ``distributing`` is about those who pass on the weights. No profile says so, and making pictures is not it.
        """
        holds = {
            "using": True,
            "production": profile.purpose != "evaluation",
            "evaluation": profile.purpose == "evaluation",
            "hosting": profile.hosted_for_others is not False,
            "training": profile.trains_on_outputs is not False,
            "distributing": False,
        }
        return any(holds[when] for when in self.when)

    def limit(self, profile: Profile) -> str:
        """When it would no longer hold; of one that does not hold, when it would."""
        if not self.applies(profile):
            return "; ".join(_BEGINS[when] for when in self.when)
        if "using" in self.when:
            return "it holds for every use"
        ends = [_ENDS[when] for when in self.when if when in _ENDS]
        return f"it no longer holds {' and '.join(ends)}"


Restriction: TypeAlias = (
    NonCommercial
    | RevenueThreshold
    | MonthlyUsersThreshold
    | TerritoryExcluded
    | NoTrainingOnOutputs
    | NoHosting
    | Unlicensed
    | Unproved
)
Clause: TypeAlias = Annotated[Restriction | Duty, Field(discriminator="kind")]


_BEGINS: dict[When, str] = {
    "using": "it holds for every use",
    "production": "it holds once the `purpose` is production",
    "evaluation": "it holds while the `purpose` is evaluation",
    "hosting": "it holds once others use the model through your service",
    "training": "it holds once a model is trained or improved with the pictures",
    "distributing": "it holds once you pass on the weights, or what you make of them",
}
_ENDS: dict[When, str] = {
    "production": "while the `purpose` is evaluation",
    "evaluation": "once the `purpose` is production",
    "hosting": "with `hosted_for_others: false`",
    "training": "with `trains_on_outputs: false`",
}


def _exceeds(value: float, over: Over, limit: int) -> bool:
    return value > limit if over == "more-than" else value >= limit


def _below(over: Over) -> str:
    return "at most" if over == "more-than" else "less than"


def _beyond(over: Over) -> str:
    return over.replace("-", " ")


def _say(profile: Profile, field: str, what: str) -> str:
    return f"add `{field}: …` to {profile.file} ({what})"


def _named(countries: frozenset[str]) -> str:
    """Country codes, with EU for the Union when all of it is meant."""
    whole = countries >= EUROPEAN_UNION
    return ", ".join([*(["EU"] if whole else []), *sorted(countries - EUROPEAN_UNION if whole else countries)])
