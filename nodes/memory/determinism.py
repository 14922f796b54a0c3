"""The node that samples with one seed several times and says whether the results are equal, or how far apart.

What may make a difference is where the weights are. A LoRA is added to resident weights once, and the sum is rounded to
their dtype; to streamed weights it is added at each use, unrounded. Core decides by the memory that is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.samplers
import torch
from comfy.patcher_extension import WrappersMP
from comfy_api.latest import io

import nodes as core

from ..refusal import tell

_KEY = "packshot_determinism"
_RUNS = ("cold", "warm", "resident", "streamed")


@dataclass(slots=True)
class Placement:
    """Where the weights of one run are to be, and where they were; a wrapper of core's ``PREPARE_SAMPLING``.

    Attributes:
        run: one of cold, warm, resident, streamed.
        share: of the model's bytes on the compute device when sampling began, 0..1.
    """

    run: str = "cold"
    share: float = 0.0

    def __call__(self, executor: Any, model: Any, *args: Any, **options: Any) -> Any:
        """Load by core's own means, then move what is to be streamed off the device."""
        if self.run == "resident":
            options["force_full_load"] = True
        prepared = executor(model, *args, **options)
        if self.run == "streamed":
            _stream(model)
        self.share = min(1.0, model.loaded_size() / max(1, model.model_size()))
        return prepared


def _stream(model: Any) -> None:
    """Have core stream all weights; the next load, or an unload, undoes it."""
    if not model.is_dynamic():
        model.partially_unload(model.offload_device, model.loaded_size())
    elif (pages := model._vbar_get()) is not None:
        pages.set_watermark(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run differs from the first.

    Attributes:
        run: one of cold, warm, resident, streamed.
        share: of the model's bytes on the compute device, 0..1.
        relative: norm of the difference over the norm of the first run's latent; None where the run did not fit.
        largest: difference of any value of the latent.
    """

    run: str
    share: float
    relative: float | None
    largest: float

    @property
    def equal(self) -> bool:
        return self.relative == 0.0

    def line(self) -> str:
        """For people."""
        place = f"{self.run} ({self.share:.0%} of the weights on the device)"
        if self.relative is None:
            return f"{self.run}: does not fit into memory"
        if self.equal:
            return f"{place}: equal, bit by bit"
        return f"{place}: {self.relative:.2e} away in relative norm, {self.largest:.2e} at most"


class PackshotDeterminismCheck(io.ComfyNode):
    """Samples with one seed cold, warm, resident and streamed, and compares the latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A sampler's inputs; whether all runs are equal, the largest distance, a report, and the first latent."""
        return io.Schema(
            node_id="PackshotDeterminismCheck",
            display_name="Packshot Determinism Check",
            category="Packshot/Brand",
            description="Samples with one seed four times: freshly loaded, again, with all weights on the device, and"
            " with all of them streamed. Says whether the results are equal, or how far apart they are.",
            search_aliases=["same seed", "reproducible", "determinism", "offload", "fp8 lora"],
            inputs=[
                io.Model.Input("model"),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Latent.Input("latent"),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF),
                io.Int.Input("steps", default=4, min=1, max=10000),
                io.Float.Input("cfg", default=1.0, min=0.0, max=100.0, step=0.1),
                io.Combo.Input("sampler", options=list(comfy.samplers.KSampler.SAMPLERS), default="euler"),
                io.Combo.Input("scheduler", options=list(comfy.samplers.KSampler.SCHEDULERS), default="simple"),
                io.Float.Input("denoise", default=1.0, min=0.0, max=1.0, step=0.01),
            ],
            outputs=[
                io.Boolean.Output(id="equal", display_name="equal", tooltip="All runs gave the same, bit by bit."),
                io.Float.Output(
                    id="distance", display_name="distance", tooltip="The largest: norm of a difference over the norm."
                ),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
                io.Latent.Output(id="latent_out", display_name="latent", tooltip="Of the first run."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Never the same: a check that is asked for again is made again."""
        return float("nan")  # a new one each time: Python takes one and the same for equal to itself

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        positive: io.Conditioning.Type,
        negative: io.Conditioning.Type,
        latent: io.Latent.Type,
        seed: int,
        steps: int,
        cfg: float,
        sampler: str,
        scheduler: str,
        denoise: float,
    ) -> io.NodeOutput:
        """Run and compare; afterwards the model is off the device, and core loads it again as it sees fit."""
        placement = Placement()
        # All runs with one clone: for core, another would be a model to load anew.
        patched = model.clone()
        patched.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, _KEY, placement)
        outcomes: list[Outcome] = []
        first: dict[str, Any] | None = None
        comfy.model_management.unload_model_and_clones(model)
        try:
            for placement.run in _RUNS:
                try:
                    made = core.common_ksampler(
                        patched, seed, steps, cfg, sampler, scheduler, positive, negative, latent, denoise=denoise
                    )[0]
                except comfy.model_management.OOM_EXCEPTION:
                    if placement.run != "resident":
                        raise
                    outcomes.append(Outcome(placement.run, 0.0, None, 0.0))
                    comfy.model_management.unload_model_and_clones(model)
                    continue
                first = first or made
                outcomes.append(_compared(placement, first["samples"], made["samples"]))
        finally:
            comfy.model_management.unload_model_and_clones(model)
        lines = [outcome.line() for outcome in outcomes] + _advice(outcomes, patched)
        distance = max(outcome.relative or 0.0 for outcome in outcomes)
        values = [
            {"run": one.run, "resident": one.share, "relative": one.relative, "largest": one.largest}
            for one in outcomes
        ]
        told = tell(cls.hidden.unique_id, lines) or {}
        return io.NodeOutput(distance == 0.0, distance, "\n".join(lines), first, ui={**told, "determinism": values})


def _compared(placement: Placement, first: torch.Tensor, other: torch.Tensor) -> Outcome:
    before, after = _flat(first), _flat(other)
    apart = (after - before).abs()
    whole = float(before.norm())
    relative = float(apart.norm()) / whole if whole else float(apart.norm())
    return Outcome(placement.run, placement.share, relative, float(apart.max()))


def _flat(samples: torch.Tensor) -> torch.Tensor:
    """A latent's values in one row; one of several parts, as of video with sound, has them one after the other."""
    parts = samples.unbind() if samples.is_nested else [samples]
    return torch.cat([part.detach().to("cpu", torch.float64).reshape(-1) for part in parts])


def _advice(outcomes: list[Outcome], model: Any) -> list[str]:
    """What to do where runs differ."""
    apart = {outcome.run for outcome in outcomes if not outcome.equal and outcome.relative is not None}
    if not apart:
        return []
    if "warm" in apart:
        return ["the same place and another result: an operation of this device gives no fixed order of sums"]
    if model.patches:
        return ["a LoRA is rounded into resident weights and not into streamed ones: keep the model in one place"]
    return ["where the weights are makes a difference: keep the model in one place for pictures that must agree"]
