"""The node that shows whether two policies make the same picture."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.sample
import comfy.samplers
import latent_preview
import torch
from comfy_api.latest import io

from ...client.errors import InputInvalid
from ..refusal import refusing, tell
from .intermediates import psnr


class PackshotParityCheck(io.ComfyNode):
    """Samples the same twice, with two models that differ in their policy, and compares step by step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Two models and what a sampler takes; the first latent, and the comparison as text."""
        return io.Schema(
            node_id="PackshotParityCheck",
            display_name="Packshot Parity Check",
            category="Packshot/Memory",
            description="Runs the same sampling with two models, such as one model with two VRAM policies: largest"
            " difference, PSNR, and the first step at which they part.",
            search_aliases=["determinism", "compare", "quality", "dynamic vram", "psnr"],
            inputs=[
                io.Model.Input("model_a", tooltip="From one Packshot VRAM Policy."),
                io.Model.Input("model_b", tooltip="From another."),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Latent.Input("latent"),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF),
                io.Int.Input("steps", default=4, min=1, max=1000),
                io.Float.Input("cfg", default=1.0, min=0.0, max=100.0, step=0.1),
                io.Combo.Input("sampler", options=comfy.samplers.SAMPLER_NAMES, default="euler"),
                io.Combo.Input("scheduler", options=comfy.samplers.SCHEDULER_NAMES, default="simple"),
            ],
            outputs=[
                io.Latent.Output(id="sampled", display_name="latent", tooltip="Of model A."),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        model_a: io.Model.Type,
        model_b: io.Model.Type,
        positive: io.Conditioning.Type,
        negative: io.Conditioning.Type,
        latent: io.Latent.Type,
        **settings: Any,
    ) -> io.NodeOutput:
        """Sample with each, and compare."""
        given = comfy.sample.fix_empty_latent_channels(model_a, latent["samples"])
        if given.is_nested:
            with refusing():
                raise InputInvalid(
                    "a latent with sound beside its pictures",
                    place="Packshot Parity Check, input 'latent'",
                    remedy="use the latent of the pictures alone",
                )
        runs = []
        for model in (model_a, model_b):
            # The second run must load anew, or it would find what the first one left.
            comfy.model_management.unload_model_and_clones(model)
            runs.append(_sampled(model, positive, negative, given, settings))
        text = compare(*runs)
        return io.NodeOutput({**latent, "samples": runs[0][-1]}, text, ui=tell(cls.hidden.unique_id, [text]))


def _sampled(model: Any, positive: Any, negative: Any, given: Any, settings: dict[str, Any]) -> list[Any]:
    """What the model makes at each step, in 32 bit on the CPU, and last the latent."""
    seed, steps = settings["seed"], settings["steps"]
    noise = comfy.sample.prepare_noise(given, seed)
    seen: dict[int, Any] = {}  # by step, as the out-of-memory ladder may begin anew
    progress = latent_preview.prepare_callback(model, steps)

    def callback(step: int, denoised: Any, x: Any, total: int) -> None:
        seen[step] = denoised.detach().float().cpu().clone()
        progress(step, denoised, x, total)

    names = (settings["sampler"], settings["scheduler"])
    made = comfy.sample.sample(
        model, noise, steps, settings["cfg"], *names, positive, negative, given, callback=callback, seed=seed
    )
    return [*seen.values(), made.float().cpu()]


def compare(first: list[Any], second: list[Any]) -> str:
    """The comparison of two runs as text: each a list of what was made at every step, and last the latent."""
    *steps, latent = first
    *other_steps, other = second
    if torch.equal(latent, other) and all(map(torch.equal, steps, other_steps)):
        return f"bit-identical at all {len(steps)} steps"
    parted = next(
        (number for number, pair in enumerate(zip(steps, other_steps, strict=True), 1) if not torch.equal(*pair)), None
    )
    difference = float((latent - other).abs().max())
    where = f"from step {parted} of {len(steps)} on" if parted else "after the last step"
    return f"they part {where}; latents: max |Δ| {difference:.3g}, PSNR {psnr(latent, other):.1f} dB"
