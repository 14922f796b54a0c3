"""Writes the picture and the table of ``docs/architecture.md``: ``python docs/make_architecture.py docs``.

Both are made from the imports. An arrow that a longer way of arrows implies is left out of the
picture, so that it stays calm; the table has them all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from source_modules import FLOORS, NODES_MAY_READ, ROOT, room_imports

from packshot.paths import write_text

_WIDTH, _MARGIN, _LABEL, _GAP = 1120, 24, 92, 26
_BOX_HEIGHT, _STEP, _TOP, _PADDING, _BAND_HEIGHT = 76, 142, 96, 18, 40
# The left edge and the width of the rooms above floor 1, such that long arrows pass between the boxes.
_PLACES = {
    "cli": (500, 560),
    "serve": (300, 174),
    "catalog": (500, 330),
    "run": (500, 138),
    "comfy": (376, 110),
    "host": (700, 100),
}
_NODES_WIDTH = 170
_INK, _SOFT, _LINE, _WARM = "#20302D", "#6B7A76", "#3F5E57", "#C4513A"
_ARROW = f'<path d="M0,0 L8,4 L0,8 z" fill="{_LINE}"/>'
_TABLE = re.compile(r"(<!-- imports -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Box:
    """The place of a room in the picture, in pixels from the top left."""

    room: str
    x: float
    y: float
    width: float

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + _BOX_HEIGHT


def main() -> None:
    """Write the picture, and fill in the table of the page."""
    docs = Path(sys.argv[1])
    write_text(docs / "images" / "architecture.svg", picture())
    page = docs / "architecture.md"
    text = page.read_text(encoding="utf-8")
    write_text(page, _TABLE.sub(lambda match: match[1] + imports_table() + match[2], text))


def imports_table() -> str:
    """Return every room with the rooms that it imports, by floor, as a table in Markdown."""
    imports = room_imports()
    lines = ["| floor | room | imports |", "|---|---|---|"]
    for floor, rooms in FLOORS.items():
        for room in rooms if floor else ():
            if room in imports:
                lines.append(f"| {floor} | `{room}/` | {_targets(imports[room])} |")
    lines.append(f"| – | `nodes/` | {_targets(imports['nodes'])} |")
    return "\n".join(lines) + "\n"


def _targets(rooms: frozenset[str]) -> str:
    return ", ".join(f"`{room}`" for rooms_of in FLOORS.values() for room in rooms_of if room in rooms)


def picture() -> str:
    """Return the floors, the rooms on them and the arrows between them, as SVG."""
    imports = room_imports()
    boxes = _boxes(imports)
    floor_y = {floor: _TOP + step * _STEP for step, floor in enumerate(FLOORS)}
    parts = [
        _band(
            _TOP - 76,
            "packshot",
            "client/__init__.py: the one face; it loads a room when you first use a name of it",
        ),
        *(_floor(floor, y) for floor, y in floor_y.items() if floor),
        _band(floor_y[0] - _PADDING, " · ".join(FLOORS[0]), "every room may use these"),
        *_arrows(_reduced(imports), boxes),
        *_node_arrows(imports["nodes"], boxes, floor_y),
        *(_room(box) for box in boxes.values()),
    ]
    height = floor_y[0] - _PADDING + _BAND_HEIGHT + _MARGIN / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif">\n'
        f"<title>The rooms of Packshot and what they import</title>\n"
        f'<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8"'
        f' orient="auto-start-reverse" markerUnits="userSpaceOnUse">{_ARROW}</marker></defs>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _boxes(imports: Mapping[str, frozenset[str]]) -> dict[str, Box]:
    """A box for each room that exists; those of floor 1 share its width."""
    floor_y = {room: _TOP + step * _STEP for step, rooms in enumerate(FLOORS.values()) for room in rooms}
    boxes = {room: Box(room, x, floor_y[room], width) for room, (x, width) in _PLACES.items() if room in imports}
    boxes["nodes"] = Box("nodes", _LABEL, floor_y["comfy"], _NODES_WIDTH)
    width = (_WIDTH - _MARGIN - _LABEL + _GAP) / len(FLOORS[1]) - _GAP
    for position, room in enumerate(FLOORS[1]):
        boxes[room] = Box(room, _LABEL + position * (width + _GAP), floor_y[room], width)
    return boxes


def _reduced(imports: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Yield the arrows that no longer way implies, but for those of the nodes and those to floor 0."""
    rooms = {room: {target for target in targets if target not in FLOORS[0]} for room, targets in imports.items()}
    below: dict[str, set[str]] = {}

    def reach(room: str) -> set[str]:
        if room not in below:
            below[room] = set()
            below[room] = set().union(*({target} | reach(target) for target in rooms.get(room, ())))
        return below[room]

    for room, targets in rooms.items():
        if room != "nodes" and room not in FLOORS[0]:
            for target in sorted(targets):
                if not any(target in reach(other) for other in targets - {target}):
                    yield room, target


