"""Nodes that decode and encode in tiles with the numbers of a pass over the whole."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from comfy_api.latest import io

import nodes as core

from ...client.errors import InputInvalid, PackshotError
from ..memory.record import Phase, allocator, watched
from ..refusal import refusing, tell
from .layout import SMALLEST
from .run import Outcome, check_latent, decode, encode, known_part, supported
from .video import Tiles, stepping_down

_MOST = 16384  # pixels of a tile, which is the side of the largest pictures
_CATEGORY = "Packshot/Memory"
_LINE = (1.0, 0.0, 1.0)  # of the overlay: magenta, which products seldom are


def _tile_input() -> Any:
    return io.Int.Input(
        "tile_size",
        default=0,
        min=0,
        max=_MOST,
        step=8,
        tooltip="Side of a tile in pixels, from 64 on; 0: as large as free memory allows. The result is the same.",
    )


def _check_tile(tile_size: int | None) -> None:
    """Refuse what is no tile; core leaves the limits of an input to the node that looks at it itself."""
    if tile_size and not SMALLEST <= tile_size <= _MOST:
        raise InputInvalid(
            f"tiles of {tile_size} pixels; below {SMALLEST} they are mostly surroundings of each other",
            place="input 'tile_size'",
            remedy=f"0 for a size by free memory, or {SMALLEST} to {_MOST}",
        )


def _refusal(tile_size: int | None) -> bool | str:
    try:
        _check_tile(tile_size)
    except PackshotError as error:
        return error.report()
    return True


@contextlib.contextmanager
def _watched(name: str, vae: Any) -> Iterator[Phase]:
    """A phase of the record, of a VAE."""
    phase = Phase(name, allocator=allocator(vae.patcher), weights=vae.patcher.model_size())
    with watched(phase, vae.device):
        yield phase
        phase.resident = vae.patcher.loaded_size()


def _still(phase: Phase, run: Callable[..., tuple[Any, Outcome]], *given: Any) -> tuple[Any, Outcome]:
    """Decode or encode here."""
    outcome = Outcome(steps=phase.steps)
    made, _ = run(*given, outcome)
    phase.notes = [f"tiles of {outcome.tile} pixels, features kept on {outcome.kept_on}"]
    return made, outcome


def _video(phase: Phase, tile_size: int, work: Callable[..., tuple[Any, ...]]) -> Any:
    """Decode or encode by core's node."""
    made, tiles = stepping_down(work, Tiles.of(tile_size), phase.steps)
    phase.notes = [f"a video: {tiles}, blended where they overlap"]
    return made


def _said(phase: Phase, video: bool) -> list[str]:
    """What is to be seen on the node: steps of the ladder, and that core's tiles are not exact."""
    return [phase.sentence()] if phase.steps else phase.notes if video else []


class PackshotVAEDecodeTiled(io.ComfyNode):
    """Decodes a latent in tiles; the picture is that of a decode of the whole."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Latent, VAE and tile size; the picture."""
        return io.Schema(
            node_id="PackshotVAEDecodeTiled",
            display_name="Packshot VAE Decode (Tiled)",
            category=_CATEGORY,
            description="Decodes in tiles, exactly: no seams, no shift of colour, whatever the tile. Takes the memory"
            " of a tile, and steps down by itself where that runs out. Videos go to core's own tiled decode.",
            search_aliases=["vae decode tiled", "low vram decode", "out of memory", "seams"],
            inputs=[
                io.Latent.Input("samples", lazy=True),
                io.Vae.Input("vae"),
                _tile_input(),
                io.Boolean.Input(
                    "overlay",
                    default=False,
                    tooltip="Draw the borders of the tiles on the picture; not on a video, whose tiles blend.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, tile_size: int | None = None) -> bool | str:
        """Refuse a tile that is none before the queue."""
        return _refusal(tile_size)

    @classmethod
    def check_lazy_status(cls, vae: io.Vae.Type, samples: io.Latent.Type | None = None, **_: Any) -> list[str]:
        """Look at the VAE before anything is sampled, and refuse one that cannot be decoded here."""
        with refusing():
            if not _is_video(vae, 1):
                known_part(vae, "decoder")
        return ["samples"] if samples is None else []

    @classmethod
    def execute(cls, samples: io.Latent.Type, vae: io.Vae.Type, tile_size: int, overlay: bool) -> io.NodeOutput:
        """Decode here, or by core's tiles where it is a video."""
        latent = samples["samples"]
        if latent.is_nested:  # a video with its sound: core's decode takes the first part too
            latent = latent.unbind()[0]
        video = _is_video(vae, latent.shape[2] if latent.ndim == 5 else 1)
        with refusing():
            _check_tile(tile_size)
            check_latent(vae, latent)
            with _watched("VAE decode", vae) as phase:
                if video:
                    given = {"vae": vae, "samples": {"samples": latent}}
                    pixels = _video(phase, tile_size, functools.partial(core.VAEDecodeTiled().decode, **given))
                else:
                    pixels, outcome = _still(phase, decode, vae, latent, tile_size)
        if pixels.ndim == 5:
            pixels = pixels.reshape(-1, *pixels.shape[-3:])
        if overlay and not video:
            _draw(pixels, outcome.lines)
        return io.NodeOutput(pixels, ui=tell(cls.hidden.unique_id, _said(phase, video)))


class PackshotVAEEncodeTiled(io.ComfyNode):
    """Encodes a picture in tiles; the latent is that of an encode of the whole."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Picture, VAE and tile size; the latent."""
        return io.Schema(
            node_id="PackshotVAEEncodeTiled",
            display_name="Packshot VAE Encode (Tiled)",
            category=_CATEGORY,
            description="Encodes in tiles, exactly: the latent is that of the whole picture. Takes the memory of a"
            " tile, and steps down by itself where that runs out. Several frames for a video's VAE go to core's own.",
            search_aliases=["vae encode tiled", "low vram encode", "out of memory"],
            inputs=[io.Image.Input("pixels"), io.Vae.Input("vae"), _tile_input()],
            outputs=[io.Latent.Output(display_name="latent")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, tile_size: int | None = None) -> bool | str:
        """Refuse a tile that is none before the queue."""
        return _refusal(tile_size)

    @classmethod
    def execute(cls, pixels: io.Image.Type, vae: io.Vae.Type, tile_size: int) -> io.NodeOutput:
        """Encode here, or by core's tiles where it is a video."""
        video = _is_video(vae, pixels.shape[0])
        with refusing():
            _check_tile(tile_size)
            if not video:
                known_part(vae, "encoder")
            with _watched("VAE encode", vae) as phase:
                if video:
                    given = {"vae": vae, "pixels": pixels}
                    made = _video(phase, tile_size, functools.partial(core.VAEEncodeTiled().encode, **given))
                else:
                    made = {"samples": _still(phase, encode, vae, pixels, tile_size)[0]}
        return io.NodeOutput(made, ui=tell(cls.hidden.unique_id, _said(phase, video)))


def _is_video(vae: Any, frames: int) -> bool:
    """Whether something is for core's own tiles: several frames, or a video's VAE that is not known here."""
    if getattr(vae, "first_stage_model", None) is None or vae.latent_dim != 3:
        return False
    return frames > 1 or not supported(vae)


def _draw(pixels: Any, lines: tuple[list[int], list[int]]) -> None:
    """Mark the first row and column of each tile, in place, on (B, H, W, 3)."""
    colour = torch.tensor(_LINE, dtype=pixels.dtype, device=pixels.device)
    for row in lines[0]:
        pixels[:, row] = colour
    for column in lines[1]:
        pixels[:, :, column] = colour
