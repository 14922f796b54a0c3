"""One host as a catalogue run uses it: draft, send, land. Engines put stations where the hosts are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from ...comfy.client import Draft, HostClient
from ...comfy.health import Health, health
from ...comfy.job import Job
from ...comfy.protocol import graph_sha256
from ...errors import OutputMissing, PackshotError, PhotographInvalid
from ...hashes import file_sha256
from ...run.lock import HeldLock, drift_from, refuse_drift
from ...run.picture_warnings import picture_warnings
from ...run.weights import Weights, weights_of_run
from ...workflow import Workflow
from ...workflow.contract import Contract
from ..ledger.records import StoredItem, row_hash
from ..seeds import seed_of_try
from .encode_ahead import encode_ahead, encodes
from .failures import meaning
from .gate import Gate, Judgement, judge

_log = logging.getLogger(__name__)
_FETCHING = 1800.0  # seconds that the files of a job which has ended may take to come here
_OF_THE_RUN = ("waived", "drift", "checks")  # of a result, that the stops before it have added


@dataclass(frozen=True, slots=True)
class Drafted:
    """A job that has its id and was not sent yet.

    Attributes:
        prompt_id: its id.
        audit: hashes of what it is made from: ``row``, ``workflow``, ``graph`` as it is submitted, and ``inputs``, the
            files that were uploaded for it.
    """

    prompt_id: str
    audit: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Landed:
    """A job's result on this machine.

    Attributes:
        record: what the host told of the job, as JSON values; each output names its file in ``folder``.
        folder: where the files are.
        seconds: execution time by the host's clock, None where it gives none.
        seed: that it was made with.
        other_seed: whether it can be made with another one.
        judgement: what the gate says of the first file; None without a gate.
    """

    record: Mapping[str, Any]
    folder: Path
    seconds: float | None
    seed: int
    other_seed: bool
    judgement: Judgement | None


class Station(Protocol):
    """A host behind an engine. Every method may raise HostUnreachable or HostLost; one thread at a time uses it."""

    @property
    def url(self) -> str:
        """The host's address."""

    def look(self) -> Health:
        """How the host is; never raises for a host that does not answer."""

    def uploads(self, workflow: str) -> frozenset[str]:
        """The inputs of a workflow that take a file."""

    def draft(self, item: StoredItem, files: Mapping[str, Path]) -> Drafted:
        """Check an item's inputs against the host, upload its files, choose the job's id.

        Args:
            files: where those files are, by what the item's inputs say.
        """

    def send(self, prompt_id: str) -> None:
        """Submit what was drafted under that id."""

    def encodes(self, workflow: str) -> bool:
        """Whether a workflow has prompts that can be encoded ahead."""

    def encode_ahead(self, items: Sequence[StoredItem]) -> str:
        """Have the host encode the prompts of items and keep them; the job's id, empty where there are none."""

    def encoded(self, prompt_id: str, seconds: float) -> None:
        """Wait that long for such a job."""

    def find(self, prompt_id: str, workflow: str) -> bool:
        """Whether the host has a job, which may be of an earlier run; if so it can be landed."""

    def waits(self, prompt_id: str) -> bool:
        """Whether a job still waits in the host's queue."""

    def draws_seeds(self, item: StoredItem) -> bool:
        """Whether the seed of an item is ours to choose: the workflow has one, and no template gives it."""

    def land(self, prompt_id: str, item: StoredItem, seconds: float) -> Landed:
        """Wait that long for a job, bring its files to this machine under the item's name, and judge the first one."""

    def cancel(self, prompt_id: str) -> None:
        """Take a job out of the host's queue, or interrupt it."""

    def free_memory(self) -> None:
        """Have the host unload its models before its next job."""

    def close(self) -> None:
        """Close the connections; jobs go on running."""


