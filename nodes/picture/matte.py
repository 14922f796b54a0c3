"""The node that finds the product in a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ...client.compose import matting
from ...client.errors import HostFailed, PackshotError
from ..refusal import refusing
from . import batch

_AUTO = "auto"
_FOLDER = "background_removal"


class PackshotMatte(io.ComfyNode):
    """The product's mask, by core's BiRefNet where its weights are, or by a small model that runs anywhere."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A picture and a model; its mask, and the picture with everything else transparent."""
        return io.Schema(
            node_id="PackshotMatte",
            display_name="Packshot Matte",
            category="Packshot/Compositing",
            description="Cuts out the product: its mask (white is the product), and the picture with that as alpha.",
            search_aliases=["remove background", "rembg", "birefnet", "u2net", "cutout", "mask"],
            inputs=[
                io.Image.Input("image", tooltip="A product before a background. Alpha that it has already is kept."),
                io.Combo.Input(
                    "model",
                    options=[_AUTO, matting.NAME, *folder_paths.get_filename_list(_FOLDER)],
                    default=_AUTO,
                    tooltip="auto: BiRefNet where models/background_removal has it and it can run, or else u2netp.",
                ),
            ],
            outputs=[
                io.Mask.Output(display_name="mask", tooltip="White is the product."),
                io.Image.Output(display_name="cutout", tooltip="RGBA: the picture, transparent around the product."),
            ],
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(cls, model: str | None) -> bool | str:
        """Refuse a model that is not there before anything is queued."""
        if model is None:
            return True
        if model not in (_AUTO, matting.NAME, *folder_paths.get_filename_list(_FOLDER)):
            return f"models/{_FOLDER} has no '{model}'"
        try:
            if _chosen(model) == matting.NAME:
                _weights()
            else:
                _check_operators(model)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, model: str, **_: Any) -> str:
        """The model that is used: with a new file, ``auto`` may mean another one."""
        return _chosen(model)

    @classmethod
    def execute(cls, image: io.Image.Type, model: str) -> io.NodeOutput:
        """Keep the alpha that is there, expand into core's BiRefNet nodes, or run the small model."""
        chosen = _chosen(model)
        with refusing():
            known = batch.alphas(image)
            pictures = batch.colours(image)
            if known is None and chosen != matting.NAME:
                _check_operators(chosen)
                return _expanded(batch.stacked(pictures), chosen)
            if known is None:
                weights = _weights()
                known = batch.each(batch.together(image=pictures), lambda picture: matting.matte(picture, weights))
            mask = batch.stacked(known)
            cutout = torch.cat([batch.stacked(pictures), mask[..., None]], dim=3)
        return io.NodeOutput(mask, cutout)


def _chosen(model: str) -> str:
    if model != _AUTO:
        return model
    return next(iter(folder_paths.get_filename_list(_FOLDER)), matting.NAME) if _has_operators() else matting.NAME


def _has_operators() -> bool:
    """Whether torchvision's compiled part is loaded: BiRefNet convolves with its ``deform_conv2d``.

    Core's own node imports it. It is not loaded where torch and torchvision come from different builds, such as one
    for the CPU and one for CUDA.
    """
    return hasattr(torch.ops.torchvision, "deform_conv2d")


def _check_operators(name: str) -> None:
    if not _has_operators():
        raise HostFailed(
            f"{name} needs torchvision's compiled operators, which this host cannot load",
            place="torchvision",
            remedy=f"install the torchvision that was built with this torch, or choose '{matting.NAME}' as the model",
        )


def _weights() -> Path:
    return matting.check([Path(folder) for folder in folder_paths.get_folder_paths(_FOLDER)], sys.executable)


def _expanded(image: io.Image.Type, name: str) -> io.NodeOutput:
    graph = GraphBuilder()
    loaded = graph.node("LoadBackgroundRemovalModel", bg_removal_name=name).out(0)
    mask = graph.node("RemoveBackground", bg_removal_model=loaded, image=image).out(0)
    transparency = graph.node("InvertMask", mask=mask).out(0)  # core's alpha inputs take 1 as transparent
    cutout = graph.node("JoinImageWithAlpha", image=image, alpha=transparency).out(0)
    return io.NodeOutput(mask, cutout, expand=graph.finalize())
