"""Decode and encode in pieces, with the numbers of a pass over the whole.

Core's own code runs around it: a view of the VAE is made whose decoder or encoder is ours (:class:`_Pieces`), and
core's ``VAE.decode`` or ``VAE.encode`` is called on that, with its scaling, cropping, quantisation layers and dtype.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import comfy.model_management
import comfy.utils
import torch

from ...client.errors import InputInvalid, OutOfMemory
from ...client.units import gib
from ..memory.record import is_oom
from .layout import SMALLEST, Layout, layout
from .programs import stages_of
from .stages import Engine, run, shapes, work
from .tensors import Bands, Shape


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
    """Stands where the decoder or encoder stood, in a view of the VAE that is used once.

    The out-of-memory ladder is climbed down from outside, so that memory which runs out in what core does before and
    after the layers counts too.
    """

    def __init__(
        self, part: Any, plan: Layout, rungs: Iterator[_Rung], pictures: int, into: tuple[Any, Any], steps: list[str],
        patcher: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self._part = [part]  # in a list, so that its weights are not counted as ours
        self._plan, self._pictures, self._into = plan, pictures, into
        self._rungs, self._steps, self._patcher = rungs, steps, patcher
        self._rung: _Rung | None = None
        self._progress: _Progress | None = None

    @property
    def rung(self) -> _Rung:
        """The way that is tried now. The first is chosen when it is asked for: once core has loaded the VAE."""
        return self._rung or self._take("other models hold the memory that features need")

    def step_down(self) -> None:
        """Take the next rung, after an attempt that was out of memory.

        Raises:
            OutOfMemory: there is none.
        """
        self._take(f"out of memory with {self.rung}")
        self._progress = None

    def _take(self, reason: str) -> _Rung:
        """Take the next rung that can fit, and record each step down with its reason.

        Raises:
            OutOfMemory: there is none.
        """
        for rung in self._rungs:
            if rung.step:
                self._steps.append(f"{reason}; then {rung.step}")
                logging.warning("Packshot: %s", self._steps[-1])
                rung.make_room(self._patcher)
            if not rung.alone or rung.fits(self._plan):
                self._rung = rung
                return rung
            reason = f"{gib(self._plan.taken(rung.tile))} are not free for {rung}"
        raise OutOfMemory(
            f"{reason}, the last step; needed are {gib(self._plan.kept(SMALLEST))} for features and"
            f" {gib(self._plan.piece(SMALLEST))} for a tile",
            place="tiled VAE",
            remedy="close other programs, or make a smaller picture",
        )

    def forward(self, x: Any, *_: Any, **__: Any) -> Any:
        """(B, C, H, W), or (B, C, 1, H, W) as Wan's; on return the same, as the part itself returns it."""
        if self._progress is None:
            self._progress = _Progress(self._pictures * work(self._plan.stages, self._plan.shape))
        still = x.ndim == 5
        flat = x[:, :, 0] if still else x
        made = [self._one(flat[number : number + 1], self._progress) for number in range(flat.shape[0])]
        out = made[0] if len(made) == 1 else torch.cat(made)
        if not still:
            return out
        out = out.unsqueeze(2)
        return [out] if hasattr(self._part[0], "run_up") else out  # Wan's decoder gives a list of its frames

    def _one(self, x: Any, progress: _Progress) -> Any:
        plan, rung, (device, dtype) = self._plan, self.rung, self._into
        engine = Engine(rung.tile, plan.base, x.device, rung.store, x.dtype, rung.dtype, progress)
        final = shapes(plan.stages, plan.shape)[-1]
        out = Bands(final, dtype or x.dtype, device or x.device, final[1])
        run(engine, plan.stages, x, out)
        made = out.whole()
        if rung.dtype != x.dtype and not bool(torch.isfinite(made).all()):
            raise OutOfMemory(
                "features kept in 16 bit overflow, which is no picture; in 32 bit they do not fit",
                place="tiled VAE",
                remedy="close other programs, or make a smaller picture",
            )
        return made


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

    def fits(self, plan: Layout) -> bool:
        """Say whether features and a piece fit into what is free now on the device that keeps the features."""
        return plan.taken(self.tile) <= float(comfy.model_management.get_free_memory(self.store))

    def make_room(self, patcher: Any) -> None:
        """Give back what the attempt before left, and unload all models but one where this rung says so."""
        if self.alone:
            own = [one for one in comfy.model_management.current_loaded_models if one.model is patcher]
            comfy.model_management.free_memory(1e30, patcher.load_device, keep_loaded=own)
        comfy.model_management.soft_empty_cache()


