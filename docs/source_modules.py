"""The modules of the product as the source has them: their floor, what they import, their syntax trees.

Both the test of the architecture and its picture are made from this; nothing is imported, so it takes about a second.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The rooms of client/ by floor. A module may import from its own floor and from those below, never from one above.
FLOORS: dict[int, tuple[str, ...]] = {
    5: ("cli", "serve"),
    4: ("catalog",),
    3: ("run",),
    2: ("comfy", "host"),
    1: ("workflow", "models", "brand", "quality", "provenance", "compose"),
    0: (
        "bounded_http",
        "bounded_yaml",
        "budget",
        "colours",
        "errors",
        "hashes",
        "kept",
        "paths",
        "private_file",
        "secrets",
        "side_files",
        "units",
        "version",
    ),
}
# What nodes/ may import of client/ above floor 1.
NODES_MAY_READ = ("client.catalog.ledger.reading", "client.catalog.ledger.verdicts")


@dataclass(frozen=True)
class SourceModule:
    """One Python file of ``client`` or ``nodes``.

    ``name`` is dotted from the repository's root. ``imports`` are modules of the product, wherever in the file they are
    imported; ``absolute_imports`` are the top-level names of all that is imported without a leading dot.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]
    absolute_imports: frozenset[str]

    @property
    def room(self) -> str:
        """The folder or module right under ``client`` or ``nodes``; empty for the package itself."""
        return "cli" if self.name == "client.__main__" else [*self.name.split("."), ""][1]

    @property
    def floor(self) -> int | None:
        """The floor of a module of ``client``; None for the face and for a room that has no floor."""
        return next((floor for floor, rooms in FLOORS.items() if self.room in rooms), None)


def third_party(module: SourceModule) -> frozenset[str]:
    """Return the top-level names that a module imports from neither Python nor the product."""
    return module.absolute_imports - sys.stdlib_module_names


@functools.cache
def product_modules() -> dict[str, SourceModule]:
    """Read every module of ``client`` and ``nodes``, by dotted name, and the root's ``__init__.py`` as ``""``."""
    paths = [ROOT / "__init__.py"]
    for folder in ("client", "nodes"):
        paths += sorted((ROOT / folder).rglob("*.py"))
    names = {_dotted_name(path): path for path in paths}
    return {name: _read_module(name, path, names) for name, path in names.items()}


def room_imports() -> dict[str, frozenset[str]]:
    """Return which other rooms each room of the client imports, and each room of the client that ``nodes`` imports."""
    rooms: dict[str, set[str]] = {}
    for module in product_modules().values():
        source = "nodes" if module.name.split(".")[0] == "nodes" else module.room
        if source == "nodes" or module.floor is not None:
            targets = {name.split(".")[1] for name in module.imports if name.startswith("client.")}
            rooms.setdefault(source, set()).update(targets - {source})
    return {room: frozenset(targets) for room, targets in rooms.items()}


def _dotted_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read_module(name: str, path: Path, names: Container[str]) -> SourceModule:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(ROOT).parent.parts
    imports, absolute = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            absolute.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            absolute.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            imports.update(_imported_modules(node, package, names))
    return SourceModule(name, path, tree, frozenset(imports), frozenset(absolute))


def _imported_modules(node: ast.ImportFrom, package: tuple[str, ...], names: Container[str]) -> Iterator[str]:
    """Yield what ``from ..room import name`` loads: the module ``room.name`` where that is one, else ``room``."""
    base = (*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else ()))
    for alias in node.names:
        module = ".".join((*base, alias.name))
        yield module if module in names else ".".join(base)
