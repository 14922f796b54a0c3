"""Renders the photographs of ``examples/photographs/``, and their masks in ``tests/data/photographs/masks/``.

    python3.11 -m venv photographs-venv
    photographs-venv/bin/pip install bpy==4.5.15 .
    cd bench && ../photographs-venv/bin/python -m photographs [NAME …] [--out DIR] [--masks DIR] [--smoke]

Blender's ``bpy`` is no dependency of Packshot: the pictures are committed. Each takes about two minutes of a CPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from _options import add_smoke

from .catalogue import PHOTOGRAPHS
from .develop import Label, develop
from .render import TOOL, render_mask, render_photograph

ROOT = Path(__file__).resolve().parents[2]
_SIDE, _SMOKE_SIDE = 1600, 64


def main() -> None:
    """Render each photograph, develop it, and render its mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PHOTOGRAPHS)}; all by default")
    parser.add_argument("--out", type=Path, default=ROOT / "examples" / "photographs")
    parser.add_argument("--masks", type=Path, default=ROOT / "tests" / "data" / "photographs" / "masks")
    add_smoke(parser)
    options = parser.parse_args()
    names = options.names or list(PHOTOGRAPHS)[: 1 if options.smoke else None]
    side = _SMOKE_SIDE if options.smoke else _SIDE
    for folder in (options.out, options.masks):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packshot-photographs-") as folder:
        for name in names:
            setting, begun = PHOTOGRAPHS[name], time.perf_counter()
            photograph, rendered = options.out / f"{name}.jpg", Path(folder) / f"{name}.png"
            render_photograph(setting, rendered, side)
            develop(rendered, photograph, Label(setting.title, TOOL), push=setting.push, phone=setting.phone)
            render_mask(setting, options.masks / f"{name}.png", side)
            size, seconds = photograph.stat().st_size / 1000, time.perf_counter() - begun
            print(f"{name}: {size:.0f} KB in {seconds:.0f} s")


if __name__ == "__main__":
    main()
