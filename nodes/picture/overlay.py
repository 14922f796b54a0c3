"""Nodes that put a brand's own marks on a picture: its logo, and text in its fonts and colours."""

from __future__ import annotations

from pathlib import Path

import folder_paths
import numpy as np
from comfy_api.latest import io

from ...client.colours import read_colour
from ...client.compose.logo import ANCHORS, AUTO, LogoPlaced, LogoRule, opacity_of_logo, place_logo
from ...client.compose.pixels import Pixels, Rect, mask_of_size
from ...client.compose.typesetting import fonts
from ...client.compose.typesetting.text import (
    ALIGNS,
    VERTICALS,
    Align,
    SetText,
    TextStyle,
    Vertical,
    paint,
    set_text,
)
from ...client.errors import InputInvalid, nearest
from ...client.quality.reading import read_back
from ..refusal import refusing, tell
from . import batch

_ENLARGED = 1.5  # of an emoji's own pixels; from here on it looks soft


class PackshotLogo(io.ComfyNode):
    """A logo on a picture, in its exact colours and by the brand's rules."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Picture, logo and rule; the picture with its logo, and where that is."""
        return io.Schema(
            node_id="PackshotLogo",
            display_name="Packshot Logo",
            category="Packshot/Compositing",
            description="Puts a logo on the picture: its own colours, its clear space kept, never below its smallest"
            " size. What cannot be kept is refused.",
            search_aliases=["watermark", "overlay", "brand mark", "paste"],
            inputs=[
                io.Image.Input("image"),
                io.Image.Input("logo", tooltip="With alpha, or with its transparency linked."),
                io.Mask.Input(
                    "transparency", optional=True, tooltip="The mask of Load Image for the logo: white is transparent."
                ),
                io.Mask.Input(
                    "keep_free",
                    optional=True,
                    tooltip="What the logo and its clear space must not touch: the product's mask, for example.",
                ),
                io.Combo.Input(
                    "anchor",
                    options=[AUTO, *ANCHORS],
                    default="bottom right",
                    tooltip="auto: the first corner or side where nothing that is to be kept free is touched.",
                ),
                io.Float.Input(
                    "width",
                    default=0.2,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="Of the logo, as a share of the picture's width.",
                ),
                io.Int.Input(
                    "smallest", default=64, min=1, max=16384, tooltip="Width that the logo has at least, in pixels."
                ),
                io.Float.Input(
                    "clear_space",
                    default=0.25,
                    min=0.0,
                    max=4.0,
                    step=0.05,
                    tooltip="Kept free around the logo, in heights of the logo.",
                ),
                io.Float.Input(
                    "margin",
                    default=0.04,
                    min=0.0,
                    max=0.45,
                    step=0.01,
                    tooltip="To the picture's edges, as a share of its shorter side.",
                ),
                io.Boolean.Input(
                    "box",
                    default=False,
                    optional=True,
                    tooltip="Whether the logo may be opaque along all its edges. If not, such a logo is refused: its"
                    " transparency was most likely lost.",
                ),
            ],
            outputs=[
                io.Image.Output(id="image_out", display_name="image"),
                io.Mask.Output(display_name="mask", tooltip="The logo, in its place."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        image: io.Image.Type,
        logo: io.Image.Type,
        anchor: str,
        width: float,
        smallest: int,
        clear_space: float,
        margin: float,
        transparency: io.Mask.Type | None = None,
        keep_free: io.Mask.Type | None = None,
        box: bool = False,
    ) -> io.NodeOutput:
        """Place the logo on each picture of the batch."""
        rule = LogoRule(width, anchor, margin, clear_space, smallest, box)

        def make(picture: Pixels, mark: Pixels, opacity: Pixels | None, free: Pixels | None) -> LogoPlaced:
            opaque = opacity_of_logo(opacity, *mark.shape[1::-1])
            taken = None if free is None else mask_of_size(free, *picture.shape[1::-1])
            return place_logo(picture, mark, opaque, rule, taken)

        with refusing():
            alphas = batch.alphas(logo)
            if transparency is not None:
                alphas = [1 - mask for mask in batch.masks(transparency)]
            taken = None if keep_free is None else batch.masks(keep_free)
            rows = batch.together(image=batch.colours(image), logo=batch.colours(logo), alpha=alphas, keep_free=taken)
            made = batch.each(rows, make)
            pictures, masks = (batch.stacked([getattr(one, name) for one in made]) for name in ("picture", "mask"))
        warnings = []
        if round(width * image.shape[2]) < smallest:
            warnings.append(f"the logo is {smallest} pixels wide, its smallest; {width:.0%} of the picture is less")
        if (largest := max(one.scale for one in made)) > 1:
            warnings.append(f"the logo was enlarged {largest:.1f} times, and may look soft; take a larger file")
        return io.NodeOutput(pictures, masks, ui=tell(cls.hidden.unique_id, warnings))


class PackshotText(io.ComfyNode):
    """Text in a real font and an exact colour, in any script, fitted into a box."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Picture, words, font, colour and box; the picture with its text, and where that is."""
        share = {"min": 0.0, "max": 1.0, "step": 0.01}
        return io.Schema(
            node_id="PackshotText",
            display_name="Packshot Text",
            category="Packshot/Compositing",
            description="Sets text into a box of the picture: shaped by HarfBuzz, wrapped, as large as fits, in one"
            " exact colour. Each script is set in a font that has it, and broken as it is read; emoji are in colour.",
            search_aliases=[
                "caption",
                "label",
                "font",
                "typography",
                "overlay",
                "arabic",
                "hebrew",
                "cjk",
                "thai",
                "emoji",
            ],
            inputs=[
                io.Image.Input("image"),
                io.String.Input("text", multiline=True, tooltip="Line feeds are kept."),
                io.Combo.Input(
                    "font",
                    options=[fonts.AUTO, *_faces()],
                    default=fonts.AUTO,
                    tooltip="From models/fonts and from this system. auto: the plainest that have every character."
                    " Emoji and scripts that a named font does not have are set as by auto.",
                ),
                io.Color.Input(
                    "colour", default="#000000", tooltip="As CSS writes it: #C8102E, red, rgb(200 16 46), hsl(…)."
                ),
                io.Int.Input(
                    "size", default=0, min=0, max=4096, tooltip="Pixels per em at most; 0: as large as the box allows."
                ),
                io.Float.Input("left", default=0.05, tooltip="Of the box, as a share of the picture's width.", **share),
                io.Float.Input("top", default=0.05, tooltip="Of the box, as a share of the picture's height.", **share),
                io.Float.Input("width", default=0.9, tooltip="Of the box, as a share of the picture's width.", **share),
                io.Float.Input(
                    "height", default=0.2, tooltip="Of the box, as a share of the picture's height.", **share
                ),
                io.Combo.Input(
                    "align",
                    options=list(ALIGNS),
                    default="centre",
                    tooltip="start: left, and right for scripts that are written from right to left.",
                ),
                io.Combo.Input("vertical", options=list(VERTICALS), default="middle"),
                io.Float.Input(
                    "line_spacing",
                    default=1.0,
                    min=0.5,
                    max=4.0,
                    step=0.05,
                    advanced=True,
                    tooltip="In the font's own line height.",
                ),
            ],
            outputs=[
                io.Image.Output(id="image_out", display_name="image"),
                io.Mask.Output(display_name="mask", tooltip="The text, in its place."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, font: str | None, colour: str | None) -> bool | str:
        """Refuse a font that this host does not have, and what is no colour, before anything is queued."""
        try:
            if colour is not None:
                read_colour(colour, "input 'colour'")
            if font is not None and font not in (fonts.AUTO, *_faces()):
                raise InputInvalid(
                    f"this host has no font '{font}'",
                    place="input 'font'",
                    remedy=f"put its file into {_own_folder()}; {nearest(font, _faces())}"[:500],
                )
        except InputInvalid as error:
            return error.report()
        return True

    @classmethod
    def execute(
        cls,
        image: io.Image.Type,
        text: str,
        font: str,
        colour: str,
        size: int,
        left: float,
        top: float,
        width: float,
        height: float,
        align: Align,
        vertical: Vertical,
        line_spacing: float,
    ) -> io.NodeOutput:
        """Set the text once, and paint it on each picture of the batch."""
        high, wide = image.shape[1:3]
        box = Rect(round(left * wide), round(top * high), round(width * wide), round(height * high)).within(wide, high)
        with refusing():
            style = TextStyle(size, align, vertical, line_spacing, read_colour(colour, "input 'colour'"))
            done = set_text(text, _faces(), font, box.width, box.height, style)
            painted = batch.each(batch.together(image=batch.colours(image)), lambda picture: paint(picture, done, box))
            pictures, masks = (batch.stacked(layer) for layer in zip(*painted, strict=True))
        near = box.grown(box.height // 8).within(wide, high).slices  # letters at the very edge are read badly
        read = (read_back((picture * 255).round().astype(np.uint8), near, text) for picture, _ in painted)
        notes = [*_font_notes(done, font), *dict.fromkeys(read)]
        return io.NodeOutput(pictures, masks, ui=tell(cls.hidden.unique_id, notes))


def _font_notes(done: SetText, font: str) -> list[str]:
    """What the fonts of set text have to tell: which they are where they were chosen, and what was enlarged."""
    used = [name for name in done.fonts if name != font]
    parts = [f"'{done.fonts[name][:40]}' in {name}" if len(done.fonts) > 1 else name for name in used]
    notes = (
        [f"set {'in ' if len(done.fonts) == 1 else ''}{', '.join(parts)}, {done.size} pixels per em"] if used else []
    )
    if done.enlarged > _ENLARGED:
        notes.append(f"the emoji were enlarged {done.enlarged:.1f} times, and may look soft; their font holds pixels")
    return notes


def _own_folder() -> Path:
    return Path(folder_paths.models_dir) / "fonts"


def _faces() -> dict[str, fonts.FontFace]:
    return fonts.find_fonts([_own_folder(), *fonts.system_folders()])
