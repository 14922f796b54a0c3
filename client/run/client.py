"""The door for engineers: submit what the artist saved, get typed events and files back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..comfy.client import HostClient
from ..comfy.job import Job
from ..workflow import Workflow


class Client(HostClient):
    """Drives one ComfyUI host. Every client stands alone; use one for each host."""

    def submit(self, workflow: str | Path | Workflow, /, **inputs: Any) -> Job:
        """Submit a workflow.

        Args:
            workflow: a name of the library, with or without ``@version``; the path of a file saved from the canvas; or
                a loaded :class:`Workflow`.
            inputs: values by the names of the workflow's contract; the artist's own values stand for the rest. For an
                input that takes a file give a ``Path`` or ``bytes`` to upload it, or a ``str`` that names one on the
                host.

        Raises:
            WorkflowInvalid, NodeMissing, ModelMissing: the host cannot run this workflow.
            InputUnknown, InputInvalid: a value that the workflow does not take.
            HostUnreachable: the job was certainly not submitted.
        """
        return self.send(self.draft(workflow, inputs))
