"""A picture with what was found drawn into it, for people."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .colour import hex_to_rgb
from .run import Report

_PASSED, _FAILED, _PAPER = (31, 122, 77), (196, 43, 43), (255, 255, 255)
_SIDE = 1600  # pixels


def annotate(report: Report) -> Image.Image:
    """The picture of a report, at most 1,600 pixels a side, with a line below it for every check that failed.

    Drawn are the product's box, its middle and the frame's, a logo's box, and in red what of the background is not the
    colour asked for.

    Args:
        report: of a picture that could be read.
    """
    subject = report.subject
    if subject is None:
        raise ValueError("a picture that could not be read cannot be shown")
    pixels = subject.pixels.copy()
    failed = {verdict.id for verdict in report.verdicts if not verdict.passed}
    region = subject.region
    if region is not None and failed & {"background.exact", "background.deviation"}:
        wanted = np.array(hex_to_rgb(subject.given.background), np.uint8)
        wrong = region.clear_background() & (pixels != wanted).any(axis=2)
        pixels[wrong] = _FAILED
    image = Image.fromarray(pixels)
    scale = min(1.0, _SIDE / max(image.size))
    image = image.resize((round(image.width * scale) or 1, round(image.height * scale) or 1), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 400))
    if region is not None:
        box = region.box
        colour = _FAILED if any(check.startswith("product.") for check in failed) else _PASSED
        corners = (box.left * scale, box.top * scale, box.right * scale - 1, box.bottom * scale - 1)
        draw.rectangle(corners, outline=colour, width=line)
        for x, y, shade in (
            ((box.left + box.right) / 2 * scale, (box.top + box.bottom) / 2 * scale, colour),
            (image.width / 2, image.height / 2, (120, 120, 120)),
        ):
            draw.line((x - 6 * line, y, x + 6 * line, y), fill=shade, width=line)
            draw.line((x, y - 6 * line, x, y + 6 * line), fill=shade, width=line)
    logo = subject.notes.get("logo")
    if logo is not None:
        colour = _FAILED if any(check.startswith("logo.") for check in failed) else _PASSED
        corners = (logo.box.left * scale, logo.box.top * scale, logo.box.right * scale - 1, logo.box.bottom * scale - 1)
        draw.rectangle(corners, outline=colour, width=line)
    return _with_lines(image, report)


def _with_lines(image: Image.Image, report: Report) -> Image.Image:
    """The image on a sheet with the verdicts below it."""
    size = max(13, round(max(image.size) / 60))
    font = ImageFont.load_default(size)
    lines = [
        (f"{verdict.id}  {_shown(verdict.value)} {drawable(verdict.unit)}  {verdict.reason}", _FAILED)
        for verdict in report.verdicts
        if not verdict.passed
    ] or [("passed", _PASSED)]
    step = round(size * 1.4)
    sheet = Image.new("RGB", (image.width, image.height + step * (len(lines) + 1)), _PAPER)
    sheet.paste(image)
    draw = ImageDraw.Draw(sheet)
    for row, (text, colour) in enumerate(lines):
        draw.text((step // 2, image.height + step * (row + 0.5)), text, fill=colour, font=font)
    return sheet


def drawable(unit: str) -> str:
    """A unit in the letters that Pillow's own font has."""
    return unit.replace("Δ", "d").replace("²", "^2").replace("×", "x")


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
