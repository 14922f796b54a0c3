"""Nodes that decode and encode in tiles with the numbers of a pass over the whole."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ..client.errors import InputInvalid, PackshotError
from . import tiled_vae_run
from .memory_record import Phase, allocator, watched
from .refusal import refusing, tell
from .tiled_vae_layout import SMALLEST

_CATEGORY = "Packshot/Memory"
_LINE = (1.0, 0.0, 1.0)  # of the overlay: magenta, which products seldom are


def _tile_input() -> Any:
    return io.Int.Input(
        "tile_size",
        default=0,
        min=0,
        max=16384,
        step=8,
        tooltip="Side of a tile in pixels, from 64 on; 0: as large as free memory allows. The result is the same.",
    )


def _check_tile(tile_size: int | None) -> None:
    if tile_size is not None and 0 < tile_size < SMALLEST:
        raise InputInvalid(
            f"tiles of {tile_size} pixels, which are mostly surroundings of each other",
            place="input 'tile_size'",
            remedy=f"0 for a size by free memory, or {SMALLEST} and more",
        )


def _refusal(tile_size: int | None) -> bool | str:
    try:
        _check_tile(tile_size)
    except PackshotError as error:
        return error.report()
    return True


def _said(outcome: tiled_vae_run.Outcome, phase: Phase) -> list[str]:
    phase.steps = outcome.steps
    phase.notes = [f"tiles of {outcome.tile} pixels, features kept on {outcome.kept_on}"]
    return [phase.sentence()]


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
                    "overlay", default=False, tooltip="Draw the borders of the tiles on the picture, to see them."
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
            hidden=[io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(cls, tile_size: int | None = None) -> bool | str:
        """Refuse a tile smaller than its surroundings before the queue."""
        return _refusal(tile_size)

    @classmethod
    def check_lazy_status(cls, vae: io.Vae.Type, samples: io.Latent.Type | None = None, **_: Any) -> list[str]:
        """Look at the VAE before anything is sampled, and refuse one that cannot be decoded here."""
        with refusing():
            if not _is_video(vae, True, 1):
                tiled_vae_run.known_part(vae, "decoder")
        return ["samples"] if samples is None else []

    @classmethod
    def execute(cls, samples: io.Latent.Type, vae: io.Vae.Type, tile_size: int, overlay: bool) -> io.NodeOutput:
        """Decode; or expand into core's tiled decode for a video."""
        latent = samples["samples"]
        if latent.is_nested:  # a video with its sound: core's decode takes the first part too
            latent = latent.unbind()[0]
        if _is_video(vae, latent.ndim == 5, latent.shape[2]):
            samples = {**samples, "samples": latent}
            return _video("VAEDecodeTiled", {"samples": samples, "vae": vae}, tile_size or 512, cls.hidden.unique_id)
        with refusing():
            _check_tile(tile_size)
            phase = Phase("VAE decode", allocator=allocator(vae.patcher), weights=vae.patcher.model_size())
            with watched(phase, vae.device):
                pixels, outcome = tiled_vae_run.decode(vae, latent, tile_size)
                said = _said(outcome, phase)
                phase.resident = vae.patcher.loaded_size()
        if pixels.ndim == 5:
            pixels = pixels.reshape(-1, *pixels.shape[-3:])
        if overlay:
            _draw(pixels, outcome.lines)
        return io.NodeOutput(pixels, ui=tell(cls.hidden.unique_id, said if outcome.steps else []))


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
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(cls, tile_size: int | None = None) -> bool | str:
        """Refuse a tile smaller than its surroundings before the queue."""
        return _refusal(tile_size)

    @classmethod
    def execute(cls, pixels: io.Image.Type, vae: io.Vae.Type, tile_size: int) -> io.NodeOutput:
        """Encode; or expand into core's tiled encode for a video."""
        if _is_video(vae, True, pixels.shape[0]):
            return _video("VAEEncodeTiled", {"pixels": pixels, "vae": vae}, tile_size or 512, cls.hidden.unique_id)
        with refusing():
            _check_tile(tile_size)
            tiled_vae_run.known_part(vae, "encoder")
            phase = Phase("VAE encode", allocator=allocator(vae.patcher), weights=vae.patcher.model_size())
            with watched(phase, vae.device):
                latent, outcome = tiled_vae_run.encode(vae, pixels, tile_size)
                said = _said(outcome, phase)
                phase.resident = vae.patcher.loaded_size()
        return io.NodeOutput({"samples": latent}, ui=tell(cls.hidden.unique_id, said if outcome.steps else []))


def _is_video(vae: Any, has_frames: bool, frames: int) -> bool:
    """Whether something is for core's own tiles: several frames, or a video's VAE that is not known here."""
    if getattr(vae, "first_stage_model", None) is None or vae.latent_dim != 3 or not has_frames:
        return False
    return frames > 1 or not tiled_vae_run.supported(vae)


def _video(node: str, inputs: dict[str, Any], tile_size: int, node_id: str | None) -> io.NodeOutput:
    """Core's tiles over space and time, with sizes for which core's own arithmetic holds.

    Core divides by zero where the overlap is half of the tile, so that the overlap here is an eighth.
    """
    tile = max(256, tile_size // 64 * 64)
    times = {"temporal_size": 64, "temporal_overlap": 8}
    graph = GraphBuilder()
    made = graph.node(node, **inputs, tile_size=tile, overlap=tile // 8, **times)
    said = tell(node_id, [f"a video: core's own tiles of {tile} pixels, blended where they overlap"])
    return io.NodeOutput(made.out(0), ui=said, expand=graph.finalize())


def _draw(pixels: Any, lines: tuple[list[int], list[int]]) -> None:
    """Mark the first row and column of each tile, in place, on (B, H, W, 3)."""
    colour = torch.tensor(_LINE, dtype=pixels.dtype, device=pixels.device)
    for row in lines[0]:
        pixels[:, row] = colour
    for column in lines[1]:
        pixels[:, :, column] = colour
