"""Packshot for ComfyUI: the door by which the host finds the canvas extension and the nodes.

Nothing of the host is imported here, so that pytest and packaging tools may import this file outside ComfyUI.
"""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> object:
    """Give ComfyUI our ``ComfyExtension``; it asks once, while it loads custom nodes."""
    from .nodes.extension import PackshotExtension

    return PackshotExtension()
