"""What Packshot adds to ComfyUI: its routes and its nodes."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .brand.kit import PackshotBrand, PackshotBrandLoRA, PackshotBrandPrompt
from .brand.lora import PackshotLoRAStack
from .brand.lora_merge import PackshotLoRAMerge
from .info import PackshotInfo
from .memory.determinism import PackshotDeterminismCheck
from .memory.intermediates import PackshotIntermediates
from .memory.parity import PackshotParityCheck
from .memory.policy_nodes import PackshotUnload, PackshotVRAMPolicy
from .memory.report import PackshotMemoryReport
from .model.control import PackshotControl
from .model.encode_ahead import PackshotEncodeAhead, PackshotTextEncode
from .model.load import PackshotEmptyLatent, PackshotLoadModel, PackshotModelInfo
from .model.sampling import PackshotEncode, PackshotSample
from .picture.check import PackshotCheck
from .picture.composite import PackshotProductComposite
from .picture.matte import PackshotMatte, PackshotRefineMatte
from .picture.overlay import PackshotLogo, PackshotText
from .picture.photo import PackshotLoadPhoto
from .picture.save import PackshotSaveForChannel
from .routes.register import register
from .tiled_vae.nodes import PackshotVAEDecodeTiled, PackshotVAEEncodeTiled
from .training.node import PackshotTrainLoRA


class PackshotExtension(ComfyExtension):
    """Made once by ComfyUI while it loads the node pack."""

    async def on_load(self) -> None:
        """Register the routes; ComfyUI starts to serve them once every node pack is loaded."""
        register()

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
            PackshotLoadPhoto,
            PackshotMatte,
            PackshotRefineMatte,
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
