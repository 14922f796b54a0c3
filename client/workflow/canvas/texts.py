"""What the canvas does to texts as it submits them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from .definitions import UNSET
from .open_graph import OpenNode

_COMMENT = re.compile(r"/\*[\s\S]*?\*/|//.*")
_ESCAPED = re.compile(r"\\([{}|])")
_PATTERN = re.compile(r"%([^%]+)%")
_DATE = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyyy|yyy|yy")
_NO_FILE_NAME = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_DEEPEST = 200  # choices in choices

# The nodes whose ``filename_prefix`` may hold %patterns%.
SAVING = frozenset(
    {
        "SaveImage",
        "SaveImageAdvanced",
        "SaveSVGNode",
        "SaveVideo",
        "SaveAnimatedWEBP",
        "SaveWEBM",
        "SaveAudio",
        "SaveAudioMP3",
        "SaveAudioOpus",
        "SaveAudioAdvanced",
        "SaveGLB",
        "Save3DAdvanced",
        "SaveGaussianSplat",
        "SavePointCloud",
        "SaveAnimatedPNG",
        "CLIPSave",
        "VAESave",
        "ModelSave",
        "LoraSave",
        "SaveLatent",
    }
)


def resolve_choices(text: str) -> str:
    """A prompt without comments (``// …`` and ``/* … */``) and with a choice made in each ``{this|that}``.

    The canvas draws lots. This takes the first, so that a workflow is the same graph each time it is converted.
    """
    # Nothing but the canvas's own syntax is touched.
    if not any(mark in text for mark in ("{", "\\", "//", "/*")):
        return text
    return _ESCAPED.sub(r"\1", _resolve(_COMMENT.sub("", text), 0))


def _resolve(text: str, depth: int) -> str:
    if depth > _DEEPEST:
        return text
    result: list[str] = []
    i = 0
    while i < len(text):
        if text[i] == "\\":
            result.append(text[i : i + 2])
            i += 2
        elif text[i] == "{":
            first, i = _first_choice(text, i + 1)
            # The canvas treats the inside as a prompt of its own: its comments and escapes go too.
            inner = _resolve(_COMMENT.sub("", first), depth + 1)
            result.append(_ESCAPED.sub(r"\1", inner))
        else:
            result.append(text[i])
            i += 1
    return "".join(result)


def _first_choice(text: str, start: int) -> tuple[str, int]:
    """The first of the choices in braces that open before ``start``, and where the text goes on."""
    depth, end, i = 0, None, start
    while i < len(text):
        char = text[i]
        if char == "\\":
            i += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                break
            depth -= 1
        elif char == "|" and not depth and end is None:
            end = i
        i += 1
    return text[start : i if end is None else end], i + 1


def replace_patterns(text: str, nodes: Callable[[], list[OpenNode]], now: datetime) -> str:
    """A file name with ``%date:yyyy-MM-dd%`` and ``%node.widget%`` filled in; other patterns are the host's.

    Args:
        nodes: gives all nodes of the workflow, those in subgraphs included.
        now: local time.
    """

    def value(match: re.Match[str]) -> str:
        node_name, dot, widget_name = match[1].partition(".")
        if not dot or "." in widget_name:
            return _format_date(node_name[5:], now) if node_name.startswith("date:") else match[0]
        everyone = nodes()
        named = [node for node in everyone if _known_as(node) == node_name]
        named = named or [node for node in everyone if _title(node) == node_name]
        widget = named[0].widget(widget_name) if named else None
        return match[0] if widget is None else _NO_FILE_NAME.sub("_", as_text(widget.value))

    return _PATTERN.sub(value, text) if "%" in text else text


def _known_as(node: OpenNode) -> object:
    saving = node.node.type in SAVING or node.definition is None
    return node.node.properties.get("Node name for S&R", None if saving else node.node.type)


def _title(node: OpenNode) -> object:
    return node.node.title or (node.definition or {}).get("display_name") or node.node.type


def _format_date(pattern: str, now: datetime) -> str:
    values = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def part(match: re.Match[str]) -> str:
        if match[0][0] == "y":
            return {"yy": f"{now.year}"[2:], "yyyy": f"{now.year}"}.get(match[0], match[0])
        return str(values[match[0][0]]).zfill(len(match[0]))

    return _DATE.sub(part, pattern)


def as_text(value: object) -> str:
    """A value as JavaScript writes it."""
    if value is None or value is UNSET:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)
