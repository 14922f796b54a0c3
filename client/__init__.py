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
    from . import errors
    from .brand.dataset.dataset import check_dataset
    from .brand.kit import BrandKit
    from .brand.lora.file import LoraFile
    from .catalog.demo import demo
    from .catalog.events import ItemSettled, RunNotice, RunStarted
    from .catalog.ledger.verification import verify_image
    from .catalog.run import CatalogRun
    from .catalog.table.read import read_table
    from .comfy.events import Finished, NodeProgress, OutputReady, Preview, Queued, Started
    from .comfy.job import Job, Result
    from .comfy.outputs import Output
    from .errors import PackshotError
    from .host.managed import ManagedHost
    from .host.memory import plan_memory
    from .host.models import fetch_model
    from .models.detect.detect import detect
    from .models.files.inspect import inspect
    from .models.licensing.profile import Profile
    from .quality.check_image import check_image
    from .run.client import Client
    from .run.licence import judge_licence
    from .run.lock import lock_workflow
    from .run.single import run_workflow
    from .run.training import train_lora
    from .workflow.canvas.convert_file import convert_workflow
    from .workflow.check import check_workflow
    from .workflow.release.bump import bump_workflow
    from .workflow.release.diff import diff_workflows
    from .workflow.release.migrate import migrate_workflow
    from .workflow.workflow import Workflow

# Where each name is defined. Loaded when first used: the node pack imports parts of this package inside ComfyUI and
# needs none of these, and a script that needs one should not wait for all.
_ROOMS = {
    "brand.dataset.dataset": ("check_dataset",),
    "brand.kit": ("BrandKit",),
    "brand.lora.file": ("LoraFile",),
    "catalog.demo": ("demo",),
    "catalog.events": ("ItemSettled", "RunNotice", "RunStarted"),
    "catalog.ledger.verification": ("verify_image",),
    "catalog.run": ("CatalogRun",),
    "catalog.table.read": ("read_table",),
    "comfy.events": ("Finished", "NodeProgress", "OutputReady", "Preview", "Queued", "Started"),
    "comfy.job": ("Job", "Result"),
    "comfy.outputs": ("Output",),
    "errors": ("PackshotError",),
    "host.managed": ("ManagedHost",),
    "host.memory": ("plan_memory",),
    "host.models": ("fetch_model",),
    "models.detect.detect": ("detect",),
    "models.files.inspect": ("inspect",),
    "models.licensing.profile": ("Profile",),
    "quality.check_image": ("check_image",),
    "run.client": ("Client",),
    "run.licence": ("judge_licence",),
    "run.lock": ("lock_workflow",),
    "run.single": ("run_workflow",),
    "run.training": ("train_lora",),
    "workflow.canvas.convert_file": ("convert_workflow",),
    "workflow.check": ("check_workflow",),
    "workflow.release.bump": ("bump_workflow",),
    "workflow.release.diff": ("diff_workflows",),
    "workflow.release.migrate": ("migrate_workflow",),
    "workflow.workflow": ("Workflow",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "BrandKit",
    "CatalogRun",
    "Client",
    "Finished",
    "ItemSettled",
    "Job",
    "LoraFile",
    "ManagedHost",
    "NodeProgress",
    "Output",
    "OutputReady",
    "PackshotError",
    "Preview",
    "Profile",
    "Queued",
    "Result",
    "RunNotice",
    "RunStarted",
    "Started",
    "Workflow",
    "bump_workflow",
    "check_dataset",
    "check_image",
    "check_workflow",
    "convert_workflow",
    "demo",
    "detect",
    "diff_workflows",
    "errors",
    "fetch_model",
    "inspect",
    "judge_licence",
    "lock_workflow",
    "migrate_workflow",
    "plan_memory",
    "read_table",
    "run_workflow",
    "train_lora",
    "verify_image",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from .version import version

        return version()
    if name == "errors":
        return importlib.import_module(".errors", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
