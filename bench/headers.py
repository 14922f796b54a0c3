"""Reading headers: time and memory for large files, and for ten thousand malformed ones.

    python bench/headers.py             a file of 2 GB and one of 100 GB, both sparse, with the header of a real model
    python bench/headers.py --fuzz      10,000 malformed files; --seed N for others
    python bench/headers.py --smoke     each of the large files once, and twenty malformed ones

Every figure comes from a process that does nothing else; memory is the peak of its resident set (Linux's VmHWM), the
interpreter included. The limits are 50 ms and 50 MB; the exit code is 1 where they are missed, but for ``--smoke``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import select
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _options import add_smoke

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from support.mutations import mutants
from support.weights import model, write_safetensors

HANG = 30.0  # seconds without an answer

# Reads the paths on its standard input, and answers each with a line: what came of it, and the milliseconds it took.
READER = """
import json, sys, time
from pathlib import Path
from packshot.errors import ModelCorrupt
from packshot.models.detect.detect import detect_header
from packshot.models.files.read import read_header
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
for line in sys.stdin:
    begun = time.perf_counter()
    try:
        base = detect_header(read_header(line.rstrip("\\n"))).base
        what = "read"
    except ModelCorrupt:
        base, what = None, "refused"
    took = (time.perf_counter() - begun) * 1000
    print(json.dumps({"what": what, "base": base, "ms": took, "peak": peak()}), flush=True)
"""


class Reader:
    """The process under test."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", READER]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def look(self, path: Path) -> dict[str, object]:
        """What came of one file; ends the benchmark if the process hangs or dies."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], HANG)[0]:
            self._process.kill()
            raise SystemExit(f"hangs on {path}")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"died on {path} with exit code {self._process.wait()}")
        answer: dict[str, object] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def large(folder: Path, runs: int) -> bool:
    """Time and memory for sparse files with a thousand tensors of SDXL: its 794 matrices, and vectors."""
    names = list(model("sdxl").items())
    names += [(f"{name.removesuffix('weight')}bias", shape[:1]) for name, shape in names]
    shapes = dict(names[:999])
    held = sum(math.prod(shape) for shape in shapes.values()) // 2
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base"}
    within = True
    for size in (2_000_000_000, 100_000_000_000):
        dtype = {**dict.fromkeys(shapes, "F4"), "filler": "U8"}
        path = write_safetensors(folder / "large", {**shapes, "filler": (size - held,)}, metadata, dtype)
        times, peaks = [], []
        for _ in range(runs):
            reader = Reader()
            answer = reader.look(path)
            reader.close()
            times.append(float(str(answer["ms"])))
            peaks.append(int(str(answer["peak"])))
        print(
            f"{path.stat().st_size / 1e9:.0f} GB, 1,000 tensors, detected as {answer['base']}:"
            f" {statistics.median(times):.1f} ms in a new process (of {runs}: {min(times):.1f} to {max(times):.1f}),"
            f" peak memory {max(peaks) / 1e6:.1f} MB"
        )
        within &= statistics.median(times) < 50 and max(peaks) < 50e6
    return within


def fuzz(folder: Path, count: int, seed: int) -> bool:
    """Malformed files, one after the other, to one process: it must answer each, and stay within its memory."""
    reader = Reader()
    path = folder / "mutant"
    came: dict[str, int] = {}
    slowest = peak = 0.0
    for content, size in mutants(random.Random(seed), count):
        with path.open("wb") as file:
            file.write(content)
            file.truncate(size)
        answer = reader.look(path)
        came[str(answer["what"])] = came.get(str(answer["what"]), 0) + 1
        slowest = max(slowest, float(str(answer["ms"])))
        peak = max(peak, int(str(answer["peak"])))
    reader.close()
    print(f"{count:,} malformed files (seed {seed}): {came}, slowest {slowest:.0f} ms, peak memory {peak / 1e6:.1f} MB")
    return peak < 50e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=int, nargs="?", const=10_000, metavar="COUNT", help="malformed files, 10,000")
    parser.add_argument("--seed", type=int, default=1)
    add_smoke(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.smoke:
            large(folder, runs=1)
            fuzz(folder, 20, options.seed)
            return
        within = fuzz(folder, options.fuzz, options.seed) if options.fuzz else large(folder, runs=9)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
