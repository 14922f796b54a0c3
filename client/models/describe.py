"""Says in words what a card holds in numbers."""

from __future__ import annotations

from typing import Any

from .cards import Card, Sampling, card_ids, load_card
from .licensing.licences import load_licence

_GIB = 1 << 30


def list_models() -> list[dict[str, Any]]:
    """List the models that Packshot knows, in the order of their ids, as ``packshot models list --json`` prints them.

    Raises:
        WorkflowInvalid: a card of the user's own is not valid.
    """
    return [
        {
            "id": card.id,
            "name": card.name,
            "summary": card.summary,
            "family": card.family,
            "kind": card.kind,
            "supported_by_host": card.supported_by_host,
            "licence": card.licence,
            "commercial_use": commercial_use(card),
            "weights_gib": {memory.precision: memory.weights_gib for memory in card.memory},
            "steps": card.sampling.steps,
            "cfg": card.sampling.cfg,
            "capabilities": card.capabilities,
            "languages": card.languages,
        }
        for card in map(load_card, card_ids())
    ]


def show_model(card: Card) -> dict[str, Any]:
    """Give all that a card says, as ``packshot models show --json`` prints it: with the folder of each file."""
    answer = card.model_dump(mode="json")
    parts = (*card.components, *card.controls)
    for entry, component in zip(answer["components"] + answer["controls"], parts, strict=True):
        entry["folder"] = component.folder
    return answer | {"commercial_use": commercial_use(card)}


def commercial_use(card: Card) -> str:
    """``yes``, ``duties``, ``limited`` or ``no`` (in that order the worse one counts), or ``unknown``.

    Of all components of a card together, before anything is known of the user; for one user
    :func:`~.licensing.licences.judge` answers.

    Raises:
        WorkflowInvalid: a component names a licence that there is no file for.
    """
    clauses = [clause for part in card.components for clause in load_licence(part.licence).clauses]
    kinds = {clause.kind for clause in clauses}
    if "unlicensed" in kinds:
        return "unknown"
    if "non-commercial" in kinds:
        return "no"
    if kinds & {"revenue-threshold", "monthly-users-threshold", "territory-excluded"}:
        return "limited"
    return "duties" if any(clause.kind == "duty" and "using" in clause.when for clause in clauses) else "yes"


def size_text(size: int | None) -> str:
    """A size in bytes as people read it, in GiB or MiB."""
    if size is None:
        return "?"
    return f"{size / _GIB:.1f} GiB" if size >= _GIB // 10 else f"{size / (1 << 20):.0f} MiB"


def sampling_text(sampling: Sampling) -> str:
    """A card's sampling defaults in one line."""
    said = [f"{sampling.steps} steps", f"CFG {sampling.cfg:g}"]
    if sampling.guidance is not None:
        said.append(f"guidance {sampling.guidance:g}")
    said.append(f"{sampling.sampler}/{sampling.scheduler}")
    if sampling.shift is not None:
        said.append(f"shift {sampling.shift:g}")
    if sampling.cfg_norm is not None:
        said.append(f"CFG norm {sampling.cfg_norm:g}")
    if sampling.negative == "zero":
        said.append("no negative prompt")
    if sampling.fixed_steps:
        said.append("made for exactly these steps")
    return ", ".join(said)


def resolution_text(card: Card) -> str:
    """A card's resolution rule in one line."""
    rule = card.resolution
    return (
        f"{rule.native[0]} x {rule.native[1]}; multiples of {rule.step}, {rule.min_pixels / 1e6:.2g} to"
        f" {rule.max_pixels / 1e6:.2g} megapixels"
    )
