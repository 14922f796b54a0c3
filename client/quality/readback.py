"""Whether text that was set on a picture can be read there."""

from __future__ import annotations

from ..errors import InputInvalid
from .colour import Bytes
from .reading import edit_share, plain, read_lines


def read_back(pixels: Bytes, wanted: str) -> str:
    """What reading the picture says of the text that was set on it, as a line for people.

    Args:
        pixels: uint8 [H, W, 3].

    Returns:
        Empty where there is nothing to read, or RapidOCR is not installed.
    """
    letters = plain(wanted)
    if not letters:
        return ""
    try:
        found = " ".join(line.text for line in read_lines(pixels, None))
    except InputInvalid:  # not installed
        return ""
    share = edit_share(letters, plain(found))
    if share == 0:
        return "read back: every letter is as it was set"
    said = f"read back as '{found}'" if found else "no text could be read back"
    return f"{said}: {share:.0%} of its letters differ; more contrast, a larger box or a plainer font may help"
