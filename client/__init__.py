"""Packshot: on-brand product pictures at catalogue scale, on your own GPUs.

>>> from packshot import Client
>>> with Client("http://127.0.0.1:8188") as client:
...     result = client.submit("product-shot", prompt="a red mug on white", seed=7).result()
...     print(result.outputs[0].file)

``packshot.__all__`` is the whole API; whatever else lies in this package may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from .brand.kit import BrandKit
    from .catalog.demo import demo
    from .catalog.events import ItemSettled, RunNotice, RunStarted
    from .catalog.run import CatalogRun
    from .catalog.status import RunStatus
    from .catalog.table.read import read_table
    from .comfy.events import Finished, NodeProgress, OutputReady, Preview, Queued, Started
    from .comfy.job import Job, Result
    from .comfy.outputs import Output
    from .errors import (
        BrandInvalid,
        CatalogInvalid,
        ChecksFailed,
        DeliveryUnknown,
        HostFailed,
        HostLost,
        HostUnreachable,
        InputInvalid,
        InputUnknown,
        JobCancelled,
        JobFailed,
        JobTimeout,
        LicenceRefused,
        LoraMismatch,
        ModelCorrupt,
        ModelMissing,
        NodeMissing,
        OutOfMemory,
        OutputMissing,
        OutputUnwritable,
        PackshotError,
        RunTakenOver,
        WorkflowInvalid,
    )
    from .host.managed import ManagedHost
    from .models.cards import load_card
    from .models.licensing.profile import Profile
    from .run.client import Client
    from .run.single import run_workflow
    from .workflow.workflow import Workflow

# Where each name is defined. Loaded when first used: the node pack imports parts of this package inside ComfyUI and
# needs none of these, and a script that needs one should not wait for all.
_ROOMS = {
    "brand.kit": ("BrandKit",),
    "catalog.demo": ("demo",),
    "catalog.events": ("ItemSettled", "RunNotice", "RunStarted"),
    "catalog.run": ("CatalogRun",),
    "catalog.status": ("RunStatus",),
    "catalog.table.read": ("read_table",),
    "comfy.events": ("Finished", "NodeProgress", "OutputReady", "Preview", "Queued", "Started"),
    "comfy.job": ("Job", "Result"),
    "comfy.outputs": ("Output",),
    "errors": (
        "BrandInvalid",
        "CatalogInvalid",
        "ChecksFailed",
        "DeliveryUnknown",
        "HostFailed",
        "HostLost",
        "HostUnreachable",
        "InputInvalid",
        "InputUnknown",
        "JobCancelled",
        "JobFailed",
        "JobTimeout",
        "LicenceRefused",
        "LoraMismatch",
        "ModelCorrupt",
        "ModelMissing",
        "NodeMissing",
        "OutOfMemory",
        "OutputMissing",
        "OutputUnwritable",
        "PackshotError",
        "RunTakenOver",
        "WorkflowInvalid",
    ),
    "host.managed": ("ManagedHost",),
    "models.cards": ("load_card",),
    "models.licensing.profile": ("Profile",),
    "run.client": ("Client",),
    "run.single": ("run_workflow",),
    "workflow.workflow": ("Workflow",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "BrandInvalid",
    "BrandKit",
    "CatalogInvalid",
    "CatalogRun",
    "ChecksFailed",
    "Client",
    "DeliveryUnknown",
    "Finished",
    "HostFailed",
    "HostLost",
    "HostUnreachable",
    "InputInvalid",
    "InputUnknown",
    "ItemSettled",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobTimeout",
    "LicenceRefused",
    "LoraMismatch",
    "ManagedHost",
    "ModelCorrupt",
    "ModelMissing",
    "NodeMissing",
    "NodeProgress",
    "OutOfMemory",
    "Output",
    "OutputMissing",
    "OutputReady",
    "OutputUnwritable",
    "PackshotError",
    "Preview",
    "Profile",
    "Queued",
    "Result",
    "RunNotice",
    "RunStarted",
    "RunStatus",
    "RunTakenOver",
    "Started",
    "Workflow",
    "WorkflowInvalid",
    "__version__",
    "demo",
    "load_card",
    "read_table",
    "run_workflow",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from .version import version

        return version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
