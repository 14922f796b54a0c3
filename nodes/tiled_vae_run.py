"""Decode and encode in pieces, with the numbers of a pass over the whole.

Core's own code runs around it: a view of the VAE is made whose decoder or encoder is ours (:class:`_Pieces`), and
core's ``VAE.decode`` or ``VAE.encode`` is called on that, with its scaling, cropping, quantisation layers and dtype.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import comfy.model_management
import comfy.utils
import torch

from ..client.errors import InputInvalid, OutOfMemory
from . import memory_oom
from .memory_record import gib
from .tiled_vae_layout import SMALLEST, Layout, layout
from .tiled_vae_programs import stages_of
from .tiled_vae_stages import Engine, run, shapes, work
from .tiled_vae_tensors import Bands, Shape


@dataclass(slots=True)
class Outcome:
    """How a run went, for the report.

    Attributes:
        tile: side in pixels of the picture, of the run that went through.
        kept_on: where features were between stages.
        steps: what was tried before, and why it was not enough.
        lines: tile borders, rows and columns of the picture, for the overlay.
    """

    tile: int = 0
    kept_on: str = ""
    steps: list[str] = field(default_factory=list)
    lines: tuple[list[int], list[int]] = ((), ())  # type: ignore[assignment]


class _Pieces(torch.nn.Module):
    """Stands where the decoder or encoder stood, in a view of the VAE that is used once."""

    def __init__(self, part: Any, tile: int, into: tuple[Any, Any], outcome: Outcome) -> None:
        super().__init__()
        self._part = [part]  # in a list, so that its weights are not counted as ours
        self._tile, self._into, self._outcome = tile, into, outcome

    def forward(self, x: Any, *_: Any, **__: Any) -> Any:
        """(B, C, H, W), or (B, C, 1, H, W) as Wan's; on return the same, as the part itself returns it."""
        still = x.ndim == 5
        flat = x[:, :, 0] if still else x
        made = [self._one(flat[number : number + 1]) for number in range(flat.shape[0])]
        out = made[0] if len(made) == 1 else torch.cat(made)
        if not still:
            return out
        out = out.unsqueeze(2)
        return [out] if hasattr(self._part[0], "run_up") else out  # Wan's decoder gives a list of its frames

    def _one(self, x: Any) -> Any:
        plan = layout(self._part[0], tuple(x.shape[1:]), x.dtype)
        assert plan is not None
        failed = ""
        for rung in _rungs(plan, x, self._tile):
            if failed:
                self._outcome.steps.append(f"{failed}; then {rung.step}")
                rung.make_room()
            try:
                out = self._attempt(plan, x, rung)
            except Exception as error:
                if not memory_oom.is_oom(error):
                    raise
                failed = f"out of memory with {rung}"
                logging.warning("Packshot: %s", failed)
            else:
                self._outcome.tile, self._outcome.kept_on = rung.tile, rung.kept()
                self._outcome.lines = _borders(plan, rung.tile)
                return out
        raise OutOfMemory(
            f"{failed}, the last step; needed are {gib(plan.kept(SMALLEST))} for features and"
            f" {gib(plan.piece(SMALLEST))} for a tile",
            place="tiled VAE",
            remedy="close other programs, or make a smaller picture",
        )

    def _attempt(self, plan: Layout, x: Any, rung: _Rung) -> Any:
        device, dtype = self._into
        progress = _Progress(work(plan.stages, plan.shape))
        engine = Engine(rung.tile, plan.base, x.device, rung.store, x.dtype, rung.dtype, progress)
        final = shapes(plan.stages, plan.shape)[-1]
        out = Bands(final, dtype or x.dtype, device or x.device, final[1])
        run(engine, plan.stages, x, out)
        return out.whole()


@dataclass(frozen=True, slots=True)
class _Rung:
    """One way to try, of the out-of-memory ladder.

    Attributes:
        store: device that keeps the features between stages, in ``dtype``.
        step: what makes it take less than the one before.
        alone: other models are unloaded first.
    """

    tile: int
    store: Any
    dtype: Any
    step: str = ""
    alone: bool = False

    def __str__(self) -> str:
        return f"tiles of {self.tile} pixels and features on {self.kept()}"

    def kept(self) -> str:
        """Where features are, and in what."""
        return f"{self.store} in {str(self.dtype).removeprefix('torch.')}"

    def make_room(self) -> None:
        """Give back what the attempt before left, and unload other models where this rung says so."""
        comfy.model_management.soft_empty_cache()
        if self.alone:
            keep = comfy.model_management.loaded_models(only_currently_used=True)
            busy = [one for one in comfy.model_management.current_loaded_models if one.model in keep]
            comfy.model_management.free_memory(1e30, self.store, keep_loaded=busy)


