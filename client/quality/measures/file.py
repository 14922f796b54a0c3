"""Checks of the file: format, bytes, name, colour profile, mode, frames."""

from __future__ import annotations

from ..checks import Subject, Value, measure

_CHANNELS = "rules of the sales channels"


@measure(
    "file.format",
    unit="",
    definition="The file's format, from its content: JPEG, PNG, WEBP, TIFF, GIF or BMP.",
    source=_CHANNELS,
    other="format-not-accepted",
)
def _format(subject: Subject) -> Value:
    return subject.picture.format


@measure(
    "file.bytes",
    unit="bytes",
    definition="The file's size.",
    source=_CHANNELS,
    above="file-too-large",
    below="file-too-small",
)
def _bytes(subject: Subject) -> Value:
    return subject.picture.size


@measure(
    "file.name",
    unit="",
    definition="The file's name with its ending.",
    source=_CHANNELS,
    other="name-not-accepted",
)
def _name(subject: Subject) -> Value:
    return subject.picture.name


@measure(
    "file.colour-profile",
    unit="",
    definition=(
        "'sRGB' where the ICC profile gives the same colours as sRGB within 2 levels, or a PNG says so; else the"
        " profile's description, 'broken', or 'none'."
    ),
    source="ICC.1:2022; IEC 61966-2-1",
    other="profile-not-accepted",
)
def _profile(subject: Subject) -> Value:
    return subject.picture.profile


@measure(
    "file.mode",
    unit="",
    definition="How pixels are stored: RGB, RGBA, L (grey), P (palette), CMYK, I;16 and so on.",
    source="Pillow's modes",
    other="mode-not-accepted",
)
def _mode(subject: Subject) -> Value:
    return subject.picture.mode


@measure(
    "file.frames",
    unit="frames",
    definition="1, or 2 for an animation or a file of several pages.",
    source=_CHANNELS,
    above="animated",
)
def _frames(subject: Subject) -> Value:
    return subject.picture.frames