class LocalStation:
    """A host that this process talks to itself.

    Args:
        client: of the host.
        workflows: by key; the run's own has the empty key.
        stage: folder for files that are not accepted yet.
        gates: what a picture must pass to be accepted, by the channel that it is for, and under "" for all others.
        held: the locks of those workflows that a host may not make otherwise than their releases were made.
    """

    def __init__(
        self,
        client: HostClient,
        workflows: Mapping[str, Workflow],
        stage: Path,
        gates: Mapping[str, Gate],
        held: Mapping[str, HeldLock],
    ) -> None:
        self._client = client
        self._workflows = workflows
        self.stage = stage
        self._gates = gates
        self._held = held
        self._locked: set[tuple[str, Weights]] = set()  # what was seen to be as it was locked
        self._drafts: dict[str, Draft] = {}
        self._jobs: dict[str, Job] = {}

    @property
    def url(self) -> str:
        return self._client.url

    def look(self) -> Health:
        return health(self._client.api)

    def uploads(self, workflow: str) -> frozenset[str]:
        return frozenset(name for name, spec in self._contract(workflow).inputs.items() if spec.uploads)

    def draft(self, item: StoredItem, files: Mapping[str, Path]) -> Drafted:
        values = self._values(item, files)
        workflow = self._workflows[item.workflow]
        self._hold(item)
        try:
            draft = self._client.draft(workflow, values)
        except PhotographInvalid as error:
            raise PhotographInvalid(
                error.message, place=_text_of(files, error.place), remedy=error.remedy, reason=error.reason
            ) from error
        self._drafts[draft.id] = draft
        hashes = {name: _file_hash(value) for name, value in values.items() if isinstance(value, Path)}
        row = row_hash(item, workflow.sha256)
        return Drafted(
            draft.id, {"row": row, "workflow": workflow.sha256, "graph": graph_sha256(draft.graph), "inputs": hashes}
        )

    def _hold(self, item: StoredItem) -> None:
        """Refuse an item here where this host would make it otherwise than its release was made.

        Raises:
            WorkflowInvalid: the host is not as the workflow was locked.
        """
        held = self._held.get(item.workflow)
        if held is None:
            return
        prepared = self._client.prepare(self._workflows[item.workflow])
        texts = {name: [text] for name, text in item.inputs.items() if prepared.contract.chooses(name)}
        weights = weights_of_run(prepared, self._client.object_info, texts)
        if (item.workflow, weights) not in self._locked:
            if drift := drift_from(held, self._client, prepared, weights, texts):
                raise refuse_drift(held, drift)
            self._locked.add((item.workflow, weights))

    def _contract(self, workflow: str) -> Contract:
        return self._client.prepare(self._workflows[workflow]).contract

    def _values(self, item: StoredItem, files: Mapping[str, Path]) -> dict[str, Any]:
        """An item's inputs, by the names of its workflow's contract.

        Raises:
            InputUnknown, InputInvalid: a text that the workflow does not take.
        """
        texts = item.texts
        return read_values(self._contract(item.workflow), texts, seed_of(item), files)

    def send(self, prompt_id: str) -> None:
        self._jobs[prompt_id] = self._client.send(self._drafts.pop(prompt_id))

    def encodes(self, workflow: str) -> bool:
        return encodes(self._client.prepare(self._workflows[workflow]).api.nodes)

    def encode_ahead(self, items: Sequence[StoredItem]) -> str:
        drafts: list[Draft] = []
        for item in items:
            try:
                uploads = self.uploads(item.workflow)
                words = {name: value for name, value in item.texts.items() if name not in uploads}
                values = self._values(replace(item, inputs=words, private={}, change={}), {})
                drafts.append(self._client.draft(self._workflows[item.workflow], values))
            except PackshotError as error:
                if meaning(error) == "lost":
                    raise
                _log.debug("not encoded ahead: %s", error)  # what is wrong with a row is said when its turn comes
        graph = encode_ahead(draft.graph for draft in drafts)
        if not graph:
            return ""
        job = self._client.send(replace(drafts[0], id=str(uuid4()), graph=graph))
        self._jobs[job.id] = job
        return job.id

    def encoded(self, prompt_id: str, seconds: float) -> None:
        self._jobs[prompt_id].wait(seconds)
        self._jobs.pop(prompt_id)

    def find(self, prompt_id: str, workflow: str) -> bool:
        job = self._client.attach(prompt_id, self._workflows[workflow])
        if job.presence().state == "absent":
            return False
        self._jobs[prompt_id] = job
        return True

    def waits(self, prompt_id: str) -> bool:
        return self._jobs[prompt_id].presence().state == "pending"

    def land(self, prompt_id: str, item: StoredItem, seconds: float) -> Landed:
        folder = self.stage / prompt_id
        job = self._jobs[prompt_id]
        job.wait(seconds)
        result = job.result(_FETCHING, out=folder, stem=item.name, durable=True)
        if not result.outputs:
            raise OutputMissing(
                "the job succeeded, but gave no picture", place=self.url, remedy="see what the workflow saves"
            )
        outputs = [{**output.as_dict(), "file": output.file.name} for output in result.outputs]
        self._jobs.pop(prompt_id)
        other = self.draws_seeds(item)
        # What the stops said is the run's, and stands beside the picture with the rest of what the run is.
        told = {name: value for name, value in result.as_dict().items() if name not in _OF_THE_RUN}
        told["warnings"] = [warning.as_dict() for warning in picture_warnings(result)]
        judgement = judge(self._gates, item, result.outputs[0].file, told, other_seed=other)
        return Landed({**told, "outputs": outputs}, folder, result.seconds, seed_of(item), other, judgement)

    def draws_seeds(self, item: StoredItem) -> bool:
        return "seed" not in item.inputs and "seed" in self._contract(item.workflow).inputs

    def cancel(self, prompt_id: str) -> None:
        self._jobs.pop(prompt_id, None)
        self._client.api.cancel(prompt_id)

    def free_memory(self) -> None:
        self._client.api.free_memory()

    def close(self) -> None:
        self._client.close()


