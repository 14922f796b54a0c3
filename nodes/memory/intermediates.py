"""16 bit between nodes, for one graph, with a guard; core's own switch for it is for the whole process."""

from __future__ import annotations

import math
from typing import Any

import torch
from comfy_api.latest import io

from ...client.errors import InputInvalid
from ...client.units import gib
from ..refusal import refusing, tell
from .record import Phase, note


class PackshotIntermediates(io.ComfyNode):
    """Keeps a latent, picture or mask in 16 bit from here on, unless that would break it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Latent, picture or mask and precision; the same in that precision, and what came of it as text."""
        kind = io.MatchType.Template("any", [io.Latent, io.Image, io.Mask])
        return io.Schema(
            node_id="PackshotIntermediates",
            display_name="Packshot Intermediates",
            category="Packshot/Memory",
            description="Halves the memory of what goes between nodes from here on. Where a value does not fit into 16"
            " bit it stays in 32, and the node says so.",
            search_aliases=["fp16", "half precision", "nan", "black image"],
            inputs=[
                io.MatchType.Input("value", template=kind),
                io.Combo.Input("precision", options=["fp16", "fp32"], default="fp16"),
                io.Boolean.Input(
                    "measure", default=False, tooltip="Say how far it is from 32 bit, as PSNR; takes a moment."
                ),
            ],
            outputs=[
                io.MatchType.Output(template=kind, id="value_out", display_name="value"),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, value: Any, precision: str, measure: bool) -> io.NodeOutput:
        """Cast, look, and take it back where it does not hold."""
        latent = isinstance(value, dict)
        tensor = value["samples"] if latent else value
        if tensor.is_nested:
            with refusing():
                raise InputInvalid(
                    "a latent with sound beside its pictures",
                    place="Packshot Intermediates, input 'value'",
                    remedy="use the latent of the pictures alone",
                )
        cast, said = guarded(tensor, torch.float16 if precision == "fp16" else torch.float32)
        if measure and cast.dtype != torch.float32:
            said += f"; PSNR against 32 bit {psnr(tensor, cast):.1f} dB"
        note(Phase("intermediates", device=str(tensor.device), notes=[said]))
        out = {**value, "samples": cast} if latent else cast
        return io.NodeOutput(out, said, ui=tell(cls.hidden.unique_id, [said]))


def guarded(tensor: Any, dtype: Any) -> tuple[Any, str]:
    """A tensor in another dtype, or in 32 bit where that would make finite values infinite; and what was done.

    Values that were not finite before are the fault of what made them: they are said, and nothing is changed.
    """
    name = str(dtype).removeprefix("torch.")
    wrong = int((~torch.isfinite(tensor)).sum())
    if wrong:
        return tensor.float(), f"{wrong} values are NaN or infinite already: kept in float32; look at what made them"
    cast = tensor.to(dtype)
    lost = int((~torch.isfinite(cast)).sum())
    if lost:
        largest = float(tensor.abs().max())
        return tensor.float(), f"{lost} values up to {largest:.4g} do not fit into {name}: kept in float32"
    return cast, f"{name}, {gib(cast.nbytes)}"


def psnr(reference: Any, other: Any) -> float:
    """Peak signal-to-noise ratio in dB, of tensors of one shape; the peak is the range of the reference. Equal: inf."""
    reference, other = reference.double(), other.double()
    error = float(((reference - other) ** 2).mean())
    span = float(reference.max() - reference.min())
    if error == 0.0:
        return math.inf
    return 10 * math.log10(span**2 / error) if span else -math.inf
