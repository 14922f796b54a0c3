"""The starter judged in full, on a host of its own: every type in every colour, backgrounds in turn.

    .venv/bin/python bench/starter/measure.py [--colours N] [--side 128] [--out DIR] [--host URL] [--smoke]

Prompts are the plainest, every third in German. Each picture comes from the newest ``product-shot`` with the card's own
settings and is judged by :mod:`judge`. Pairs of type and colour that training never saw are counted apart.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _common import bench_host, machine, say
from _options import add_host, add_smoke
from judge import SAME, judge
from pictures import HELD_OUT
from scenes.captions import plain
from scenes.drawing import BACKGROUNDS, COLOURS, TYPES

from packshot import Client
from packshot.models.starter.files import write_starter


def main() -> None:
    """Print the shares and write a sheet of all pictures to ``--out``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--colours", type=int, default=12, help="per type; fewer for a quick look")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("out/starter"))
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    types = list(TYPES)[: 1 if options.smoke else None]
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[str] = Counter()
    rows = []
    with bench_host(options.host) as host, tempfile.TemporaryDirectory() as folder:
        if host.models is not None:
            write_starter(host.models)
        client = Client(host.url, out=Path(folder))
        print(machine(host.system))
        for i, name in enumerate(types):
            row = []
            for j in range(1 if options.smoke else options.colours):
                colour, background = list(COLOURS)[(i + j * 5) % 12], list(BACKGROUNDS)[(i + j) % 6]
                prompt = plain(name, colour, background, "de" if (i + j) % 3 == 2 else "en")
                pixels = drawn(client, prompt, options.side, seed=1000 + 12 * i + j)
                verdict = judge(pixels, colour)
                group = "held out" if (name, colour) in HELD_OUT else "trained on"
                asked[group] += 1
                right[group, "colour"] += verdict.distance <= SAME
                right[group, "outline"] += verdict.type == name
                right[group, "background"] += verdict.background == background
                row.append(pixels)
            rows.append(np.concatenate(row, 1))
            say(f"{name}: {dict(right)} of {dict(asked)}")
    print("| pairs | pictures | colour | outline | background |\n|---|--:|--:|--:|--:|")
    for group, count in asked.items():
        shares = [f"{right[group, what] / count:.1%}" for what in ("colour", "outline", "background")]
        print(f"| {group} | {count} | {' | '.join(shares)} |")
    options.out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(options.out / "judged.png")


def drawn(client: Client, prompt: str, side: int, seed: int) -> np.ndarray:
    """One picture of ``product-shot``, uint8 [side, side, 3]."""
    inputs = {"prompt": prompt, "negative": "", "seed": seed, "width": side, "height": side}
    (output,) = client.submit("product-shot", **inputs).result(300).outputs
    with Image.open(io.BytesIO(output.read())) as image:
        return np.asarray(image.convert("RGB"))


if __name__ == "__main__":
    main()
