"""The Packshot Info node: which versions and which devices this host has."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from pathlib import Path

import comfy.model_management
import torch
from comfy_api.latest import io, ui
from comfy_config import config_parser
from comfyui_version import __version__ as comfyui_version

_GIB = 1024**3


@functools.cache
def pack_version() -> str:
    """Packshot's version, read from the pack's ``pyproject.toml`` by the reader with which ComfyUI itself reads it."""
    settings = config_parser.extract_node_configuration(str(Path(__file__).resolve().parent.parent))
    return str(settings.project.version)


def report() -> str:
    """One line per version, then one per device with its memory in GiB."""
    lines = [
        f"Packshot {pack_version()}",
        f"ComfyUI {comfyui_version}",
        f"frontend {importlib.metadata.version('comfyui-frontend-package')}",
        f"torch {torch.__version__}",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
    ]
    devices = comfy.model_management.get_all_torch_devices() or [comfy.model_management.get_torch_device()]
    for device in devices:
        name = comfy.model_management.get_torch_device_name(device)
        total = comfy.model_management.get_total_memory(device) / _GIB
        free = comfy.model_management.get_free_memory(device) / _GIB
        lines.append(f"device {name}: {free:.1f} of {total:.1f} GiB free")
    return "\n".join(lines)


class PackshotInfo(io.ComfyNode):
    """Reports what this host is made of, on the node and as text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """No inputs; one text output."""
        return io.Schema(
            node_id="PackshotInfo",
            display_name="Packshot Info",
            category="Packshot/Utilities",
            description="The versions of Packshot, ComfyUI, torch and Python, and each device with its free memory.",
            search_aliases=["packshot version", "system info", "vram", "free memory"],
            outputs=[io.String.Output(id="report", display_name="report", tooltip="One line per version and device.")],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls) -> str:
        """The report itself: the node runs again exactly when it has something else to say."""
        return report()

    @classmethod
    def execute(cls) -> io.NodeOutput:
        """Make the report."""
        text = report()
        return io.NodeOutput(text, ui=ui.PreviewText(text))
