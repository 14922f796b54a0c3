"""What the benchmarks share: a host of their own, the check of a picture, the figures of a machine."""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from PIL import Image, UnidentifiedImageError

from packshot.comfy.http import HostApi
from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.paths import cache_dir

BENCH = Path(__file__).resolve().parent
PLAIN = BENCH / "plain.app.json"
TEXT = BENCH / "text.app.json"


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class BenchHost:
    """A ComfyUI to measure on.

    Attributes:
        models: its folder of models; None for a host that somebody else started, which has what a benchmark needs.
        outputs: its folder of pictures; None likewise.
        scratch: a temporary folder for everything else.
        system: from its ``/system_stats``.
    """

    url: str
    models: Path | None
    outputs: Path | None
    scratch: Path
    system: dict[str, Any]

    def clear_outputs(self) -> None:
        """Delete the pictures on the host: it lists their folder for every job, and gets slower as that fills."""
        if self.outputs is not None:
            shutil.rmtree(self.outputs, ignore_errors=True)

    def recorded_failures(self) -> int:
        """How many of the jobs in the host's own records did not succeed."""
        api = HostApi(self.url)
        try:
            answer = api.json("GET", "/api/jobs?status=failed,cancelled&limit=1")
        finally:
            api.close()
        return int(answer["pagination"]["total"])


@contextlib.contextmanager
def bench_host(url: str | None = None) -> Iterator[BenchHost]:
    """Give the host at an address; without one start a host, and stop it and delete its home at the end."""
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder, contextlib.ExitStack() as stack:
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        models = outputs = None
        if url is None:
            home = Path(folder) / "host"
            managed = ManagedHost(home, install(cache_dir() / "host", say), home / "models")
            stack.callback(managed.down)
            url = str(managed.up(progress=say).url)
            models, outputs = managed.models, home / "base" / "output" / "packshot"
        api = HostApi(url)
        stack.callback(api.close)
        yield BenchHost(url, models, outputs, scratch, api.system_stats()["system"])


def picture_fault(data: bytes, color: int, width: int = 64, height: int = 64) -> str:
    """What is wrong with a picture that should be ``width`` x ``height`` pixels of the colour 0xRRGGBB; "" if nothing.

    The comparison is exact: PNG loses nothing, and ComfyUI's way from a colour to 8 bits gives back every value.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            size, kind, pixels = image.size, image.format, image.convert("RGB").tobytes()
    except (UnidentifiedImageError, OSError) as error:
        return f"not a picture: {error}"
    if kind != "PNG" or size != (width, height):
        return f"a {kind} of {size[0]} x {size[1]} pixels, not a PNG of {width} x {height}"
    if pixels != pixels[:3] * (width * height):
        return "more than one colour"
    return "" if pixels[:3] == color.to_bytes(3, "big") else f"colour {pixels[:3].hex()}, not {color:06x}"


def machine(system: dict[str, Any]) -> dict[str, str]:
    """This machine and the host's versions, for the head of a table.

    Args:
        system: from the host's ``/system_stats``.
    """
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "comfyui": str(system["comfyui_version"]),
        "torch": str(system["pytorch_version"]),
        "load": " ".join(f"{load:.1f}" for load in psutil.getloadavg()),
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
