"""The example brands' LoRAs judged on a host of their own: the same prompts and seeds without, at half, and in full.

    .venv/bin/python bench/starter/brands.py [--out DIR] [--host URL] [--smoke]

Every type of product once, in the plain colours in turn. Palette coverage is the mean of the check
``palette.coverage``; an outline is kept where the picture's nearest type is the one asked for, as :mod:`judge` sees it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _common import bench_host, machine, say
from _options import add_host, add_smoke
from judge import judge
from look import at_strength, coverage, drawn, prompt_of
from scenes.drawing import COLOURS, TYPES

from packshot import Client
from packshot.brand import BrandKit
from packshot.models.starter.files import write_starter
from packshot.paths import shipped
from packshot.run.brand import bring_loras

_STRENGTHS = (0.0, 0.5, 1.0)


def main() -> None:
    """Print a table and write a sheet of each brand's pictures to ``--out``: a column a product, a row a strength."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/starter"))
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    few = 1 if options.smoke else None
    options.out.mkdir(parents=True, exist_ok=True)
    lines = []
    with bench_host(options.host) as host, tempfile.TemporaryDirectory() as folder:
        if host.models is not None:
            write_starter(host.models)
        client = Client(host.url, out=Path(folder))
        print(machine(host.system))
        for path in sorted((shipped("examples") / "brands").iterdir())[:few]:
            kit = BrandKit.load(path)
            if host.models is not None:
                bring_loras(kit, host.models)
            rows = []
            for strength in _STRENGTHS:
                at, covered, kept, row = at_strength(kit, strength), [], 0, []
                for i, name in enumerate(list(TYPES)[:few]):
                    colour = list(COLOURS)[i * 5 % len(COLOURS)]
                    pixels = drawn(client, at, prompt_of(kit, name, colour), 500 + i)
                    covered.append(coverage(kit, pixels))
                    kept += judge(pixels, colour).type == name
                    row.append(pixels)
                rows.append(np.concatenate(row, 1))
                lines.append(
                    f"| {kit.name} | {strength:g} | {np.mean(covered):.1%} | {min(covered):.1%} to {max(covered):.1%} |"
                    f" {kept} of {len(row)} |"
                )
                say(lines[-1])
            Image.fromarray(np.concatenate(rows)).save(options.out / f"{path.name}.png")
    print("| brand | strength | palette coverage | from, to | outlines kept |\n|---|--:|--:|--:|--:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
