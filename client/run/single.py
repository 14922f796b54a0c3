"""One job of one workflow, from its inputs to its files: what ``packshot run`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..brand.kit import BrandKit
from ..comfy.events import Event
from ..comfy.job import Result
from ..errors import JobTimeout
from ..host.managed import managed_url
from ..models.licensing.profile import Profile
from ..workflow import Workflow
from .client import Client


def run_workflow(
    workflow: str | Path | Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
    brand: BrandKit | Path | str | None = None,
    profile: Profile | Path | str | None = None,
    channel: str | None = None,
    waive: Iterable[str] = (),
    out: Path | str = "out",
    timeout: float | None = None,
    on_step: Callable[[str], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Run a workflow once and bring its results here.

    Args:
        workflow: a name of the library, with or without ``@version``; the path of a file saved from the canvas; or a
            loaded :class:`Workflow`.
        inputs: values by the names of the workflow's contract. Text is read as the type that an input takes, and as the
            path of a file to upload where there is one.
        host: its address; by default the managed host, which is started when it is not up.
        headers, brand, profile, channel, waive: as for :class:`Client`.
        out: folder for the results.
        timeout: seconds to wait before the job is cancelled; None without limit.
        on_step: called with one line per step where the managed host has to be started.
        on_event: called with each event of the job, see :meth:`Job.events`.

    Raises:
        WorkflowInvalid, NodeMissing, ModelMissing, InputUnknown, InputInvalid, LicenceRefused, BrandInvalid,
            LoraMismatch: nothing was made; see :meth:`Client.submit`.
        JobTimeout, JobFailed, OutOfMemory, JobCancelled, HostLost, OutputMissing, OutputUnwritable, ChecksFailed: see
            :meth:`Job.result`. A job that runs into the time limit, or Ctrl-C, is cancelled on the host.
        HostUnreachable, HostFailed: no host answers, or the managed one cannot be started.
    """
    workflow = workflow if isinstance(workflow, Workflow) else Workflow.load(workflow)
    url = host or managed_url(on_step)
    with Client(url, headers=headers, brand=brand, profile=profile, channel=channel, waive=waive, out=out) as client:
        contract = client.prepare(workflow).contract
        values = {
            name: contract.spec(name).parse(value) if isinstance(value, str) else value
            for name, value in (inputs or {}).items()
        }
        job = client.submit(workflow, **values)
        try:
            for event in job.events(timeout):
                if on_event is not None:
                    on_event(event)
            return job.result()
        except (KeyboardInterrupt, JobTimeout):
            job.cancel()
            raise
