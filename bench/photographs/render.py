"""Renders a setting with Cycles: the photograph, and the mask of its product."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from .catalogue import Setting
from .shaders import Shader
from .shapes import Object
from .studio import dress, frame, light_up, points_of

TOOL = f"Blender {bpy.app.version_string}, Cycles"
SAMPLES, MASK_SAMPLES = 9, 24
_THREADS = 2


def render_photograph(setting: Setting, path: Path, side: int, samples: int = SAMPLES) -> None:
    """Render a photograph as PNG.

    Args:
        side: of its longer side, in pixels.
    """
    _build(setting, side)
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Khronos PBR Neutral"  # keeps the colours of products below highlights
    cycles = scene.cycles
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_prefilter = "ACCURATE"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 8, 3, 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 6.0
    _write(path, samples, "RGB")


def render_mask(setting: Setting, path: Path, side: int) -> None:
    """Render the mask of the product as PNG of one channel: the share of each pixel that shows it, 0..255.

    Lens and sharpness are those of the photograph, so it is as soft at its edges.
    """
    product = _build(setting, side)
    scene = bpy.context.scene
    white, black = (
        Shader(
            "mask", Base_Color=(0, 0, 0), Specular_IOR_Level=0.0, Emission_Color=(1, 1, 1), Emission_Strength=strength
        )
        for strength in (1.0, 0.0)
    )
    for shape in list(scene.objects):
        if shape.type == "LIGHT":
            bpy.data.objects.remove(shape)
        elif shape.type != "CAMERA":
            dress(shape, white if shape in product else black)
    scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.0
    scene.view_settings.view_transform = "Raw"
    scene.render.dither_intensity = 0.0
    scene.cycles.max_bounces = 0
    _write(path, MASK_SAMPLES, "BW")


def _build(setting: Setting, side: int) -> list[Object]:
    """Set the scene; gives the parts of the product."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    product = setting.product()
    reach = float(np.ptp(points_of(product), axis=0).max())
    light_up(setting.light, reach)
    setting.ground(reach)
    frame(setting.view, product)
    render = bpy.context.scene.render
    share = side / max(render.resolution_x, render.resolution_y)
    render.resolution_x, render.resolution_y = round(render.resolution_x * share), round(render.resolution_y * share)
    return product


def _write(path: Path, samples: int, mode: str) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", _THREADS
    scene.cycles.device, scene.cycles.samples, scene.cycles.seed = "CPU", samples, 1
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.compression = "PNG", mode, 90
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
