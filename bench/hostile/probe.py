"""What a probe of a trust boundary found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """One hostile input, and whether Packshot held.

    Attributes:
        name: of the input, such as ``redirect-to-loopback``.
        held: whether it was refused, or harmless, as promised in docs/security.md.
        note: what was seen, in a few words.
    """

    name: str
    held: bool
    note: str
