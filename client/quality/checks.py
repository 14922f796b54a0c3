"""Checks: what each measures, in which unit, by which source, and what its verdict is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from .colour import Bytes, Floats, distinct_colours, luminance, overview, srgb_to_lab
from .look import Look
from .masks import Mask, Region, find_product, region_of
from .picture import Picture
from .siblings import Catalogue, Features

Value = float | int | str

#: What a check needs beside the picture. ``channel``: runs only where a channel's rules name it.
Need = Literal["nothing", "channel", "palette", "references", "original", "logo", "ocr", "catalogue"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must keep to; an empty limit only reports it.

    Attributes:
        minimum, maximum: bounds of a number, both inclusive.
        any_of: the texts that are allowed.
        pattern: a regular expression that a text must match as a whole.
    """

    minimum: float | None = None
    maximum: float | None = None
    any_of: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def reports_only(self) -> bool:
        return self == Limit()

    def side(self, value: Value) -> Literal["within", "below", "above", "other"]:
        """Where a value lies."""
        if isinstance(value, str):
            allowed = (not self.any_of or value in self.any_of) and (
                not self.pattern or re.fullmatch(self.pattern, value) is not None
            )
            return "within" if allowed else "other"
        if self.minimum is not None and not value >= self.minimum:
            return "below"
        if self.maximum is not None and not value <= self.maximum:
            return "above"
        return "within"

    def as_dict(self) -> dict[str, Any]:
        """``{"min", "max", "any_of", "pattern"}``, those that are set."""
        given = {"min": self.minimum, "max": self.maximum, "any_of": list(self.any_of), "pattern": self.pattern}
        return {name: value for name, value in given.items() if value not in (None, [], "")}


class Unmeasurable(Exception):
    """A check that applies has nothing to measure: the picture fails it with this reason code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Given:
    """What a picture is checked against, beside a channel's rules. Everything may be absent.

    Attributes:
        palette: the brand's colours by name, ``#RRGGBB``.
        background: the colour that the background must have, ``#RRGGBB``.
        look: of the brand's own pictures.
        original: the product's own pixels in the same frame, with alpha as its mask.
        logo: the logo, with alpha where it is not a rectangle.
        text: what must be read in the picture; empty for nothing.
        ocr: whether text is read at all.
        catalogue: the pictures that belong with this one.
    """

    palette: Mapping[str, str] | None = None
    background: str = "#FFFFFF"
    look: Look | None = None
    original: Picture | None = None
    logo: Picture | None = None
    text: str = ""
    ocr: bool = False
    catalogue: Catalogue | None = None

    def has(self, need: Need) -> bool:
        """Whether what a check needs is here; a channel's rules are not among it."""
        return {
            "nothing": True,
            "palette": bool(self.palette),
            "references": self.look is not None,
            "original": self.original is not None,
            "logo": self.logo is not None,
            "ocr": self.ocr,
            "catalogue": self.catalogue is not None,
        }.get(need, False)


class Subject:
    """A picture under check, with what several checks need of it, each made once.

    Args:
        mask: bool [H, W]: the product, where it is known better than from the picture.
        name: what tells it from the others of its catalogue; by default the picture's own.
    """

    def __init__(self, picture: Picture, given: Given, mask: Mask | None = None, name: str = "") -> None:
        self.picture = picture
        self.given = given
        self.name = name or picture.name
        self._mask = mask
        self.notes: dict[str, Any] = {}  # what a measure found and another one, or the annotated picture, uses

    @property
    def pixels(self) -> Bytes:
        return self.picture.pixels

    @cached_property
    def region(self) -> Region | None:
        """By the mask that is given, else by that of the original, else by a plain background."""
        original = self.given.original
        if self._mask is not None:
            return region_of(self.pixels, self._mask)
        if original is not None and original.alpha is not None and original.alpha.shape == self.pixels.shape[:2]:
            return region_of(self.pixels, original.alpha >= 128)
        return find_product(self.pixels, self.picture.alpha)

    def product(self) -> Region:
        """The product's region.

        Raises:
            Unmeasurable: there is none, or no plain background to tell it from.
        """
        if self.region is None:
            raise Unmeasurable("no-product-on-plain-background")
        return self.region

    @cached_property
    def luma(self) -> Bytes:
        """uint8 [H, W]: ITU-R BT.601."""
        return luminance(self.pixels)

    @cached_property
    def luma_histogram(self) -> npt.NDArray[np.int64]:
        """int64 [256]: pixels of each luma."""
        return np.array(Image.fromarray(self.luma).histogram(), np.int64)

    @cached_property
    def features(self) -> Features:
        """What the other pictures of its catalogue are compared with."""
        return Features.of(self.name, self.picture, self.region)

    @cached_property
    def colours(self) -> tuple[Floats, npt.NDArray[Any]]:
        """The distinct colours of the picture's overview in Lab [N, 3], and their counts [N]."""
        colours, counts = distinct_colours(overview(self.pixels))
        return srgb_to_lab(colours), counts


