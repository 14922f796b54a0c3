"""Whether a file is what a card's slot is for."""

from __future__ import annotations

from .cards import Card, Component
from .detect.detect import Detection
from .detect.findings import CARDS

# Core's loader of diffusion models takes that part out of a whole checkpoint.
_LOADED_ALL_THE_SAME = {("checkpoint", "diffusion_model")}


def misfit(card: Card, component: Component, found: Detection) -> str:
    """What a file holds that does not belong into a component's slot; empty if nothing speaks against it.

    An architecture that the card's model has in a size that nobody published fits: pruned and tiny variants are real,
    and core reads sizes from the file. Where a header tells models of one base apart (FLUX.1 dev and schnell, SDXL and
    Playground v2.5), it has to be the card's own, for the others' licence or sampling is another.
    """
    if component.detected_as is None:
        return ""
    said = found.component if component.slot in ("text_encoder", "vae") else found.base
    right_kind = found.kind in (component.slot, "unknown") or (found.kind, component.slot) in _LOADED_ALL_THE_SAME
    if not right_kind or said not in (component.detected_as, "other", None):
        return said or found.kind
    told = CARDS.get(found.base or "", ())
    if card.id in told and component.slot in ("checkpoint", "diffusion_model") and card.id not in found.cards:
        return " or ".join(found.cards)
    return ""