def _arrows(arrows: Iterator[tuple[str, str]], boxes: Mapping[str, Box]) -> Iterator[str]:
    pairs = [(boxes[source], boxes[target]) for source, target in arrows]
    down = [(source, target) for source, target in pairs if source.y != target.y]
    for source, target in down:
        outgoing = sorted((end for start, end in down if start == source), key=lambda box: box.x)
        incoming = sorted((start for start, end in down if end == target), key=lambda box: box.x)
        x1 = source.x + source.width * (outgoing.index(target) + 1) / (len(outgoing) + 1)
        x2 = target.x + target.width * (incoming.index(source) + 1) / (len(incoming) + 1)
        y1, y2 = source.bottom, target.y
        middle = (y1 + y2) / 2
        yield _path("M", x1, y1, "C", x1, middle, x2, middle, x2, y2)
    for source, target in pairs:
        if source.y == target.y:
            yield _sideways(source, target, boxes.values())


def _sideways(source: Box, target: Box, boxes: Iterable[Box]) -> str:
    """An arrow to a room of the same floor: straight where no box stands between, else in an arc below."""
    left, right = sorted((source, target), key=lambda box: box.x)
    y = source.y + _BOX_HEIGHT / 2
    if not any(box.y == source.y and left.x < box.x < right.x for box in boxes):
        ends = (left.x + left.width, right.x)
        start, end = ends if source == left else ends[::-1]
        return _path("M", start, y, "L", end, y)
    x1, x2, low = source.x + source.width / 2, target.x + target.width / 2, source.bottom
    return _path("M", x1, low, "C", x1, low + 34, x2, low + 34, x2, low)


def _node_arrows(targets: frozenset[str], boxes: Mapping[str, Box], floor_y: Mapping[int, float]) -> Iterator[str]:
    """The nodes import floor 1 as a whole and two readers of the ledger; with ``comfy`` they talk over the wire."""
    nodes, comfy, catalog = boxes["nodes"], boxes["comfy"], boxes["catalog"]
    x, y = nodes.x + 28, nodes.y + _BOX_HEIGHT / 2
    if targets & set(FLOORS[1]):
        yield _path("M", x, nodes.bottom, "L", x, floor_y[1] - _PADDING)
    if catalog.room in targets:
        high = catalog.y + _BOX_HEIGHT / 2
        yield _path("M", x, nodes.y, "L", x, high + 14, "Q", x, high, x + 14, high, "L", catalog.x, high)
        readers = " and ".join(name.removeprefix("client.catalog.").replace(".", "/") for name in NODES_MAY_READ)
        yield _text(x + 24, high - 8, f"only {readers}", 13, _SOFT)
    yield _path("M", nodes.x + nodes.width, y, "L", comfy.x, y, wire=True)
    yield _text((nodes.x + nodes.width + comfy.x) / 2, y - 8, "HTTP, WebSocket", 12, _WARM, "middle")


def _room(box: Box) -> str:
    folder = ROOT / ("nodes" if box.room == "nodes" else f"client/{box.room}")
    parts = sorted(path.name for path in folder.iterdir() if (path / "__init__.py").exists())
    lines = _wrapped(parts, box.width)
    y = box.y + _BOX_HEIGHT / 2 + 6 - 7.5 * len(lines)
    fill, stroke = ("#FBEFEA", _WARM) if box.room == "nodes" else ("#FFFFFF", _LINE)
    shapes = [
        _rectangle(box.x, box.y, box.width, _BOX_HEIGHT, fill, stroke),
        _text(box.x + box.width / 2, y, f"{box.room}/", 17, _INK, "middle", weight=600),
    ]
    for position, line in enumerate(lines):
        shapes.append(_text(box.x + box.width / 2, y + 18 + 15 * position, line, 12, _SOFT, "middle"))
    return "\n".join(shapes)


def _wrapped(words: list[str], width: float) -> list[str]:
    """The names of the inner folders in lines that a box can hold, at 7 pixels a letter."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} · {word}" if lines else word
        if lines and len(longer) * 7 < width - 8:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _floor(floor: int, y: float) -> str:
    band = _rectangle(_MARGIN / 2, y - _PADDING, _WIDTH - _MARGIN, _BOX_HEIGHT + 2 * _PADDING, "#F4F1EA")
    return f"{band}\n{_text(_MARGIN, y + _BOX_HEIGHT / 2 + 5, f'floor {floor}', 14, _SOFT)}"


def _band(y: float, title: str, note: str) -> str:
    middle = y + _BAND_HEIGHT / 2
    parts = (
        _rectangle(_MARGIN / 2, y, _WIDTH - _MARGIN, _BAND_HEIGHT, "#E3E9E6"),
        _text(_MARGIN, middle + 6, title, 16, _INK, weight=600),
        _text(_WIDTH - _MARGIN, middle + 5, note, 13, _SOFT, "end"),
    )
    return "\n".join(parts)


def _rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> str:
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8" fill="{fill}"'
        f' stroke="{stroke}"/>'
    )


def _path(*parts: str | float, wire: bool = False) -> str:
    """A line with an arrow's head, or dashed and without one where it is no import but a connection."""
    data = " ".join(part if isinstance(part, str) else f"{part:.0f}" for part in parts)
    style = f'stroke="{_WARM}" stroke-dasharray="5 4"' if wire else f'stroke="{_LINE}" marker-end="url(#arrow)"'
    return f'<path d="{data}" fill="none" stroke-width="1.6" {style}/>'


def _text(x: float, y: float, text: str, size: int, fill: str, anchor: str = "start", *, weight: int = 400) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
        f' font-weight="{weight}">{escape(text)}</text>'
    )


if __name__ == "__main__":
    main()
