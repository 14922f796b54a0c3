"""The node that measures a picture against a channel's rules, and shows what it found."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from comfy_api.latest import io, ui
from server import PromptServer

from ...client.brand.kit import BrandKit
from ...client.compose.pixels import Pixels, mask_of_size
from ...client.errors import ChecksFailed
from ...client.quality.annotate import annotate
from ...client.quality.channels import channel_ids, load_channel
from ...client.quality.checks import Given
from ...client.quality.picture import Picture
from ...client.quality.run import Report, check_picture
from ..brand.brand_type import Brand
from ..refusal import refusing
from . import batch

_GO_ON, _STOP = "go on", "stop"


class PackshotCheck(io.ComfyNode):
    """What a picture fails of a channel's rules, drawn into it and as a report."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Picture, channel, and what else it is checked against; the annotated picture, the report, the verdict."""
        return io.Schema(
            node_id="PackshotCheck",
            display_name="Packshot Check",
            category="Packshot/Save",
            description="Measures the picture against a sales channel's rules, a brand's palette, a logo and a text."
            " Shows what it found in the picture, and can stop the graph when something fails.",
            search_aliases=["quality", "validate", "gate", "amazon", "compliance", "white background"],
            is_output_node=True,
            inputs=[
                io.Image.Input("image"),
                io.Mask.Input(
                    "mask", optional=True, tooltip="The product; without one it is told from its background."
                ),
                Brand.Input("brand", optional=True, tooltip="From Packshot Brand: its palette is measured."),
                io.Image.Input(
                    "original",
                    optional=True,
                    tooltip="The product's own pixels in the same frame: Product Composite's output 'product'.",
                ),
                io.Mask.Input(
                    "inside", optional=True, tooltip="Where the original counts; with 'original' alone: all."
                ),
                io.Image.Input("logo", optional=True, tooltip="A logo that must be in the picture."),
                io.Combo.Input("channel", options=channel_ids(), default="plain"),
                io.Boolean.Input(
                    "read_text",
                    default=False,
                    tooltip="By OCR, with the extra 'ocr'; none may stand beside the product.",
                ),
                io.String.Input("text", default="", tooltip="What must be read in the picture."),
                io.Combo.Input(
                    "on_failure",
                    options=[_GO_ON, _STOP],
                    default=_GO_ON,
                    tooltip="stop: nothing that follows runs, and the job fails with the reasons.",
                ),
            ],
            outputs=[
                io.Image.Output(id="image_out", display_name="image", tooltip="The picture as it came."),
                io.Image.Output(id="annotated", display_name="annotated"),
                io.String.Output(
                    id="report", display_name="report", tooltip="JSON, as `packshot check --json` prints it."
                ),
                io.Boolean.Output(id="passed", display_name="passed"),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        image: io.Image.Type,
        channel: str,
        read_text: bool,
        text: str,
        on_failure: str,
        mask: io.Mask.Type | None = None,
        brand: BrandKit | None = None,
        original: io.Image.Type | None = None,
        inside: io.Mask.Type | None = None,
        logo: io.Image.Type | None = None,
    ) -> io.NodeOutput:
        """Check each picture of the batch."""
        with refusing():
            rules = load_channel(channel)
            palette = {colour.name: colour.hex for colour in brand.palette} if brand else None
            mark = Picture.from_array(logo[0].cpu().float().numpy(), "logo") if logo is not None else None

            def check(values: Pixels, product: Pixels | None, own: Pixels | None, counts: Pixels | None) -> Report:
                size = (values.shape[1], values.shape[0])
                given = Given(
                    palette=palette,
                    original=None if own is None else _original(own, counts),
                    logo=mark,
                    text=text,
                    ocr=read_text or bool(text),
                )
                known = None if product is None else mask_of_size(product, *size) >= 0.5
                return check_picture(Picture.from_array(values), rules, given, mask=known)

            rows = batch.together(
                image=[picture.cpu().float().numpy() for picture in image],
                mask=None if mask is None else batch.masks(mask),
                original=None if original is None else batch.colours(original),
                inside=None if inside is None else batch.masks(inside),
            )
            reports = batch.each(rows, check)
            passed = all(report.passed for report in reports)
            images = [{**report.as_dict(), "file": str(number)} for number, report in enumerate(reports)]
            answer = json.dumps({"passed": passed, "channel": rules.id, "images": images}, ensure_ascii=False)
            said = [", ".join(report.reasons) or "passed" for report in reports]
            PromptServer.instance.send_progress_text("\n".join(said), cls.hidden.unique_id)
            if not passed and on_failure == _STOP:
                raise ChecksFailed(
                    "; ".join(dict.fromkeys(one for one in said if one != "passed")),
                    place=f"channel '{rules.id}'",
                    remedy="see the annotated picture with 'on_failure' at 'go on'",
                )
        annotated = batch.stacked(_of_one_size([annotate(report) for report in reports]))
        shown: dict[str, Any] = ui.PreviewImage(annotated, cls=cls).as_dict()
        return io.NodeOutput(image, annotated, answer, passed, ui={**shown, "text": [answer]})


def _original(own: Pixels, counts: Pixels | None) -> Picture:
    """The original with what counts of it as its alpha."""
    high, wide = own.shape[:2]
    alpha = np.ones((high, wide), np.float32) if counts is None else mask_of_size(counts, wide, high)
    opaque = Picture.from_array(own)
    return Picture("original", "", 0, "RGBA", 1, "sRGB", opaque.pixels, np.where(alpha >= 1, 255, 0).astype(np.uint8))


def _of_one_size(sheets: list[Any]) -> list[Pixels]:
    """Sheets padded with white below: one with more failures is taller."""
    arrays = [np.asarray(sheet.convert("RGB"), np.float32) / 255 for sheet in sheets]
    tallest = max(array.shape[0] for array in arrays)
    return [np.pad(a, ((0, tallest - a.shape[0]), (0, 0), (0, 0)), constant_values=1.0) for a in arrays]