def _rungs(plan: Layout, device: Any, dtype: Any, tile: int) -> Iterator[_Rung]:
    """Unload others, then features in main memory, then smaller tiles, then features in 16 bit.

    Features begin in main memory only where the whole card could not hold them. Where they would fit but for other
    models, unloading those is the first way that is tried.
    """
    aside = comfy.model_management.intermediate_device()
    free = comfy.model_management.get_free_memory(device)
    if device == aside:
        tile = tile or plan.tile_for((free - plan.kept(SMALLEST)) / 2)
    tile = tile or plan.tile_beside(free)
    store = device if plan.taken(tile) <= _capacity() else aside
    if store == aside or plan.taken(tile) <= free:
        yield _Rung(tile, store, dtype)
    if device.type != "cpu":
        yield _Rung(tile, store, dtype, "other models unloaded", alone=True)
    if store != aside:
        yield _Rung(tile, aside, dtype, "features in main memory")
    while tile > SMALLEST:
        tile = max(SMALLEST, tile // 2)
        yield _Rung(tile, aside, dtype, f"tiles of {tile} pixels")
    if dtype == torch.float32:
        yield _Rung(tile, aside, torch.float16, "features kept in 16 bit: no longer exact")


def _capacity() -> float:
    """Bytes of the card that core computes on, less what drivers and the VAE's own weights take."""
    return 0.9 * float(comfy.model_management.total_vram) * 2**20


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


def _run(
    vae: Any, way: str, given: Any, shape: Shape, tile: int, outcome: Outcome, into: tuple[Any, Any] = (None, None)
) -> Any:
    """Core's ``VAE.decode`` or ``VAE.encode``, with our pieces in the place of the decoder or encoder.

    The VAE itself is left as it is; a view of it shares all weights.

    Args:
        shape: of what the decoder or encoder is given for one picture.
        into: device and dtype of what it makes; None: those of what it is given.
    """
    name = f"{way}r"
    part = getattr(vae.first_stage_model, name)
    plan = layout(part, shape, vae.vae_dtype)
    assert plan is not None
    rungs = _rungs(plan, vae.device, vae.vae_dtype, tile)
    pieces = _Pieces(part, plan, rungs, given.shape[0], into, outcome.steps, vae.patcher)
    view, model = copy.copy(vae), copy.copy(vae.first_stage_model)
    model._modules = {**model._modules, name: pieces}
    view.first_stage_model = model
    dtype = _between(vae, given)
    view.vae_output_dtype = lambda: dtype
    # Core unloads others as far as this needs: for a tile instead of the picture, and for features where they can fit.
    reserved = plan.taken(tile or 512) if plan.taken(tile or 512) <= _capacity() else plan.piece(tile or 512)
    setattr(view, f"memory_used_{way}", lambda *_: reserved)
    for fallback in (f"{way}_tiled_", f"{way}_tiled_3d"):
        setattr(view, fallback, _no_tiles)
    while True:
        try:
            made = getattr(view, way)(given)
            break
        except Exception as error:
            if not is_oom(error):
                raise
        pieces.step_down()
    outcome.tile, outcome.kept_on = pieces.rung.tile, pieces.rung.kept()
    outcome.lines = _borders(plan, outcome.tile)
    return made


def _no_tiles(*_: Any, **__: Any) -> Any:
    """In the place of core's own tiles, to which it would go over where memory runs out, each with its statistics."""
    raise MemoryError("out of memory round the layers of the VAE")


def decode(vae: Any, samples: Any, tile: int = 0, outcome: Outcome | None = None) -> tuple[Any, Outcome]:
    """Core's ``VAE.decode`` in tiles of ``tile`` pixels; 0: as large as free memory allows.

    Args:
        samples: (B, C, h, w), or (B, C, 1, h, w) where the VAE is one for videos.
        outcome: is filled on the way, so that the steps of a run that fails are known too.

    Returns:
        (B, H, W, 3) in 0 … 1, or (B, 1, H, W, 3), as ``VAE.decode`` gives it.

    Raises:
        InputInvalid: the latent or the VAE is of a kind that cannot be decoded here.
        OutOfMemory: even the smallest tiles do not fit.
    """
    known_part(vae, "decoder")
    check_latent(vae, samples)
    if vae.latent_dim == 2 and samples.ndim == 5:
        samples = samples[:, :, 0]
    outcome = outcome or Outcome()
    into = (vae.output_device, _between(vae, samples))
    return _run(vae, "decode", samples, _inner(vae, samples), tile, outcome, into), outcome


def encode(vae: Any, pixels: Any, tile: int = 0, outcome: Outcome | None = None) -> tuple[Any, Outcome]:
    """Core's ``VAE.encode`` in tiles of ``tile`` pixels; 0: as large as free memory allows.

    Args:
        pixels: (B, H, W, 3) in 0 … 1.
        outcome: is filled on the way, so that the steps of a run that fails are known too.

    Raises:
        InputInvalid: the VAE is of a kind that cannot encode here, or the picture is smaller than one pixel of its
            latent.
        OutOfMemory: even the smallest tiles do not fit.
    """
    known_part(vae, "encoder")
    ratio, (_, height, width, _) = vae.spacial_compression_encode(), pixels.shape
    if min(height, width) < ratio:
        raise InputInvalid(
            f"a picture of {width} x {height} pixels; this VAE makes one of its latent of {ratio} x {ratio}",
            place="input 'pixels'",
            remedy="link a larger picture",
        )
    shape = (vae.output_channels, height // ratio * ratio, width // ratio * ratio)  # as core crops it
    outcome = outcome or Outcome()
    return _run(vae, "encode", pixels, shape, tile, outcome), outcome


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


def _inner(vae: Any, samples: Any) -> Shape:
    """What the decoder is given for a latent: FLUX.2's is unpacked to four times as many pixels before."""
    _, channels, *_, height, width = samples.shape
    if getattr(vae.first_stage_model, "bn", None) is not None:
        return channels // 4, height * 2, width * 2
    return channels, height, width


def check_latent(vae: Any, samples: Any) -> None:
    """Refuse what is no latent of a picture of this VAE.

    Raises:
        InputInvalid: wrong number of dimensions or channels, or nothing in it.
    """
    shape = tuple(samples.shape)
    fits = samples.ndim in (4, 5) and shape[1] == vae.latent_channels and min(shape) > 0
    if vae.latent_dim == 3:
        fits = fits and samples.ndim == 5
    if not fits:
        wanted = "B x C x frames x h x w" if vae.latent_dim == 3 else "B x C x h x w"
        raise InputInvalid(
            f"a latent of shape {' x '.join(map(str, shape))}; this VAE takes {wanted} with C = {vae.latent_channels}",
            place="input 'samples'",
            remedy="link a latent that was sampled with the model that this VAE belongs to",
        )