def _rungs(plan: Layout, x: Any, tile: int) -> Iterator[_Rung]:
    """Unload others, then features in main memory, then smaller tiles, then features in 16 bit."""
    device, aside = x.device, comfy.model_management.intermediate_device()
    free = comfy.model_management.get_free_memory(device)
    tile = tile or plan.tile_for((free - plan.kept(SMALLEST)) / 2 if device == aside else free / 2)
    store = device if plan.kept(tile) + plan.piece(tile) <= free else aside
    yield _Rung(tile, store, x.dtype)
    if device.type != "cpu":
        yield _Rung(tile, device, x.dtype, "other models unloaded", alone=True)
    if store != aside:
        yield _Rung(tile, aside, x.dtype, "features in main memory")
    while tile > SMALLEST:
        tile = max(SMALLEST, tile // 2)
        yield _Rung(tile, aside, x.dtype, f"tiles of {tile} pixels")
    if x.dtype == torch.float32:
        yield _Rung(tile, aside, torch.float16, "features kept in 16 bit: no longer exact")


def _borders(plan: Layout, tile: int) -> tuple[list[int], list[int]]:
    """Rows and columns at which tiles of the last stage begin."""
    before, final = shapes(plan.stages, plan.shape)[-2:]
    engine = Engine(tile, plan.base, None, None, None, None, lambda _: None)
    channels = max(before[0], final[0])
    return tuple([low for low, _ in engine.spans(size, channels)[1:]] for size in final[1:])  # type: ignore[return-value]


class _Progress:
    """Core's progress bar, in thousandths of the work."""

    def __init__(self, total: float) -> None:
        self._total, self._done = total, 0.0
        self._bar = comfy.utils.ProgressBar(1000)

    def __call__(self, done: float) -> None:
        self._done += done
        self._bar.update_absolute(min(1000, int(1000 * self._done / self._total)))


def _view(vae: Any, name: str, pieces: _Pieces) -> Any:
    """The VAE with another decoder or encoder, sharing all weights; the original is left as it is."""
    model = copy.copy(vae.first_stage_model)
    model._modules = {**model._modules, name: pieces}
    view = copy.copy(vae)
    view.first_stage_model = model
    return view


def decode(vae: Any, samples: Any, tile: int = 0) -> tuple[Any, Outcome]:
    """Core's ``VAE.decode`` in tiles of ``tile`` pixels; 0: as large as free memory allows.

    Args:
        samples: (B, C, h, w), or (B, C, 1, h, w) where the VAE is one for videos.

    Returns:
        (B, H, W, 3) in 0 … 1, or (B, 1, H, W, 3), as ``VAE.decode`` gives it.

    Raises:
        InputInvalid: the latent or the VAE is of a kind that cannot be decoded here.
        OutOfMemory: even the smallest tiles do not fit.
    """
    part = known_part(vae, "decoder")
    _check_latent(vae, samples)
    if vae.latent_dim == 2 and samples.ndim == 5:
        samples = samples[:, :, 0]
    outcome = Outcome()
    dtype = _between(vae, samples)
    view = _view(vae, "decoder", _Pieces(part, tile, (vae.output_device, dtype), outcome))
    view.vae_output_dtype = lambda: dtype
    view.memory_used_decode = _needed(part, tile, _inner(vae))
    return view.decode(samples), outcome


def encode(vae: Any, pixels: Any, tile: int = 0) -> tuple[Any, Outcome]:
    """Core's ``VAE.encode`` in tiles of ``tile`` pixels; 0: as large as free memory allows.

    Args:
        pixels: (B, H, W, 3) in 0 … 1.

    Raises:
        InputInvalid: the VAE is of a kind that cannot encode here.
        OutOfMemory: even the smallest tiles do not fit.
    """
    part = known_part(vae, "encoder")
    outcome = Outcome()
    dtype = _between(vae, pixels)
    view = _view(vae, "encoder", _Pieces(part, tile, (None, None), outcome))
    view.vae_output_dtype = lambda: dtype
    view.memory_used_encode = _needed(part, tile, lambda shape: (shape[1], *shape[-2:]))
    return view.encode(pixels), outcome


def _between(vae: Any, given: Any) -> Any:
    """The dtype between nodes: 16 bit where the caller's tensor is in it, else what core is set to."""
    return torch.float16 if given.dtype == torch.float16 else vae.vae_output_dtype()


def supported(vae: Any) -> bool:
    """Whether a VAE is of a kind that is known here."""
    return stages_of(getattr(vae.first_stage_model, "decoder", None)) is not None


def known_part(vae: Any, name: str) -> Any:
    """The decoder or encoder of a VAE of a kind that is known here.

    Raises:
        InputInvalid: it is of another kind, or there is none.
    """
    model = getattr(vae, "first_stage_model", None)
    part = getattr(model, name, None)
    if part is None or stages_of(part) is None:
        raise InputInvalid(
            f"a VAE of unknown kind: {type(model).__name__} with {type(part).__name__} as its {name}; known are"
            " Stable Diffusion's, FLUX.1's, FLUX.2's and Wan's (Qwen-Image's)",
            place="input 'vae'",
            remedy="use core's VAE Decode (Tiled) or VAE Encode (Tiled) for it",
        )
    return part


def _inner(vae: Any) -> Callable[[Any], Shape]:
    """What the decoder is given for a latent of a shape: FLUX.2's is unpacked to four times as many pixels before."""
    if getattr(vae.first_stage_model, "bn", None) is not None:
        return lambda shape: (shape[1] // 4, shape[-2] * 2, shape[-1] * 2)
    return lambda shape: (shape[1], *shape[-2:])


def _needed(part: Any, tile: int, inner: Callable[[Any], Shape]) -> Callable[[Any, Any], float]:
    """What core reserves: a tile, instead of the picture."""

    def needed(shape: Any, dtype: Any) -> float:
        plan = layout(part, inner(shape), dtype)
        assert plan is not None
        return plan.piece(tile or 512)

    return needed


def _check_latent(vae: Any, samples: Any) -> None:
    """Refuse what is no latent of a picture of this VAE.

    Raises:
        InputInvalid: wrong number of dimensions or channels, or nothing in it.
    """
    shape = tuple(samples.shape)
    fits = samples.ndim in (4, 5) and shape[1] == vae.latent_channels and min(shape) > 0
    if vae.latent_dim == 3:
        fits = fits and samples.ndim == 5
    if not fits:
        wanted = "B x C x 1 x h x w" if vae.latent_dim == 3 else "B x C x h x w"
        raise InputInvalid(
            f"a latent of shape {' x '.join(map(str, shape))}; this VAE takes {wanted} with C = {vae.latent_channels}",
            place="input 'samples'",
            remedy="link a latent that was sampled with the model that this VAE belongs to",
        )
