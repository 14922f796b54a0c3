"""Writes the tables and the picture of ``docs/quality.md``: ``python docs/make_quality.py docs``.

Each tile of the picture shows a fault that was put there, and what the check really said of it.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from packshot.paths import atomic_write, write_text
from packshot.quality.annotate import drawable
from packshot.quality.channels import channel_ids, load_channel
from packshot.quality.checks import Given, Limit, Subject, judge
from packshot.quality.look import look_of
from packshot.quality.picture import Picture
from packshot.quality.registry import all_checks, find_check
from packshot.quality.siblings import Catalogue, Features

_SIDE, _TILE, _COLUMNS = 600, 236, 5
_OAT, _BEIGE, _KELP, _RED = (239, 230, 214), (228, 216, 196), (32, 48, 45), (196, 81, 58)
_PALETTE = {"oat": "#EFE6D6", "tidal green": "#3F5E57", "kelp": "#20302D"}
_TABLE = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Fill in the page's tables, and draw its picture."""
    docs = Path(sys.argv[1])
    page = docs / "quality.md"
    tables = {"checks": checks_table(), "channels": channels_table()}
    text = _TABLE.sub(lambda found: found[1] + tables[found[2]] + found[3], page.read_text(encoding="utf-8"))
    write_text(page, text)
    encoded = io.BytesIO()
    sheet().quantize(128).save(encoded, "PNG", optimize=True)
    with atomic_write(docs / "images" / "quality.png") as file:
        file.write(encoded.getbuffer())


def checks_table() -> str:
    """Every check: what it measures, its own limit, its reason codes, and whose formula it is."""
    lines = ["| check | what it measures | own limit | reason codes | source |", "|---|---|---|---|---|"]
    for check in all_checks().values():
        unit = f" ({check.unit})" if check.unit else ""
        reasons = ", ".join(f"`{reason}`" for reason in dict.fromkeys(check.reasons.values()))
        limit = _limit(check.default) if not check.default.reports_only else "the channel's"
        lines.append(f"| `{check.id}` | {check.definition}{unit} | {limit} | {reasons} | {check.source} |")
    return "\n".join(lines) + "\n"


def channels_table() -> str:
    """Every channel: its rules, and where they are from."""
    lines = ["| channel | rules | from |", "|---|---|---|"]
    for channel in map(load_channel, channel_ids()):
        rules = [f"`{rule_id}` {_limit(rule.limit)}" for rule_id, rule in channel.rules.items() if rule != type(rule)()]
        sources = [f"{source.source} ({source.evidence}, {source.checked})" for source in channel.sources]
        lines.append(f"| `{channel.id}` | {'; '.join(rules) or 'none: all is reported'} | {'; '.join(sources)} |")
    return "\n".join(lines) + "\n"


def _bound(limit: Limit) -> str:
    return f"at least {limit.minimum:g}" if limit.minimum is not None else f"at most {limit.maximum:g}"


def _limit(limit: Limit) -> str:
    if limit.any_of:
        return "one of " + ", ".join(limit.any_of)
    if limit.pattern:
        return f"`{limit.pattern}`".replace("|", "\\|")
    low = "" if limit.minimum is None else f"{limit.minimum:,g}"
    high = "" if limit.maximum is None else f"{limit.maximum:,g}"
    if low and high:
        return f"{low} to {high}"
    return f"≥ {low}" if low else f"≤ {high}"


