"""What a file is, told by its first bytes and never by its name."""

from __future__ import annotations

import re

#: How the names of photographs end, in small letters: for lists of a folder, as a file's bytes say what it is.
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".avif", ".jxl"),
)

_HEAD = 4096  # bytes that are looked at

# The major and compatible brands of a file of boxes (ISO/IEC 14496-12), and what it holds.
_HEIF = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
_RAW_BRANDS = frozenset((b"crx ",))

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
)

#: How files begin that people give in place of a picture, and what each of them is.
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a pointer of Git LFS, and not the file itself"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIRS", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
)
_CANON_RAW = b"CR"  # at byte 8 of a TIFF file
_RAW = "a camera's raw file"


def picture_format(data: bytes) -> str | None:
    """Tell the format of a picture: ``JPEG PNG WEBP TIFF GIF BMP HEIF AVIF JXL``; None where the bytes are no picture.

    Args:
        data: the file, or at least its first 4,096 bytes.
    """
    head = data[:_HEAD]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None if head[8:10] == _CANON_RAW else "TIFF"
    if brands := _brands(head):
        return "AVIF" if brands & _AVIF else "HEIF" if brands & _HEIF and not brands & _RAW_BRANDS else None
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def describe_file(data: bytes) -> str:
    """Say what a file is that is no picture, as in "a web page".

    Args:
        data: the file, or at least its first 4,096 bytes.
    """
    head = data[:_HEAD]
    if not head.strip(b"\0 \t\r\n"):
        return "an empty file" if not data else "a file of blanks or zeros"
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == _CANON_RAW:
        return _RAW
    if brands := _brands(head):
        return _RAW if brands & _RAW_BRANDS else "a video"
    if (other := next((words for magic, words in _OTHERS if head.startswith(magic)), None)) is not None:
        return other
    if head[:4] == b"\x1aE\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "a video"
    return _describe_text(head)


def _describe_text(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, errors="replace").lstrip().casefold()
    if "�" in text[:200] or "\0" in text:
        return "a file of no picture format that is known"
    if re.search(r"<svg[\s>]", text):
        return "an SVG drawing"
    if text.startswith("<!doctype html") or re.search(r"<(html|head|body|title|script)[\s>]", text):
        return "a web page"
    if text.startswith("<"):
        return "an XML file"
    if text.startswith(("{", "[")):
        return "an answer in JSON"
    return "a text file"


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of a file of boxes; none where it is no such file."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    return frozenset([head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))])
