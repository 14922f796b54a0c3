"""Nodes that say how much memory a model may take, and that free it."""

from __future__ import annotations

from typing import Any

import comfy.model_management
from comfy_api.latest import io

from ...client.errors import PackshotError
from ...client.units import gib
from ..refusal import refusing, tell
from .apply import PolicyWrappers
from .policy import Mode, Patching, Policy
from .text_encoder import noted

_CATEGORY = "Packshot/Memory"


class PackshotVRAMPolicy(io.ComfyNode):
    """How much of a model stays on the GPU while it samples, and how its LoRAs are applied."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model and options; the model that follows them."""
        return io.Schema(
            node_id="PackshotVRAMPolicy",
            display_name="Packshot VRAM Policy",
            category=_CATEGORY,
            description="Sets how much of the model stays on the GPU while it samples, and reports what was obtained."
            " Works with core's own memory management, for this model and this run alone. Put it after the LoRAs.",
            search_aliases=["block swap", "offload", "low vram", "reserve vram", "quality lock", "dynamic vram"],
            inputs=[
                io.Model.Input("model", tooltip="After all LoRAs."),
                io.Combo.Input(
                    "mode",
                    options=[mode.value for mode in Mode],
                    default=Mode.AUTO.value,
                    tooltip="auto: as core chooses. budget: at most so many GiB of it resident. blocks: the same, said"
                    " in blocks. full: all of it, or a refusal that says how much is missing.",
                ),
                io.Float.Input(
                    "budget_gib", default=0.0, min=0.0, max=1024.0, step=0.001, tooltip="Only for mode budget."
                ),
                io.Int.Input("blocks", default=0, min=0, max=1024, tooltip="Only for mode blocks."),
                io.Float.Input(
                    "headroom_gib",
                    default=0.0,
                    min=0.0,
                    max=1024.0,
                    step=0.1,
                    tooltip="GiB of this model's GPU left to other programs while it samples.",
                ),
                io.Combo.Input(
                    "lora",
                    options=[way.value for way in Patching],
                    default=Patching.AUTO.value,
                    tooltip="weights: as core does. bypass: added at run time, the same whatever is resident. auto:"
                    " bypass where the weights are quantised.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="To have the text encoder in the memory report too, each time that it encodes.",
                ),
            ],
            outputs=[
                io.Model.Output(id="model_out", display_name="model"),
                io.Clip.Output(id="clip_out", display_name="clip"),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        mode: str | None,
        budget_gib: float | None,
        blocks: int | None,
        headroom_gib: float | None,
        lora: str | None,
    ) -> bool | str:
        """Refuse options that contradict each other before the queue."""
        if mode is None or budget_gib is None or blocks is None or headroom_gib is None or lora is None:
            return True
        try:
            Policy(Mode(mode), budget_gib, blocks, headroom_gib, Patching(lora))
        except PackshotError as error:
            return error.report()
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        mode: str,
        budget_gib: float,
        blocks: int,
        headroom_gib: float,
        lora: str,
        clip: io.Clip.Type | None = None,
    ) -> io.NodeOutput:
        """Put the policy on a clone of the model."""
        with refusing():
            policy = Policy(Mode(mode), budget_gib, blocks, headroom_gib, Patching(lora))
            held = PolicyWrappers.attach(model, policy)
        return io.NodeOutput(held, None if clip is None else noted(clip))


class PackshotUnload(io.ComfyNode):
    """Frees a model, or all of them, at this point of the graph."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Anything, which comes out as it is; what to free."""
        kind = io.MatchType.Template("any")
        return io.Schema(
            node_id="PackshotUnload",
            display_name="Packshot Unload",
            category=_CATEGORY,
            description="Passes on what it is given, and frees the linked model's memory, or that of all models. They"
            " load again when they are next used.",
            search_aliases=["free memory", "clear vram", "unload model", "purge"],
            inputs=[
                io.MatchType.Input(
                    "value", template=kind, tooltip="Comes out as it is: sets when the memory is freed."
                ),
                io.Model.Input("model", optional=True, tooltip="Linked: only this model is freed. Else all are."),
            ],
            outputs=[io.MatchType.Output(template=kind, id="value_out", display_name="value")],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,
        )

    @classmethod
    def execute(cls, value: Any, model: io.Model.Type | None = None) -> io.NodeOutput:
        """Unload through core."""
        before = _loaded()
        if model is None:
            comfy.model_management.unload_all_models()
        else:
            comfy.model_management.unload_model_and_clones(model)
        comfy.model_management.soft_empty_cache()
        text = f"freed {gib(max(0, before - _loaded()))} of weights"
        return io.NodeOutput(value, ui=tell(cls.hidden.unique_id, [text]))


def _loaded() -> int:
    models = comfy.model_management.current_loaded_models
    return sum(one.model.loaded_size() for one in models if one.model is not None)
