"""Which base a few layers belong to, where they fit several: most of a LoRA's, or those of a part of a model."""

from __future__ import annotations

from collections.abc import Sequence

from .claims import Claim
from .findings import CARDS, Finding, Kind
from .model_shapes import Match

_DERIVED = {"chroma": "flux1"}  # has the blocks of the other: what holds those alone fits both


def choose(kind: Kind, fitting: Sequence[Match], claim: Claim | None, certainty: float) -> Finding:
    """The base that most layers fit; where several fit as many, the one that the metadata claims, or all of them.

    Args:
        fitting: comparisons that fit well enough, at least one.
        certainty: 0..1, how sure a base is that all layers fit and no other does.
    """
    most = max(match.fitting for match in fitting)
    best = [match for match in fitting if match.fitting == most]
    bases = tuple(dict.fromkeys(match.variant.base for match in best))
    reason = f"{best[0].fitting} of {best[0].total} layers have names and shapes of"
    sure = best[0].share * certainty
    own = tuple(base for base in bases if _DERIVED.get(base) not in bases)
    cards: tuple[str, ...] | None = None
    if claim is not None and len(bases) > 1 and len(named := [base for base in bases if base in claim.bases]) == 1:
        base, confidence = named[0], sure * (0.8 if len(own) > 1 else 0.9)
        why: tuple[str, ...] = (f"{reason} {' and '.join(bases)}", f"its metadata says {claim.bases[0]}")
    elif len(own) == 1:
        base, confidence = own[0], sure * (1.0 if len(bases) == 1 else 0.9)
        also = f", and of {' and '.join(set(bases) - set(own))}, made from it" if len(bases) > 1 else ""
        why = (f"{reason} {base}{also}",)
    elif kind == "lora" and (whole := _whole(best, own)) is not None:
        base = whole
        others = ", ".join(other for other in own if other != base)
        confidence = sure * 0.6
        cards = tuple(card for one in own for card in CARDS[one])  # it may be for any of them all the same
        why = (f"{reason} {', '.join(own)}", f"it has all of the like that {base} has, and not all that {others} has")
    else:
        together = f"{reason} {', '.join(own)}: what it holds is the same in all of them"
        return Finding(kind, None, confidence=round(sure / len(own), 2), reasons=(together,), bases=own)
    architecture = next(match.variant.architecture for match in best if match.variant.base == base)
    return Finding(kind, base, None, architecture, round(min(confidence, 0.99), 2), why, bases, cards)


def _whole(best: Sequence[Match], own: tuple[str, ...]) -> str | None:
    """Of models that all have the file's layers, the one that has no more of their like; None where that is not one."""
    complete = [match for match in best if match.complete and match.variant.base in own]
    least = min((match.left_out for match in complete), default=0)
    bases = {match.variant.base for match in complete if match.left_out == least}
    return bases.pop() if len(bases) == 1 else None
