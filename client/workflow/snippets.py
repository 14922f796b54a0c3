"""How to run a workflow without the canvas, as text that can be pasted and run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from .contract import Contract
from .versions import SUFFIX, library
from .workflow import Workflow

_WIDTH = 60  # characters of a default that are shown; longer ones are left to the file


def snippets(workflow: Workflow, contract: Contract, graph: Mapping[str, Any], url: str) -> dict[str, str]:
    """``python``, ``curl`` and ``catalogue``: each runs as it stands where the workflow's file is.

    Args:
        graph: in API format, which curl sends whole.
        url: of the host.
    """
    named = reference(workflow)
    values = {name: spec.default for name, spec in contract.inputs.items() if _short(spec.default)}
    arguments = "".join(f"    {name}={value!r},\n" for name, value in values.items())
    python = (
        "from packshot import Client\n\n"
        f"with Client({url!r}) as client:\n"
        f"    job = client.submit(\n        {named!r},\n"
        + "".join(f"    {line}\n" for line in arguments.splitlines())
        + "    )\n"
        "    for output in job.result(timeout=600).outputs:\n"
        "        print(output.file)\n"
    )
    body = json.dumps({"prompt": graph})
    curl = (
        f"curl --fail-with-body {shlex.quote(f'{url}/prompt')} -H 'Content-Type: application/json' --data-binary @-"
        f" <<'JSON'\n{body}\nJSON\n"
    )
    catalogue = (
        f"packshot catalog run products.csv --workflow {shlex.quote(named)} --host {shlex.quote(url)} --out out\n"
    )
    return {"python": python, "curl": curl, "catalogue": catalogue}


def reference(workflow: Workflow) -> str:
    """What others call a workflow: by name and version where it is a release of the library, else its file."""
    shipped = library().get(workflow.name)
    if shipped is not None and workflow.version and Workflow.load(shipped).sha256 == workflow.sha256:
        return f"{workflow.name}@{workflow.version}"
    return f"{workflow.name}{SUFFIX}"


def _short(value: Any) -> bool:
    return len(repr(value)) <= _WIDTH
