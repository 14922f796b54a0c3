"""Whether a kit holds together: its files are there and what they should be, its rules do not contradict each other."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, UnidentifiedImageError

from ..errors import BrandInvalid, PackshotError
from ..models.licensing.licences import licence_ids
from .kit import LOGO_LIMIT, BrandKit
from .lora.algebra import total_norm
from .lora.changes import adapters_of
from .lora.conflicts import overlap
from .lora.naming.parts import BEYOND_COMFYUI
from .lora.tensors import TensorFile
from .palette import contrast
from .policy import brand_day, gate, judge_lora, profile_of
from .sections import BrandLora, Font, Logo
from .svg import svg_fault

_LEAST_CONTRAST = 4.5  # of text on its background (W3C, Web Content Accessibility Guidelines 2.2, criterion 1.4.3)
_FONTS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2")  # how TrueType, OpenType and web fonts begin
_FONT_LIMIT = 200 << 20  # bytes; one file with all scripts of East Asia has 150 million
_PICTURES = ("PNG", "WEBP", "GIF", "TIFF", "JPEG")
_MOST_PIXELS = 100_000_000
_SOON = 30  # days before a LoRA expires in which it is said


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check of a kit found.

    Attributes:
        level: an error makes the kit unusable as it is; a warning is for people to decide.
        place: the field, as ``logos[0].file``.
        message, remedy: what is so, and what to do.
    """

    level: Literal["error", "warning"]
    place: str
    message: str
    remedy: str = ""


def check_kit(kit: BrandKit, *, loras: Path | None = None, today: datetime.date | None = None) -> list[Finding]:
    """All that is wrong or doubtful with a kit that could be read.

    Args:
        loras: the host's folder of LoRA files, to look into those that the kit names. None: the kit's own folder
            ``loras``; where it has none they are not looked at.
        today: by default the day in the kit's time zone.

    Returns:
        Findings in the order of the kit's sections; none: it can be used as it is.
    """
    day = today or brand_day(kit)
    own = kit.folder / "loras" if kit.folder else None
    folder = loras or (own if own and own.is_dir() else None)
    sections: tuple[Callable[[BrandKit], Iterator[Finding]], ...] = (_palette, _files, _licence_profile)
    found = [finding for section in sections for finding in section(kit)]
    for number, lora in enumerate(kit.loras):
        found += _lora(kit, lora, f"loras[{number}]", folder, day)
    if folder is not None:
        found += _conflicts(kit, folder)
    found += _approvals(kit)
    return found


def _palette(kit: BrandKit) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for number, colour in enumerate(kit.palette):
        if colour.hex in seen:
            yield Finding(
                "warning", f"palette[{number}].hex", f"{colour.name} is the same colour as {seen[colour.hex]}"
            )
        seen.setdefault(colour.hex, colour.name)
    least = sum(colour.min_share or 0.0 for colour in kit.palette)
    if least > 1.0:
        yield Finding(
            "error", "palette", f"the min_share of all colours is {least:g}: more than a picture", "lower some of them"
        )
    for number, forbidden in enumerate(kit.forbidden_colours):
        if forbidden.hex in seen:
            place = f"forbidden_colours[{number}].hex"
            yield Finding("error", place, f"{forbidden.hex} is '{seen[forbidden.hex]}' of the palette", "take out one")
    backgrounds = [colour for colour in kit.palette if colour.role == "background"]
    for number, text in enumerate(kit.palette):
        for background in backgrounds if text.role == "text" else ():
            ratio = contrast(text.hex, background.hex)
            if ratio < _LEAST_CONTRAST:
                yield Finding(
                    "warning",
                    f"palette[{number}]",
                    f"{text.name} on {background.name} has a contrast of {ratio:.1f}:1; text needs {_LEAST_CONTRAST}:1",
                    "make one of them darker or lighter",
                )


def _files(kit: BrandKit) -> Iterator[Finding]:
    names = {colour.name for colour in kit.palette}
    for number, logo in enumerate(kit.logos):
        yield from _file(kit, logo, f"logos[{number}]", LOGO_LIMIT, _logo_fault)
        for unknown in (name for name in logo.backgrounds if name not in names):
            place = f"logos[{number}].backgrounds"
            yield Finding("error", place, f"the palette has no colour '{unknown}'", f"known: {', '.join(names)}")
    for number, font in enumerate(kit.fonts):
        if font.file:
            yield from _file(kit, font, f"fonts[{number}]", _FONT_LIMIT, _font_fault)


