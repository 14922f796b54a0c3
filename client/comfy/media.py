"""What kind of file an output is, by its bytes: whether it is what its node saves and what its name says."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from ..compose.file_kind import describe_file, picture_format
from ..errors import OutputDamaged

HEAD = 4096  # bytes by which a file is judged

# Core's nodes that save files of one family, and ours. Those of other packs may save anything but what `_RUN` names.
_SAVING = {
    "SaveImage": "image",
    "PreviewImage": "image",
    "SaveAnimatedPNG": "image",
    "SaveAnimatedWEBP": "image",
    "PackshotSaveForChannel": "image",
    "SaveVideo": "video",
    "SaveWEBM": "video",
    "SaveAudio": "audio",
    "SaveAudioMP3": "audio",
    "SaveAudioOpus": "audio",
    "PreviewAudio": "audio",
}

_PICTURES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    **{f".{name.lower()}": name for name in ("PNG", "WEBP", "GIF", "BMP", "AVIF", "JXL")},
}
_VIDEO = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")
_AUDIO = (".flac", ".mp3", ".wav", ".ogg", ".opus", ".m4a")
_FAMILIES = {**dict.fromkeys(_PICTURES, "image"), **dict.fromkeys(_VIDEO, "video"), **dict.fromkeys(_AUDIO, "audio")}

# Names of files that a browser or a system runs when somebody opens them; no node saves its result as one.
_RUN = frozenset(
    (
        *(".html", ".htm", ".xhtml", ".shtml", ".mht", ".mhtml", ".hta", ".js", ".mjs", ".xml", ".xsl", ".swf", ".url"),
        *(".exe", ".com", ".scr", ".msi", ".dll", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".wsf", ".lnk", ".reg"),
        *(".jar", ".jnlp", ".sh", ".bash", ".command", ".desktop", ".app", ".apk", ".dmg", ".pkg", ".deb", ".rpm"),
        *(".php", ".py", ".pyw", ".pl", ".rb"),
    )
)


def saved_family(graph: Mapping[str, Mapping[str, Any]], node_id: str) -> str | None:
    """Tell which files a node saves: ``image``, ``video`` or ``audio``; None where that is not certain."""
    return _SAVING.get(str(graph.get(node_id, {}).get("class_type")))


def family_of_name(suffix: str) -> str | None:
    """Tell what a file says to be by the end of its name: ``image``, ``video`` or ``audio``; None for others."""
    return _FAMILIES.get(suffix)


def families(head: bytes) -> frozenset[str]:
    """Tell what a file may be by its first bytes: ``image``, ``video``, ``audio``; containers hold one or the other."""
    if picture_format(head) is not None:
        return frozenset(("image",))
    if head[4:8] == b"ftyp" or head[:4] in (b"\x1aE\xdf\xa3", b"OggS"):
        return frozenset(("video", "audio"))
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return frozenset(("video" if head[8:12] == b"AVI " else "audio",))
    mp3 = head[:3] == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0)
    return frozenset(("audio",)) if mp3 or head[:4] == b"fLaC" else frozenset()


def prove(chunks: Iterator[bytes], suffix: str, saves: str | None, place: str) -> Generator[bytes, None, None]:
    """Pass a file on once its first bytes show that it is what it should be.

    Args:
        suffix: of its name.
        saves: the family that its node saves; None for any.
        place: where it is from, for the error.

    Raises:
        OutputDamaged: it is something else. Nothing of it was passed on.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    check(head[:HEAD], suffix, saves, place)
    yield head
    yield from chunks


def check(head: bytes, suffix: str, saves: str | None, place: str) -> None:
    """Refuse a file by its first bytes, see :func:`prove`."""
    by_name = family_of_name(suffix)
    kinds = families(head)
    if suffix in _RUN:
        problem = f"a file of the kind '{suffix}' is no output of a workflow"
    elif saves is not None and saves not in kinds:
        problem = f"the node saves {_WORDS[saves]}, and the host gives {describe_file(head)}"
    elif by_name is not None and by_name not in kinds:
        problem = f"its name ends in '{suffix}', and it is {describe_file(head)}"
    elif suffix in _PICTURES and picture_format(head) != _PICTURES[suffix]:
        problem = f"its name ends in '{suffix}', and it is a {picture_format(head)}"
    else:
        return
    raise OutputDamaged(problem, place=place, remedy="see what runs on the host, and run the job again")


_WORDS = {"image": "a picture", "video": "a video", "audio": "a sound"}
