"""What the nodes of a finished job say that one may not expect, as warnings of its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..comfy.job import Result
from .policy import RunWarning


def picture_warnings(result: Result) -> list[RunWarning]:
    """Give the warnings of a job's LoRAs and mattes.

    Args:
        result: with what the nodes said: ``look`` and ``mattes``.
    """
    return [*_of_loras(result.look), *_of_mattes(result.mattes)]


def _of_loras(look: Iterable[Mapping[str, Any]]) -> Iterator[RunWarning]:
    """Yield what a finished job's nodes say of LoRAs that did less than one may expect.

    Args:
        look: of the job's result.
    """
    for entry in look:
        for lora in entry.get("loras", ()):
            name = lora.get("file", "")
            if lora.get("changes") is False:
                yield RunWarning("lora-no-effect", f"{name} was applied and changes no weight")
            if lora.get("left_out"):
                loaded = f"{lora.get('matched')} of {lora.get('total')} tensors of {name} were loaded"
                yield RunWarning("lora-partly-loaded", f"{loaded}; left out are {'; '.join(lora['left_out'])}")


def _of_mattes(mattes: Sequence[Mapping[str, Any]]) -> list[RunWarning]:
    """What speaks against the mattes of a run, each reason once a node."""
    warnings = [
        RunWarning(str(finding["slug"]), str(finding["message"]), str(matte["node"]))
        for matte in mattes
        for finding in matte["findings"]
        if not finding["sound"]
    ]
    return list(dict.fromkeys(warnings))
