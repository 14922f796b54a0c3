"""From nothing to a brand's contact sheet: what ``packshot demo`` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..host.install import install, remembered
from ..host.managed import ManagedHost
from ..models.starter.files import write_starter
from ..paths import shipped
from .events import RunEvent
from .run import CatalogRun
from .status import RunStatus

WORKFLOW = "product-shot@1"
TABLE = Path("catalogs") / "aldern-quay.csv"
BRAND = Path("brands") / "aldern-quay"
# In words that the starter model knows: the kind of product, and its colour, which the table has as the last tag.
PROMPT = "{{ brand.prompt.prefix }} a {{ product.tags | last }} {{ product.type | lower }} {{ brand.prompt.suffix }}"


def demo(
    out: Path | str = "out/demo",
    *,
    on_step: Callable[[str], None] | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> RunStatus:
    """Install what is missing, start the managed host, and make the pictures of a small catalogue.

    Args:
        out: folder of the run.
        on_step: called with one line per step of the set-up.
        on_event: as for :meth:`CatalogRun.run`.

    Raises:
        HostFailed: ComfyUI cannot be installed or started.
        As :meth:`CatalogRun.run`.
    """
    step = on_step or _silent
    host = ManagedHost()
    if remembered(host.home) is None:
        install(host.home, step)
    write_starter(host.models, step)
    host.up(progress=step)
    examples = shipped("examples")
    with CatalogRun(out, create=True) as run:
        run.plan(examples / TABLE, {"prompt": PROMPT}, workflow=WORKFLOW, brand=str(examples / BRAND))
        return run.run(on_event=on_event)


def _silent(_line: str) -> None:
    """Steps for a caller who wants none."""
