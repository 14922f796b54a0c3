"""A card's rules applied to what a user asks for: size, sampling settings, warnings, and which files fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .cards import Card, Component
from .detect.detect import Detection
from .detect.findings import CARDS

# Core's loader of diffusion models takes that part out of a whole checkpoint.
_LOADED_ALL_THE_SAME = {("checkpoint", "diffusion_model")}


@dataclass(frozen=True, slots=True)
class Settings:
    """How one picture is sampled.

    Attributes:
        scheduler: one of core's, or ``flux2`` for core's Flux2Scheduler.
        shift: of the noise schedule, patched onto the model; None leaves the model's own.
        guidance: distilled guidance; None where the model takes none.
    """

    steps: int
    cfg: float
    guidance: float | None
    sampler: str
    scheduler: str
    shift: float | None


def fit_size(card: Card, width: int, height: int) -> tuple[int, int, list[str]]:
    """A size in pixels that the model can make: multiples of its step, at least its smallest side.

    Args:
        width, height: in pixels; 0 stands for the model's own. With one of them 0 the other keeps the own proportions.

    Returns:
        Width, height and warnings: about a size that had to change, and about one that the model was not made for.
    """
    rule = card.resolution
    own_width, own_height = rule.native
    if not width and not height:
        width, height = rule.native
    elif not height:
        height = round(width * own_height / own_width)
    elif not width:
        width = round(height * own_width / own_height)
    fitted = (_snap(width, rule.step, rule.min_side), _snap(height, rule.step, rule.min_side))
    warnings = []
    if fitted != (width, height):
        warnings.append(
            f"{width} x {height} became {fitted[0]} x {fitted[1]}: {card.name} makes multiples of {rule.step} from"
            f" {rule.min_side} pixels"
        )
    pixels = fitted[0] * fitted[1]
    if max(fitted) > rule.max_side or not rule.min_pixels <= pixels <= rule.max_pixels:
        warnings.append(
            f"{card.name} was made for {rule.min_pixels / 1e6:.2g} to {rule.max_pixels / 1e6:.2g} megapixels and sides"
            f" up to {rule.max_side}; {fitted[0]} x {fitted[1]} may look worse"
        )
    return (*fitted, warnings)


def own_size_like(card: Card, width: int, height: int) -> tuple[int, int]:
    """A picture's proportions at about as many pixels as the model's own size has, in multiples that it can make."""
    rule = card.resolution
    scale = (rule.native[0] * rule.native[1] / (width * height)) ** 0.5
    fitted_width = _snap(round(width * scale), rule.step, rule.min_side)
    return fitted_width, _snap(round(height * scale), rule.step, rule.min_side)


def _snap(side: int, step: int, smallest: int) -> int:
    """The nearest multiple of ``step`` that is not below ``smallest``; half a step goes down, to cost no memory."""
    lowest = -(-smallest // step) * step
    return max(lowest, (side + (step - 1) // 2) // step * step)


def settings(
    card: Card,
    *,
    steps: int = 0,
    cfg: float = 0.0,
    guidance: float = 0.0,
    sampler: str = "",
    scheduler: str = "",
    shift: float = 0.0,
) -> tuple[Settings, list[str]]:
    """The card's sampling settings with the user's in their place where given; 0 and "" stand for the card's own.

    CFG above 1 on a guidance-distilled model is not applied: the guidance is already in the weights, and extrapolating
    from it a second time over-saturates the picture and doubles the time.
    """
    own = card.sampling
    warnings = []
    result = Settings(own.steps, own.cfg, own.guidance, own.sampler, own.scheduler, own.shift)
    if steps:
        if own.fixed_steps and steps != own.steps:
            warnings.append(f"{card.name} was distilled for exactly {own.steps} steps; {steps} may look worse")
        result = replace(result, steps=steps)
    if cfg:
        if own.distilled_guidance and cfg > 1:
            warnings.append(
                f"CFG {cfg:g} is not applied, CFG 1 is: the guidance of {card.name} is distilled into its weights, and"
                " guiding a second time spoils colours and doubles the time"
            )
        else:
            result = replace(result, cfg=cfg)
    if guidance:
        if own.guidance is None:
            warnings.append(f"guidance {guidance:g} is not applied: {card.name} takes none; use CFG")
        else:
            result = replace(result, guidance=guidance)
    if shift:
        if own.shift_node is None:
            warnings.append(f"shift {shift:g} is not applied: the noise schedule of {card.name} has none to set")
        else:
            result = replace(result, shift=shift)
    return replace(result, sampler=sampler or own.sampler, scheduler=scheduler or own.scheduler), warnings


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