@dataclass(frozen=True, slots=True)
class Check:
    """One measure of one picture.

    Attributes:
        id: stable name, ``group.name``.
        unit: of the value; empty for a plain number or a text.
        definition: what the value is, in a sentence.
        source: whose formula or rule it is.
        need: what must be given for it to run.
        default: the limit where no channel sets another; None only reports.
        reasons: reason code by where a value lies: ``below``, ``above`` or ``other``.
        measure: gives the value.
    """

    id: str
    unit: str
    definition: str
    source: str
    need: Need
    default: Limit
    reasons: Mapping[str, str]
    measure: Callable[[Subject], Value]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said of a picture.

    Attributes:
        value: None where it could not be measured.
        reason: reason code of a failure; empty where it passed.
    """

    id: str
    value: Value | None
    unit: str
    limit: Limit
    passed: bool
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """An entry of ``checks`` in the answer of ``packshot check --json``."""
        value = round(self.value, 6) if isinstance(self.value, float) else self.value
        return {
            "id": self.id,
            "value": value,
            "unit": self.unit,
            "limit": self.limit.as_dict(),
            "passed": self.passed,
            "reason": self.reason,
        }


#: Every check by id; :mod:`.registry` is the way to it, which knows those that ship.
REGISTERED: dict[str, Check] = {}


def measure(
    check_id: str,
    *,
    unit: str,
    definition: str,
    source: str,
    need: Need = "channel",
    default: Limit | None = None,
    below: str = "",
    above: str = "",
    other: str = "",
) -> Callable[[Callable[[Subject], Value]], Callable[[Subject], Value]]:
    """Register the function below it as a check; see :class:`Check`.

    Raises:
        ValueError: the id is taken, or a bound of the default has no reason code.
    """
    if check_id in REGISTERED:
        raise ValueError(f"the check '{check_id}' is there already")
    limit = default or Limit()
    if (limit.minimum is not None and not below) or (limit.maximum is not None and not above):
        raise ValueError(f"the check '{check_id}' can fail without a reason code")
    reasons = {side: reason for side, reason in (("below", below), ("above", above), ("other", other)) if reason}

    def register(function: Callable[[Subject], Value]) -> Callable[[Subject], Value]:
        REGISTERED[check_id] = Check(check_id, unit, definition, source, need, limit, reasons, function)
        return function

    return register


def judge(check: Check, subject: Subject, limit: Limit | None = None) -> Verdict:
    """Measure one picture by one check.

    Args:
        limit: in place of the check's default.
    """
    limit = check.default if limit is None else limit
    try:
        value = check.measure(subject)
    except Unmeasurable as error:
        passed = limit.reports_only
        return Verdict(check.id, None, check.unit, limit, passed, "" if passed else error.reason)
    return verdict(check, value, limit)


def verdict(check: Check, value: Value, limit: Limit) -> Verdict:
    """What a value means under a limit."""
    side = limit.side(value)
    passed = side == "within"
    return Verdict(check.id, value, check.unit, limit, passed, "" if passed else check.reasons.get(side, check.id))
