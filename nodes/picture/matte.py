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
from ...client.compose.matte_verdict import Finding, judge_matte, no_product
from ...client.compose.pixels import Pixels, mask_of_size
from ...client.compose.refine import refine
from ...client.errors import HostFailed, PackshotError
from ..refusal import refusing, tell
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
            # The host passes over any other node whose result it has already, and its verdict with it.
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
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
        """Keep the alpha that is there, expand into core's BiRefNet nodes, or run the small model; judge."""
        chosen = _chosen(model)
        with refusing():
            known = batch.alphas(image)
            if known is not None:
                return _kept(image, known)
            if chosen != matting.NAME:
                _check_operators(chosen)
                return _expanded(batch.stacked(batch.colours(image)), chosen)
            weights = _weights()
            rows = batch.together(image=batch.colours(image))
            mattes = batch.each(rows, lambda picture: _judged(picture, matting.matte(picture, weights)))
        return _answer(image, mattes, cls.hidden.unique_id)


class PackshotRefineMatte(io.ComfyNode):
    """A coarse mask, brought to the photograph's own edges and judged."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A picture and its coarse mask; the refined mask, and the picture with everything else transparent."""
        return io.Schema(
            node_id="PackshotRefineMatte",
            display_name="Packshot Refine Matte",
            category="Packshot/Compositing",
            description="Brings the mask of any model to the photograph's own edges and resolution, and says what is"
            " wrong with it: parts lost, halo, backdrop kept, product cut off.",
            search_aliases=["refine mask", "matting", "edge", "trimap", "segment anything", "halo"],
            inputs=[
                io.Image.Input("image", tooltip="The photograph, with the backdrop that the product stood before."),
                io.Mask.Input(
                    "mask", tooltip="White is the product; as coarse as a model of a few hundred pixels gives."
                ),
            ],
            outputs=[
                io.Mask.Output(id="mask_out", display_name="mask", tooltip="White is the product."),
                io.Image.Output(display_name="cutout", tooltip="RGBA: the picture, transparent around the product."),
            ],
            # The host passes over any other node whose result it has already, and its verdict with it.
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, image: io.Image.Type, mask: io.Mask.Type) -> io.NodeOutput:
        """Refine and judge each mask of the batch."""
        with refusing():
            rows = batch.together(image=batch.colours(image), mask=batch.masks(mask))
            mattes = batch.each(rows, _judged)
        return _answer(image, mattes, cls.hidden.unique_id)


_Matte = tuple[Pixels, tuple[Finding, ...]]


def _judged(picture: Pixels, coarse: Pixels) -> _Matte:
    """The refined mask ``[H, W]`` and what was found of it."""
    mask = refine(picture, mask_of_size(coarse, picture.shape[1], picture.shape[0]))
    return mask, judge_matte(picture, mask)


def _answer(image: io.Image.Type, mattes: list[_Matte], node_id: str | None) -> io.NodeOutput:
    """Mask and cutout; on the node the reasons against them, and in the record all that was measured."""
    mask = batch.stacked([matte for matte, _ in mattes])
    pictures = batch.stacked(batch.colours(image)).expand(len(mask), -1, -1, -1)
    reasons = [finding.message for _, findings in mattes for finding in findings if not finding.sound]
    ui = {**(tell(node_id, reasons) or {}), "packshot_matte": [_record(findings) for _, findings in mattes]}
    return io.NodeOutput(mask, torch.cat([pictures, mask[..., None]], dim=3), ui=ui)


def _record(findings: tuple[Finding, ...]) -> dict[str, Any]:
    return {"findings": [finding.as_dict() for finding in findings]}


def _kept(image: io.Image.Type, alphas: list[Pixels]) -> io.NodeOutput:
    """The alpha that a picture has; what it was photographed before is not in it, so that nothing can be judged."""
    if any(not alpha.any() for alpha in alphas):
        raise no_product()
    mask = batch.stacked(alphas)
    return io.NodeOutput(mask, torch.cat([batch.stacked(batch.colours(image)), mask[..., None]], dim=3))


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
    coarse = graph.node("RemoveBackground", bg_removal_model=loaded, image=image).out(0)
    refined = graph.node("PackshotRefineMatte", image=image, mask=coarse)
    return io.NodeOutput(refined.out(0), refined.out(1), expand=graph.finalize())
