"""Will a workflow fit a device's memory, with the files that the ComfyUI that we keep has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..models.memory.plan import Picture, Plan, Planner
from ..workflow import Workflow
from ..workflow.loads import read_loads
from .models import models_folder


def plan_memory(
    workflow: str | Path,
    vram: int,
    ram: int | None = None,
    *,
    values: Mapping[str, str] | None = None,
    card: str | None = None,
    models: Path | None = None,
) -> Plan:
    """Say whether a workflow fits a device's memory, and by which means; nothing is loaded or measured.

    Args:
        workflow: a name of the library, with or without ``@version``, or the path of a file.
        vram: bytes of the device's memory.
        ram: bytes of main memory, where that may be short.
        values: of the workflow's inputs, as text, in place of the artist's own.
        card: id of a model that is priced in place of the workflow's own.
        models: ComfyUI's models folder; by default that of the managed host. What is not in it is priced by its card.

    Raises:
        WorkflowInvalid: there is no such workflow, or the file is none.
        InputUnknown: the workflow has no input of that name.
        InputInvalid: ComfyUI has no code for the model, or it has no file of the precision that is asked for.
        ModelMissing: there is no such card, or a file that no card knows is not there.
    """
    loads = read_loads(Workflow.load(workflow), values or {})
    planner = Planner(vram, ram, models or models_folder())
    if card is not None:
        loaded = [planner.card(card)]
    else:
        loaded = [planner.card(name, None if precision == "auto" else precision) for name, precision in loads.cards]
        loaded += [planner.files(folder, names) for folder, names in loads.files]
    pictures = [Picture(latent.width, latent.height, latent.batch, latent.frames) for latent in loads.latents]
    return planner.plan(loaded, pictures, loads.tile)
