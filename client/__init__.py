"""Packshot: on-brand product pictures at catalogue scale, on your own GPUs.

>>> from packshot import Client
>>> with Client("http://127.0.0.1:8188") as client:
...     result = client.submit("product-shot", prompt="a red mug on white", seed=7).result()
...     print(result.outputs[0].file)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from .catalog.run import CatalogRun as CatalogRun
    from .comfy.client import Client as Client
    from .comfy.job import Job as Job
    from .comfy.job import Result as Result
    from .comfy.outputs import Output as Output
    from .errors import PackshotError as PackshotError
    from .workflow import Workflow as Workflow

# Loaded when first used: the node pack imports parts of this package inside ComfyUI and needs none of these.
_HOMES = {
    "CatalogRun": ".catalog.run",
    "Client": ".comfy.client",
    "Job": ".comfy.job",
    "Output": ".comfy.outputs",
    "PackshotError": ".errors",
    "Result": ".comfy.job",
    "Workflow": ".workflow",
}
__all__ = ["CatalogRun", "Client", "Job", "Output", "PackshotError", "Result", "Workflow", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("packshot")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
