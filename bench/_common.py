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
    """A managed ComfyUI that nobody else uses, in a temporary home; ``scratch`` is a folder for everything else."""

    url: str
    models: Path
    outputs: Path
    scratch: Path
    system: dict[str, Any]

    def clear_outputs(self) -> None:
        """Delete the pictures on the host: it lists their folder for every job, and gets slower as that fills."""
        shutil.rmtree(self.outputs, ignore_errors=True)

    def recorded_failures(self) -> int:
        """How many of the jobs in the host's own records did not succeed."""
        api = HostApi(self.url)
        try:
            answer = api.json("GET", "/api/jobs", params={"status": "failed,cancelled", "limit": 1})
        finally:
            api.close()
        return int(answer["pagination"]["total"])


@contextlib.contextmanager
def bench_host() -> Iterator[BenchHost]:
    """Start a host, installed first if it is not; stop it and delete its home at the end."""
    installation = install(cache_dir() / "host", say)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        home = Path(folder) / "host"
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        managed = ManagedHost(home, installation, home / "models")
        try:
            url = managed.up(progress=say).url
            assert url is not None
            api = HostApi(url)
            system = api.system_stats()["system"]
            api.close()
            yield BenchHost(url, managed.models, home / "base" / "output" / "packshot", scratch, system)
        finally:
            managed.down()


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