def sheet() -> Image.Image:
    """A tile for each check that a picture can show the failing of."""
    tiles = _faults()
    rows = -(-len(tiles) // _COLUMNS)
    caption, gap = 58, 10
    result = Image.new("RGB", (_COLUMNS * (_TILE + gap) + gap, rows * (_TILE + caption) + gap), (246, 246, 246))
    draw = ImageDraw.Draw(result)
    bold, small = ImageFont.load_default(15), ImageFont.load_default(13)
    for position, (check_id, image, given) in enumerate(tiles):
        check = find_check(check_id)
        verdict = judge(check, Subject(Picture.from_array(np.asarray(image)), given, name="this"))
        if verdict.passed:
            raise ValueError(f"the fault planted for {check_id} is none")
        x = gap + position % _COLUMNS * (_TILE + gap)
        y = gap + position // _COLUMNS * (_TILE + caption)
        result.paste(image.convert("RGB").resize((_TILE, _TILE), Image.Resampling.LANCZOS), (x, y))
        shown = "-" if verdict.value is None else f"{verdict.value:.3g} {drawable(check.unit)}".rstrip()
        draw.text((x, y + _TILE + 3), check_id, fill=_KELP, font=bold)
        draw.text((x, y + _TILE + 23), f"{shown}; {_bound(check.default)}", fill=(90, 90, 90), font=small)
        draw.text((x, y + _TILE + 38), verdict.reason, fill=_RED, font=small)
    return result


def _faults() -> list[tuple[str, Image.Image, Given]]:
    """A picture that fails each of the checks, and what it is checked against."""
    good = _mug(_paper())
    dirty = good.copy()
    ImageDraw.Draw(dirty).line((20, 90, 120, 30), fill=(244, 244, 244), width=5)
    crowded = _with_logo(good.copy(), (40, 40))
    ImageDraw.Draw(crowded).rectangle((30, 150, 200, 170), fill=_RED)
    noisy = (np.asarray(good) + np.random.default_rng(1).normal(0, 30, (_SIDE, _SIDE, 3))).clip(0, 255).astype(np.uint8)
    tinted, touched = np.asarray(good).copy(), good.copy()
    tinted[..., 2] = tinted[..., 2] // 2
    ImageDraw.Draw(touched).ellipse((280, 300, 320, 340), fill=_RED)
    marked = good.copy()
    ImageDraw.Draw(marked).text((20, 20), "SALE 50%", fill=_RED, font=ImageFont.load_default(64))
    misspelt = good.copy()
    ImageDraw.Draw(misspelt).text((60, 20), "SPRIMG SALE", fill=_KELP, font=ImageFont.load_default(64))
    look = look_of(Picture.from_array(np.asarray(_mug(_paper(colour)))) for colour in (_OAT, (250, 246, 238), _BEIGE))
    original = Given(original=Picture.from_array(np.dstack([np.asarray(good), _mask()])))
    logo = Given(logo=Picture.from_array(np.asarray(_logo())))
    palette = Given(palette=_PALETTE)
    row = [_mug(_paper(), 0.8 + 0.004 * step) for step in range(5)]
    catalogue = Given(catalogue=Catalogue([_features(str(position), one) for position, one in enumerate(row)]))
    nothing = Given()
    return [
        ("technical.contrast", _paper(_OAT), nothing),
        ("technical.black", _paper((3, 3, 3)), nothing),
        ("technical.sharpness", good.filter(ImageFilter.GaussianBlur(6)), nothing),
        ("background.exact", dirty, nothing),
        ("background.deviation", _mug(_paper((236, 236, 236))), nothing),
        ("background.tint", _mug(_paper((255, 250, 238))), nothing),
        ("product.fill-side", _mug(_paper(), 0.5), nothing),
        ("product.offset", _mug(_paper(), 0.7, (60, 0)), nothing),
        ("product.margin", _mug(_paper(), 0.99), nothing),
        ("product.cut-off", _mug(_paper(), 0.8, (120, 0)), nothing),
        ("fidelity.max-difference", touched, original),
        ("fidelity.ssim", Image.fromarray(noisy), original),
        ("fidelity.delta-e", Image.fromarray(tinted), original),
        ("palette.coverage", _mug(_paper((120, 170, 220)), 0.5), palette),
        ("palette.off", _mug(_paper((240, 60, 160))), palette),
        ("colour.distribution", _mug(_paper((120, 170, 220))), Given(look=look)),
        ("logo.presence", good, logo),
        ("logo.clear-space", crowded, logo),
        ("text.expected", misspelt, Given(ocr=True, text="SPRING SALE")),
        ("text.unexpected", marked, Given(ocr=True)),
        ("catalogue.nearest", row[2], catalogue),
        ("catalogue.background", _mug(_paper(_OAT)), catalogue),
        ("catalogue.fill", _mug(_paper(), 0.6), catalogue),
        ("catalogue.base", _mug(_paper(), 0.8, (0, -70)), catalogue),
    ]


def _paper(colour: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    return Image.new("RGB", (_SIDE, _SIDE), colour)


def _mug(paper: Image.Image, fill: float = 0.88, shift: tuple[int, int] = (0, 0)) -> Image.Image:
    """A striped mug in the middle of a picture, filling so much of its width, moved by so many pixels."""
    large = 4
    drawn = Image.new("RGBA", (_SIDE * large, _SIDE * large))
    draw = ImageDraw.Draw(drawn)
    side = drawn.width
    draw.ellipse((side * 0.6, side * 0.3, side * 0.995, side * 0.75), outline=(63, 94, 87), width=side // 16)
    draw.rounded_rectangle((side * 0.005, side * 0.1, side * 0.78, side * 0.9), side // 12, fill=(63, 94, 87))
    for stripe in range(4):
        top = side * (0.25 + 0.14 * stripe)
        draw.rectangle((side * 0.005, top, side * 0.78, top + side * 0.05), fill=(*_KELP, 255))
    width = round(_SIDE * fill)
    drawn = drawn.resize((width, width), Image.Resampling.LANCZOS)
    paper.paste(drawn, ((_SIDE - width) // 2 + shift[0], (_SIDE - width) // 2 + shift[1]), drawn)
    return paper


def _mask() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """255 where the mug of the default size is, 0 elsewhere."""
    return np.where((np.asarray(_mug(_paper())) < 250).any(axis=2), 255, 0).astype(np.uint8)


def _logo() -> Image.Image:
    mark = Image.new("RGBA", (100, 100))
    draw = ImageDraw.Draw(mark)
    draw.polygon(((8, 92), (50, 8), (92, 92)), fill=(*_KELP, 255))
    draw.ellipse((38, 52, 62, 76), fill=(0, 0, 0, 0))
    return mark


def _with_logo(image: Image.Image, place: tuple[int, int]) -> Image.Image:
    image.paste(_logo(), place, _logo())
    return image


def _features(name: str, image: Image.Image) -> Features:
    return Subject(Picture.from_array(np.asarray(image)), Given(), name=name).features


if __name__ == "__main__":
    main()