def _file(
    kit: BrandKit, named: Logo | Font, place: str, most: int, fault: Callable[[str, bytes], str]
) -> Iterator[Finding]:
    try:
        content = kit.read(named.file, most)
    except BrandInvalid as error:
        yield Finding("error", f"{place}.file", error.message, error.remedy)
        return
    if said := fault(named.file, content):
        yield Finding("error", f"{place}.file", f"'{named.file}' {said}", "use another file")
    digest = hashlib.sha256(content).hexdigest()
    if not named.sha256:
        yield Finding("warning", f"{place}.sha256", "the file is not pinned", f'add sha256: "{digest}"')
    elif named.sha256 != digest:
        message = f"'{named.file}' is another file than the kit was made with: its SHA-256 is {digest}"
        yield Finding("error", f"{place}.sha256", message, "put the right file back, or enter the new one's SHA-256")


def _logo_fault(name: str, content: bytes) -> str:
    if name.lower().endswith(".svg"):
        return svg_fault(content)
    try:
        with Image.open(io.BytesIO(content), formats=_PICTURES) as image:
            if image.width * image.height > _MOST_PIXELS:
                return f"has {image.width * image.height:,} pixels; a logo has at most {_MOST_PIXELS:,}"
            image.verify()
            see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"is no picture that can be read: {error}"
    return "" if see_through else "has no transparency: it would cover a rectangle of the picture"


def _font_fault(_: str, content: bytes) -> str:
    return "" if content.startswith(_FONTS) else "is no TrueType or OpenType font"


def _licence_profile(kit: BrandKit) -> Iterator[Finding]:
    if not kit.licence_profile:
        return
    try:
        profile_of(kit)
    except PackshotError as error:
        yield Finding("error", "licence_profile", error.message, error.remedy)


def _lora(kit: BrandKit, lora: BrandLora, place: str, folder: Path | None, today: datetime.date) -> Iterator[Finding]:
    for error in gate(lora, today):
        yield Finding("error", place, error.message, error.remedy)
    if lora.expires is not None and 0 <= (lora.expires - today).days <= _SOON:
        yield Finding("warning", f"{place}.expires", f"{lora.name} expires on {lora.expires}", "have it approved again")
    if lora.licence not in licence_ids():
        yield Finding(
            "error", f"{place}.licence", f"there is no licence '{lora.licence}'", "see `packshot models licence`"
        )
    if folder is None:
        return
    try:
        path = _lora_path(kit, lora, folder)
        judge_lora(kit, lora, path)
        yield from _effect(lora, TensorFile(path), place)
    except PackshotError as error:
        yield Finding("error", place, error.message, error.remedy)


def _lora_path(kit: BrandKit, lora: BrandLora, folder: Path) -> Path:
    own = kit.folder is not None and folder == kit.folder / "loras"
    return kit.path(f"loras/{lora.file}") if own else folder / lora.file


def _effect(lora: BrandLora, file: TensorFile, place: str) -> Iterator[Finding]:
    """Whether pictures can show anything of it: ComfyUI has code for it, and it adds something."""
    layers = adapters_of(file)
    for part, why in BEYOND_COMFYUI.items():
        if any(part in layer.tensors for layer in layers):
            yield Finding("error", place, why, "train it, or have its tool write it, as LoRA or DoRA")
    if total_norm(file) == 0:
        remedy = "use the file of a finished training"
        yield Finding("warning", place, f"'{lora.file}' adds zero to every weight: pictures show nothing of it", remedy)


def _conflicts(kit: BrandKit, folder: Path) -> Iterator[Finding]:
    """LoRAs that are applied together and fight over the same directions; a file's own faults were said before."""
    for number, first in enumerate(kit.loras):
        for other, second in enumerate(kit.loras[number + 1 :], start=number + 1):
            if first.base != second.base:
                continue
            with contextlib.suppress(PackshotError):
                met = overlap(*(TensorFile(_lora_path(kit, lora, folder)) for lora in (first, second)))
                if met.fights:
                    said = f"{first.name} and {second.name}: {met.sentence()}"
                    place = f"loras[{number}] and loras[{other}]"
                    yield Finding("warning", place, said, "lower a strength, or keep one of the two")


def _approvals(kit: BrandKit) -> Iterator[Finding]:
    if not kit.approved_by:
        said = "has changed since it was approved" if kit.approvals else "nobody has approved the kit"
        today = datetime.datetime.now(datetime.timezone.utc).date()
        yield Finding("warning", "approvals", said, f'add {{by: "…", date: {today}, of: "{kit.hash}"}} once it is')
