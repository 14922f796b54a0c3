"""The encoding of text files that other programs wrote: UTF-8, unless a byte order mark says something else."""

from __future__ import annotations

import codecs

# UTF-32 first: its mark begins with that of UTF-16.
_MARKED = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(data: bytes) -> str:
    """Decode a whole text file.

    Raises:
        UnicodeDecodeError: it is in another encoding, or no text.
    """
    encoding = next((name for mark, name in _MARKED if data.startswith(mark)), "utf-8-sig")
    text = data.decode(encoding)
    if "\0" in text:  # UTF-16 without its mark is valid UTF-8 where all letters are ASCII
        raise UnicodeDecodeError(encoding, data, data.index(0), data.index(0) + 1, "a zero byte")
    return text
