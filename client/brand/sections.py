"""The sections of a brand kit, each with its fields and their bounds."""

from __future__ import annotations

import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ..colours import opaque_colour
from ..errors import InputInvalid
from ..models.detect.findings import CARDS

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"\S")]
Text = Annotated[str, StringConstraints(max_length=2000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
OptionalSha256 = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
DeltaE = Annotated[float, Field(ge=0.0, le=100.0)]
Strength = Annotated[float, Field(ge=-4.0, le=4.0)]
Role = Literal["background", "surface", "primary", "secondary", "accent", "text"]


def _inside(name: str) -> str:
    """A file below the kit's folder: a kit may come from anyone, and must not point at other files of this machine."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError("a file is named by its path below the kit's folder, with '/' and without '..'")
    return name


def _solid_colour(text: str) -> str:
    try:
        return opaque_colour(text)
    except InputInvalid as error:
        raise ValueError(f"{error.message}; {error.remedy}") from error


def _is_zone(name: str) -> str:
    try:
        if name:
            ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"there is no time zone '{name}'; one is called as Europe/Berlin") from error
    return name


TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_is_zone)]
# Kept as #RRGGBB, so that a kit has the same hash in whichever form its colours are written.
Hex = Annotated[str, AfterValidator(_solid_colour)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_inside)]
OptionalFileName = Annotated[str, StringConstraints(max_length=200), AfterValidator(_inside)]


def _is_base(base: str) -> str:
    if base not in CARDS or base == "other":
        known = ", ".join(name for name in CARDS if name != "other")
        raise ValueError(f"there is no base '{base}'; known: {known}")
    return base


class Section(BaseModel):
    """What all sections have in common: no unknown fields, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Colour(Section):
    """A colour of the palette.

    Attributes:
        name: the word for it, as it is used in prompts; 1 to 80 characters.
        hex: a colour as CSS writes it, kept as ``#RRGGBB`` in capitals.
        role: what it is used for.
        tolerance: how far a colour of a picture may be from it to count as it, in ΔE of CIEDE2000. Photographs need
            about 6 for the light; flat areas 2.
        min_share, max_share: of a picture's area, 0 to 1. None: no limit.
    """

    name: Name
    hex: Hex
    role: Role = "accent"
    tolerance: DeltaE = 6.0
    min_share: Share | None = None
    max_share: Share | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Colour:
        if self.min_share is not None and self.max_share is not None and self.min_share > self.max_share:
            raise ValueError(f"min_share {self.min_share:g} is more than max_share {self.max_share:g}")
        return self


class ForbiddenColour(Section):
    """A colour that pictures must not show; ``tolerance`` in ΔE of CIEDE2000."""

    name: Name
    hex: Hex
    tolerance: DeltaE = 6.0


class Logo(Section):
    """A logo file.

    Attributes:
        file: below the kit's folder: PNG or WebP with transparency, or SVG.
        sha256: of the file; empty: not pinned.
        clear_space: kept free on every side, in heights of the logo.
        min_width: the narrowest that it may be shown, in pixels.
        backgrounds: names of palette colours that it may stand on; empty: any.
    """

    name: Name
    file: FileName
    sha256: OptionalSha256 = ""
    clear_space: Annotated[float, Field(ge=0.0, le=5.0)] = 0.25
    min_width: Annotated[int, Field(ge=1, le=10_000)] = 64
    backgrounds: Annotated[tuple[Name, ...], Field(max_length=32, strict=False)] = ()


class Font(Section):
    """A typeface: its family, and its file below the kit's folder where the brand has one of its own."""

    family: Name
    file: OptionalFileName = ""
    sha256: OptionalSha256 = ""
    use: Literal["heading", "body", "caption"] = "body"
    licence: Annotated[str, StringConstraints(max_length=80)] = ""


class Photography(Section):
    """How the brand's pictures are taken, in words; each goes to people, and into prompts where the kit says so."""

    background: Text = ""
    light: Text = ""
    camera: Text = ""


class Prompt(Section):
    """What is said before and after the product in every prompt, and what pictures must not show.

    Attributes:
        prefix, suffix, negative: text of up to 2,000 characters; empty by default.
        colours: whether the palette's colours are named too. Some models paint the product with them. A language's own
            prompt follows the kit's.
    """

    prefix: Text = ""
    suffix: Text = ""
    negative: Text = ""
    colours: bool = True


class Term(Section):
    """A word of the brand's own, which is never translated.

    Attributes:
        term: as it stands in prompts.
        instead_of: words that it takes the place of, such as translations; whole words, whatever their capitals.
    """

    term: Name
    instead_of: Annotated[tuple[Name, ...], Field(max_length=64, strict=False)] = ()


Terms = Annotated[tuple[Term, ...], Field(max_length=500, strict=False)]


class Locale(Section):
    """Prompt and words for products whose texts are in one language; what is empty is the kit's own."""

    prompt: Prompt = Prompt()
    glossary: Terms = ()


class StrengthStep(Section):
    """From a share of the sampling steps on (0: the first), the strength that a LoRA has."""

    start: Share
    strength: Strength


class BrandLora(Section):
    """A LoRA that the brand's pictures are made with.

    Attributes:
        name: what people call it.
        file: its name in the host's folder ``loras``, and in the kit's where the kit has it with it.
        sha256: of the file; another file of that name is refused.
        base: the base model that it was made for: ``flux2-klein-4b``, ``sdxl``, …
        strength: at which it is applied, if the node does not say otherwise.
        min_strength, max_strength: what the brand allows.
        schedule: strengths over the sampling steps, in their order; in place of ``strength``.
        trigger_words: put in front of every prompt.
        licence: id of a licence; ``packshot models licence`` lists them.
        approved_by: who may be asked; empty: nobody has approved it, and it is refused.
        expires: the last day on which it may be used, in the kit's time zone.
    """

    name: Name
    file: FileName
    sha256: Sha256
    base: Annotated[str, AfterValidator(_is_base)]
    strength: Strength = 1.0
    min_strength: Strength = 0.0
    max_strength: Strength = 1.5
    schedule: Annotated[tuple[StrengthStep, ...], Field(max_length=32, strict=False)] = ()
    trigger_words: Annotated[tuple[Name, ...], Field(max_length=32, strict=False)] = ()
    licence: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    approved_by: Annotated[str, StringConstraints(max_length=80)] = ""
    approved_on: datetime.date | None = None
    expires: datetime.date | None = None

    @model_validator(mode="after")
    def _allowed(self) -> BrandLora:
        if self.min_strength > self.max_strength:
            raise ValueError(f"min_strength {self.min_strength:g} is more than max_strength {self.max_strength:g}")
        # A LoRA may be off for some steps, whatever its least strength.
        for strength in (self.strength, *(step.strength for step in self.schedule if step.strength)):
            if not self.min_strength <= strength <= self.max_strength:
                raise ValueError(f"strength {strength:g} is not from {self.min_strength:g} to {self.max_strength:g}")
        starts = [step.start for step in self.schedule]
        if starts and (starts[0] != 0.0 or starts != sorted(set(starts))):
            raise ValueError("the schedule begins with 'start: 0' and goes on with later starts")
        return self


class ProductRules(Section):
    """What may be done to the product itself.

    Attributes:
        keep_pixels: the product's own photograph is kept as it is, and only what is around it is made.
    """

    keep_pixels: bool = True


class Approval(Section):
    """Somebody's yes to the kit as it was: ``of`` is its hash, as ``packshot brand hash`` prints it."""

    by: Name
    date: datetime.date
    of: Sha256
