"""What Packshot adds to ComfyUI: its routes and its nodes."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import routes
from .brand import PackshotBrand, PackshotBrandLoRA, PackshotBrandPrompt
from .check import PackshotCheck
from .composite import PackshotProductComposite
from .control import PackshotControl
from .determinism import PackshotDeterminismCheck
from .encode_ahead import PackshotEncodeAhead, PackshotTextEncode
from .info import PackshotInfo
from .intermediates import PackshotIntermediates
from .lora import PackshotLoRAStack
from .lora_merge import PackshotLoRAMerge
from .matte import PackshotMatte
from .memory_report import PackshotMemoryReport
from .models import PackshotEmptyLatent, PackshotLoadModel, PackshotModelInfo
from .overlay import PackshotLogo, PackshotText
from .parity import PackshotParityCheck
from .sampling import PackshotEncode, PackshotSample
from .save import PackshotSaveForChannel
from .tiled_vae import PackshotVAEDecodeTiled, PackshotVAEEncodeTiled
from .train import PackshotTrainLoRA
from .vram import PackshotUnload, PackshotVRAMPolicy


class PackshotExtension(ComfyExtension):
    """Made once by ComfyUI while it loads the node pack."""

    async def on_load(self) -> None:
        """Register the routes; ComfyUI starts to serve them once every node pack is loaded."""
        routes.register()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes of the pack."""
        return [
            PackshotInfo,
            PackshotLoadModel,
            PackshotModelInfo,
            PackshotEncode,
            PackshotTextEncode,
            PackshotEncodeAhead,
            PackshotControl,
            PackshotEmptyLatent,
            PackshotSample,
            PackshotBrand,
            PackshotBrandLoRA,
            PackshotLoRAStack,
            PackshotLoRAMerge,
            PackshotBrandPrompt,
            PackshotDeterminismCheck,
            PackshotTrainLoRA,
            PackshotMatte,
            PackshotProductComposite,
            PackshotLogo,
            PackshotText,
            PackshotVRAMPolicy,
            PackshotVAEDecodeTiled,
            PackshotVAEEncodeTiled,
            PackshotIntermediates,
            PackshotMemoryReport,
            PackshotParityCheck,
            PackshotUnload,
            PackshotCheck,
            PackshotSaveForChannel,
        ]
