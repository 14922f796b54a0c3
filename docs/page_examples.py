"""The Python examples of README.md and docs/: which there are, what they import, and how they run.

An example is a block that is marked ``python``. A comment before it says what it needs: ``<!-- needs: host -->`` for a
ComfyUI at ``http://127.0.0.1:8188``, or ``<!-- not run: REASON -->``. The examples of a page run in their order and
share their names, as when a reader types them one after the other.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

import packshot

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
#: The address that examples name.
HOST = "http://127.0.0.1:8188"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>needs: host|not run: [^\n]+) -->\n+)?^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_ALLOWED = {"packshot", "PIL", "requests"} | sys.stdlib_module_names


@dataclass(frozen=True)
class PageExample:
    """One example; ``line`` is that of its first line of code, from 1, and ``mark`` the comment before it."""

    page: Path
    line: int
    mark: str
    code: str

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def needs_host(self) -> bool:
        """Whether a host must answer at :data:`HOST`."""
        return self.mark == "needs: host"

    @property
    def runs(self) -> bool:
        """Whether the tests run it."""
        return not self.mark.startswith("not run: ")


def examples_of(page: Path) -> list[PageExample]:
    """Return the examples of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        PageExample(
            page, text[: match.start("code")].count("\n") + 1, match["mark"] or "", textwrap.dedent(match["code"])
        )
        for match in _BLOCK.finditer(text)
    ]


def foreign_imports(example: PageExample) -> Iterator[str]:
    """Yield what an example takes from elsewhere than the face of ``packshot``, Pillow, requests and Python."""
    for node in ast.walk(ast.parse(example.code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name not in _ALLOWED)
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            if module == "packshot":
                yield from (f"packshot.{alias.name}" for alias in node.names if alias.name not in packshot.__all__)
            elif module.startswith("packshot.") or module.split(".")[0] not in _ALLOWED:
                yield module
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "packshot":
            yield from (f"packshot.{name}" for name in [node.attr] if name not in packshot.__all__)


def run_examples(examples: list[PageExample], host: str = HOST) -> None:
    """Run examples one after the other in one namespace, with ``host`` in place of the address that they name."""
    names: dict[str, object] = {"__name__": "__main__"}
    for example in examples:
        lines = "\n" * (example.line - 1)  # so that a traceback names the line of the page
        exec(compile(lines + example.code.replace(HOST, host), str(example.page), "exec"), names)  # noqa: S102


def write_files(folder: Path) -> None:
    """Put the files that examples name into a folder: a kit, a product table of two rows, a photograph."""
    shutil.copytree(ROOT / "examples" / "brands", folder / "brands")
    table = (ROOT / "examples" / "catalogs" / "aldern-quay.csv").read_text(encoding="utf-8").splitlines()
    (folder / "products.csv").write_text("\n".join(table[:3]) + "\n", encoding="utf-8")
    photograph = Image.new("RGB", (1200, 1200), "white")
    ImageDraw.Draw(photograph).rounded_rectangle((100, 250, 1100, 950), 90, fill="#C4513A")
    photograph.save(folder / "photo.jpg", quality=95)
