"""Image checks, colour differences and saving: time beside scikit-image's for the same figures, and peak memory.

    python bench/quality.py [--smoke]

Pictures have 2000 x 2000 pixels: a product on white as JPEG, and a photograph with as many colours as such have. Time
is that of one thread, read from its own clock, so that other work on the machine counts less. The limits are 150 ms for
all checks of a picture, five times scikit-image's speed for CIEDE2000, 250 ms to save and sign, and memory of eight
times the picture's own; the exit code is 1 where they are missed, but for ``--smoke``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from _options import add_smoke
from PIL import Image, ImageDraw
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.measure import label
from skimage.metrics import structural_similarity

from packshot.provenance.credentials import make_test_credentials
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given, Subject, judge
from packshot.quality.colour import delta_e_2000, luminance, srgb_to_lab
from packshot.quality.measures.fidelity import ssim_map
from packshot.quality.picture import read_picture
from packshot.quality.run import checks_for


@dataclass(frozen=True, slots=True)
class Effort:
    """Side of the pictures in pixels, and how often each time is taken."""

    side: int
    runs: int


FULL, SMOKE = Effort(2000, 7), Effort(400, 1)
PALETTE = {"oat": "#EFE6D6", "driftwood": "#B89C7D", "tidal green": "#3F5E57", "kelp": "#20302D", "buoy red": "#C4513A"}

# Checks or saves one file in a process of its own; the peak of its resident set (Linux's VmHWM) less that before.
PEAK = """
import sys
from pathlib import Path
import numpy as np
from packshot.provenance.credentials import make_test_credentials
from packshot.provenance.marking import Statement
from packshot.provenance.writer import WriteOptions, write_picture
from packshot.quality.channels import load_channel
from packshot.quality.checks import Given
from packshot.quality.run import check_file
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
channel, credentials = load_channel("amazon-main"), make_test_credentials()
given = Given(palette={"oat": "#EFE6D6", "kelp": "#20302D"})
pixels = np.load(sys.argv[2]) if sys.argv[1] == "save" else None
before = peak()
if sys.argv[1] == "check":
    check_file(Path(sys.argv[2]), channel, given)
else:
    options = WriteOptions(credentials=credentials)
    write_picture(pixels, Path(sys.argv[2]).parent, "saved.jpg", Statement("generated"), options)
print(peak() - before)
"""


def clocked(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Milliseconds of this thread, the median of several runs, and the last result."""
    times, result = [], None
    for _ in range(runs):
        begun = time.thread_time()
        result = work()
        times.append((time.thread_time() - begun) * 1000)
    return statistics.median(times), result


def pictures(folder: Path, side: int) -> dict[str, Path]:
    product = Image.new("RGB", (side, side), "white")
    margin, inner = side * 3 // 40, side * 17 // 20
    photo = Image.open(Path(skimage.__file__).parent / "data" / "coffee.png").convert("RGB").resize((inner, inner))
    mask = Image.new("L", (inner, inner))
    ImageDraw.Draw(mask).rounded_rectangle((10, 10, inner - 10, inner - 10), margin * 2, fill=255)
    product.paste(photo, (margin, margin), mask)
    product.save(folder / "product.jpg", quality=95, subsampling=0)
    scene = Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png").resize((side, side))
    scene.save(folder / "photograph.png")
    return {"product on white": folder / "product.jpg", "photograph": folder / "photograph.png"}


def checks(name: str, path: Path, runs: int) -> float:
    """A line for each check that takes a millisecond; what several need is counted to the first."""
    channel, given = load_channel("amazon-main"), Given(palette=PALETTE)
    running = checks_for(channel, given)[0]
    rows: dict[str, list[float]] = {}
    for _ in range(runs):
        begun = time.thread_time()
        picture = read_picture(path)
        rows.setdefault("decoding", []).append((time.thread_time() - begun) * 1000)
        subject = Subject(picture, given)
        begun = time.thread_time()
        assert subject.region is not None or name == "photograph"
        rows.setdefault("finding the product", []).append((time.thread_time() - begun) * 1000)
        for check in running:
            begun = time.thread_time()
            judge(check, subject, channel.limit(check))
            rows.setdefault(check.id, []).append((time.thread_time() - begun) * 1000)
    medians = {row: statistics.median(times) for row, times in rows.items()}
    total = sum(medians.values()) - medians["decoding"]
    print(f"{name}: {len(running)} checks in {total:.0f} ms, after {medians['decoding']:.0f} ms of decoding")
    for row, took in medians.items():
        if took >= 1:
            print(f"    {row:24} {took:6.1f} ms")
    return total


