"""What models would run on here, found without torch."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import psutil

from .advisor import Device

_AMD = "0x1002"  # PCI vendor id
_MIB = 1 << 20


def this_device() -> Device:
    """The accelerator of this machine with the most memory, or its CPU.

    NVIDIA's is asked of ``nvidia-smi``, AMD's of the Linux driver; an Apple one shares the main memory. What neither
    tells of is taken for a machine without one.
    """
    found = [*_nvidia(), *amd(Path("/sys/class/drm"))]
    if found:
        return max(found, key=lambda device: device.memory)
    memory = psutil.virtual_memory().total
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Device("mps", "Apple GPU", memory)
    return Device("cpu", platform.processor() or platform.machine(), memory)


def _nvidia() -> list[Device]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []  # a driver that is not loaded, or too old to know of compute capabilities
    return parse_nvidia_smi(answer)


def parse_nvidia_smi(answer: str) -> list[Device]:
    """Devices from lines of ``name, MiB, capability``; a line that says ``[N/A]`` tells of none."""
    devices = []
    for line in answer.splitlines():
        try:
            name, memory, capability = line.rsplit(",", 2)
            major, minor = capability.split(".")
            devices.append(Device("cuda", name.strip(), int(memory) * _MIB, (int(major), int(minor))))
        except ValueError:
            continue
    return devices


def amd(drm: Path) -> list[Device]:
    """Devices of the amdgpu driver, whose files ``mem_info_vram_total`` count bytes."""
    devices = []
    for vendor in sorted(drm.glob("card[0-9]*/device/vendor")):
        try:
            if vendor.read_text().strip() == _AMD:
                memory = int((vendor.parent / "mem_info_vram_total").read_text())
                devices.append(Device("rocm", "AMD GPU", memory))
        except (OSError, ValueError):
            continue  # an output of a card, or one without memory of its own
    return devices