@dataclass(frozen=True, slots=True)
class HostSpec:
    """How a run reaches one host.

    Attributes:
        url: its address; for the managed host the one that it has now.
        open: gives a station for it, without asking it anything yet.
        restart: starts the host itself again, where this process may; it waits for others to do that otherwise.
    """

    url: str
    open: Callable[[], Station]
    restart: Callable[[], Station] | None = None


def read_values(contract: Contract, inputs: Mapping[str, str], seed: int, files: Mapping[str, Path]) -> dict[str, Any]:
    """An item's inputs, read as the types that its workflow's nodes take.

    Args:
        inputs: texts by the names of the contract. A seed among them goes before ``seed``.
        seed: the item's own.
        files: what is to be uploaded for those texts that name a file.

    Raises:
        InputUnknown, InputInvalid: a text that the workflow does not take.
    """
    texts = dict(inputs)
    if "seed" in contract.inputs:
        texts.setdefault("seed", str(seed))
    else:
        texts.pop("seed", None)  # a workflow whose pictures do not depend on chance
    values: dict[str, Any] = {}
    for name, text in texts.items():
        spec = contract.spec(name)
        # What is no file of the places that the owner named is one of the host: a row reads nothing else here.
        values[name] = files.get(text, text) if spec.uploads else spec.parse(text)
    return values


def seed_of(item: StoredItem) -> int:
    """With which an item is made now; a row that was refused has none and is never made."""
    assert item.seed is not None
    return seed_of_try(item.seed, item.seeds)


def _text_of(files: Mapping[str, Path], place: str) -> str:
    """What the table says of a file; where a fetched one lies for the moment tells nobody anything."""
    return next((text for text, path in files.items() if str(path) == place), place)


def _file_hash(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError:
        return ""  # the upload, which comes next, says what is wrong with it
