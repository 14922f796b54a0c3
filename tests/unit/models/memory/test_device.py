"""What the drivers of this machine say of its GPUs."""

from __future__ import annotations

from pathlib import Path

from packshot.models.memory import device as devices
from packshot.models.memory.advisor import Device
from packshot.models.memory.estimates import GIB


def test_this_machine_has_a_device() -> None:
    found = devices.this_device()
    assert found.memory > GIB
    assert (found.capability is not None) == (found.kind == "cuda")


def test_what_nvidia_smi_says() -> None:
    said = "NVIDIA H200, 143771, 9.0\nNVIDIA GeForce RTX 4090, 24564, 8.9\nGrid, [N/A], [N/A]\n"
    assert devices.parse_nvidia_smi(said) == [
        Device("cuda", "NVIDIA H200", 143771 << 20, (9, 0)),
        Device("cuda", "NVIDIA GeForce RTX 4090", 24564 << 20, (8, 9)),
    ]
    assert devices.parse_nvidia_smi("Failed to initialize NVML: Driver/library version mismatch\n") == []


def test_what_the_amd_driver_says(tmp_path: Path) -> None:
    for name, vendor, memory in (
        ("card0", "0x8086", None),
        ("card1", "0x1002", 17163091968),
        ("card2", "0x1002", None),
    ):
        folder = tmp_path / name / "device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        if memory:
            (folder / "mem_info_vram_total").write_text(f"{memory}\n")
    assert devices.amd(tmp_path) == [Device("rocm", "AMD GPU", 17163091968)]
