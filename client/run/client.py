"""The door for engineers: submit what the artist saved, get typed events and files back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..brand.kit import BrandKit
from ..comfy.client import HostClient
from ..comfy.job import Job, Result
from ..models.licensing.profile import Profile
from ..workflow import Workflow
from ..workflow.canvas.convert import is_model_file
from .channel import ChannelCheck, checks_failed
from .picture_warnings import picture_warnings
from .policy import Admission, RunPolicy, Waiver, judge_run

_Key = tuple[str, str, frozenset[tuple[str, str]]]  # a workflow's place and hash, and the weights that a caller chose


class Client(HostClient):
    """Drives one ComfyUI host. Every client stands alone; use one for each host.

    Every job passes the same stops as ``packshot run`` and a catalogue: the licences of all weights that it loads, the
    brand's kit, the lock of a release that is named by its version, and the channel's checks.

    Args:
        url: the host's address, with credentials if it needs some (``https://user:secret@gpu.example``).
        brand: the brand's kit, or its folder: goes into the workflow's *Packshot Brand* nodes.
        profile: who uses the pictures and for what, or the file that says so; by default ``profile.yaml`` in the
            user's settings folder.
        channel: id of the channel whose checks the pictures must pass, such as ``amazon-main``.
        waive: stops that do not refuse: ``lock``, ``channel``. What each would have said is in ``result.waived``.
        headers: sent with every request and with the event socket, for instance ``{"Authorization": "Bearer …"}``.
        timeout: seconds to wait for a connection, and for each part of an answer.
        patience: seconds that a host may be silent before a job on it is given up as lost.
        out: folder that results are written to.
        previews: ask the host for pictures of unfinished work (:class:`~packshot.Preview`); costs it a little time.

    Raises:
        InputInvalid: there is no such channel or stop, or the profile cannot be read.
        BrandInvalid: the kit cannot be used.
        HostUnreachable: the address is none.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8188",
        *,
        brand: BrandKit | Path | str | None = None,
        profile: Profile | Path | str | None = None,
        channel: str | None = None,
        waive: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        patience: float = 10.0,
        out: Path | str = "out",
        previews: bool = False,
    ) -> None:
        super().__init__(url, headers=headers, timeout=timeout, patience=patience, out=out, previews=previews)
        self.policy = RunPolicy.of(profile=profile, brand=brand, channel=channel, waive=waive)
        self._channel_check = ChannelCheck(self.policy.channel, self.policy.kit) if self.policy.channel else None
        self._admitted: dict[_Key, Admission] = {}

    def submit(self, workflow: str | Path | Workflow, /, **inputs: Any) -> Job:
        """Submit a workflow.

        Args:
            workflow: a name of the library, with or without ``@version``; the path of a file saved from the canvas; or
                a loaded :class:`Workflow`.
            inputs: values by the names of the workflow's contract; the artist's own values stand for the rest. For an
                input that takes a file give a ``Path`` or ``bytes`` to upload it, or a ``str`` that names one on the
                host.

        Raises:
            WorkflowInvalid, NodeMissing, ModelMissing: the host cannot run this workflow, or is not as its release was
                locked.
            InputUnknown, InputInvalid: a value that the workflow does not take.
            LicenceRefused: a licence of its weights does not allow what the profile says.
            BrandInvalid, LoraMismatch, ModelCorrupt: a LoRA of the brand may not be used, or not with this model.
            HostUnreachable: the job was certainly not submitted.
        """
        admission = self.admit(workflow, inputs)
        return self.send(self.draft(admission.workflow, inputs), lambda result: self._inspected(result, admission))

    def admit(self, workflow: str | Path | Workflow, inputs: Mapping[str, Any]) -> Admission:
        """Put a run before every stop, and submit nothing; asked once for each choice of weights.

        Raises:
            As :meth:`submit`.
        """
        prepared, _ = self.check(workflow, inputs)
        texts = {name: value for name, value in inputs.items() if isinstance(value, str)}
        chosen = {name: text for name, text in texts.items() if prepared.contract.chooses(name) or is_model_file(text)}
        key = prepared.workflow.place, prepared.workflow.sha256, frozenset(chosen.items())
        admission = self._admitted.get(key)
        if admission is None:
            changes = {name: [text] for name, text in chosen.items()}
            admission = judge_run(self, prepared.workflow, changes, self.policy)
            admission.enforce()
            self._admitted[key] = admission
        return admission

    def forget(self) -> None:
        """Ask the host anew for all that it was asked for before: nodes, files, and whether a run may go there."""
        super().forget()
        self._admitted.clear()

    def _inspected(self, result: Result, admission: Admission) -> Result:
        """The result with what the stops said; refused where a picture fails its channel's checks."""
        waived = list(admission.waived)
        # A file that is no picture, such as a video, fails where it cannot be read, as in a catalogue: never unseen.
        pictures = [output.file for output in result.outputs if output.kind != "text"]
        reports = (
            [self._channel_check.judge(picture, result.mattes) for picture in pictures]
            if self._channel_check is not None
            else []
        )
        for report in reports:
            if not report.passed:
                error = checks_failed(report)
                if "channel" not in self.policy.waive:
                    raise error
                waived.append(Waiver("channel", error.slug, str(error)))
        return replace(
            result,
            warnings=tuple(warning.as_dict() for warning in (*admission.warnings, *picture_warnings(result))),
            waived=tuple(waiver.as_dict() for waiver in waived),
            drift=tuple(difference.model_dump() for difference in admission.drift),
            checks=tuple(report.as_dict() for report in reports),
        )