def beside_scikit_image(path: Path, runs: int) -> dict[str, float]:
    pixels = read_picture(path).pixels
    other = np.roll(pixels, 3, axis=1)
    lab, other_lab = srgb_to_lab(pixels), srgb_to_lab(other)
    exact = [array.astype(np.float64) for array in (lab, other_lab)]
    luma, other_luma = luminance(pixels), luminance(other)
    tasks: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "sRGB to Lab": (lambda: srgb_to_lab(pixels), lambda: rgb2lab(pixels)),
        "CIEDE2000": (lambda: delta_e_2000(lab, other_lab), lambda: deltaE_ciede2000(*exact)),
        "SSIM": (
            lambda: ssim_map(luma, other_luma),
            lambda: structural_similarity(luma, other_luma, full=True, data_range=255)[1],
        ),
    }
    ratios = {}
    for name, (ours, theirs) in tasks.items():
        (mine, result), (peer, expected) = clocked(ours, runs), clocked(theirs, runs)
        ratios[name] = peer / mine
        apart = np.abs(result - expected)
        print(
            f"{name} of 4 MP: {mine:.0f} ms, scikit-image {peer:.0f} ms: {peer / mine:.1f} times faster;"
            f" values differ by {np.median(apart):.1g}, 1 in 100,000 by more than {np.quantile(apart, 0.99999):.1g}"
        )
    plain = luma < 250
    print(f"(scikit-image's labelling of the same mask alone: {clocked(lambda: label(plain), runs)[0]:.0f} ms)")
    return ratios


def saving(path: Path, folder: Path, runs: int) -> float:
    pixels = read_picture(path).pixels
    credentials = make_test_credentials()
    slowest = 0.0
    for file_format in ("JPEG", "PNG", "WEBP"):
        for signing in (None, credentials):
            options = WriteOptions(file_format, credentials=signing)
            name = f"saved.{file_format.casefold()}"
            took, _ = clocked(partial(write_picture, pixels, folder, name, Statement("generated"), options), runs)
            print(f"{file_format}, {'signed' if signing else 'not signed'}: {took:.0f} ms")
            slowest = max(slowest, took if file_format == "JPEG" else 0)
    return slowest


def memory(files: dict[str, Path], folder: Path, side: int) -> float:
    size = side * side * 3
    np.save(folder / "pixels.npy", read_picture(files["photograph"]).pixels)
    worst = 0.0
    for what, path in (
        ("check", files["product on white"]),
        ("check", files["photograph"]),
        ("save", folder / "pixels.npy"),
    ):
        answer = subprocess.run(
            [sys.executable, "-c", PEAK, what, str(path)], capture_output=True, check=True, text=True
        )
        times = int(answer.stdout) / size
        print(f"{what} {path.name}: peak memory {times:.1f} times the picture's {size / 1e6:.0f} MB")
        worst = max(worst, times)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_smoke(parser)
    options = parser.parse_args()
    effort = SMOKE if options.smoke else FULL
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = pictures(folder, effort.side)
        slowest = max(checks(name, path, effort.runs) for name, path in files.items())
        ratios = beside_scikit_image(files["photograph"], effort.runs)
        saved = saving(files["product on white"], folder, effort.runs)
        peak = memory(files, folder, effort.side)
    figures = {"checks_ms": slowest, "ciede2000_ratio": ratios["CIEDE2000"], "save_and_sign_ms": saved, "memory": peak}
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))
    within = slowest <= 150 and ratios["CIEDE2000"] >= 5 and saved <= 250 and peak <= 8
    sys.exit(0 if within or options.smoke else 1)


if __name__ == "__main__":
    main()
