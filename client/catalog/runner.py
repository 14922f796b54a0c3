"""Makes what a ledger still lacks, on one host, so that a kill at any moment costs at most the job in flight."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..comfy.client import Client
from ..comfy.http import DeliveryUnknown
from ..comfy.job import Job, Result
from ..errors import (
    HostLost,
    HostUnreachable,
    InputInvalid,
    JobCancelled,
    JobFailed,
    JobTimeout,
    OutOfMemory,
    OutputMissing,
    PackshotError,
)
from ..paths import write_text
from ..workflow import Workflow
from .gate import QUARANTINE, Gate, remove, seed_of_try, set_aside
from .ledger import Attempt, Judged, Ledger, StoredItem

_log = logging.getLogger(__name__)

PICTURES = "pictures"
_DEPTH = 2  # jobs on the host at once: one runs, one waits, so that the host is never idle while a picture is fetched
_REVIVALS = 3  # times in a row that a lost host is brought back without a picture made in between


class Runner:
    """Works through the pending items of a ledger.

    Args:
        client: the host.
        workflow: what to run for every item.
        ledger: what to make, and where every step is written down first.
        folder: pictures go to ``folder/pictures``, each with a JSON file beside it that says how it was made.
        facts: what all those files say of the run.
        timeout: seconds that one picture may take once it is at the front of the host's queue.
        settled: called with an item's id and None, or the error that it failed with.
        revive: called when the host is lost; gives a client of a host that works, or raises.
        gate: what a picture must pass to be accepted; None accepts all.
    """

    def __init__(
        self,
        client: Client,
        workflow: Workflow,
        ledger: Ledger,
        folder: Path,
        *,
        facts: Mapping[str, Any],
        timeout: float,
        settled: Callable[[str, PackshotError | None], None],
        revive: Callable[[PackshotError], Client],
        gate: Gate | None = None,
    ) -> None:
        self._client = client
        self._workflow = workflow
        self._ledger = ledger
        self._folder = folder
        self._facts = facts
        self._timeout = timeout
        self._settled = settled
        self._revive = revive
        self._gate = gate
        self._flying: deque[tuple[StoredItem, Job]] = deque()
        self._waiting: deque[str] = deque()

    def run(self) -> None:
        """Make every pending item, or record why it cannot be made.

        Raises:
            HostUnreachable, HostLost: the host is gone for good. Run again to go on.
            NodeMissing, ModelMissing, WorkflowInvalid: the host cannot run this workflow at all.
            OutputUnwritable: the disk refuses; finished pictures wait on the host and are fetched by the next run.
        """
        setbacks, done_before = 0, -1
        while True:
            try:
                self._client.prepare(self._workflow)
                self._pass()
                return
            except (HostLost, HostUnreachable) as error:
                done = self._ledger.counts().done
                setbacks = 1 if done > done_before else setbacks + 1
                done_before = done
                if setbacks > _REVIVALS:
                    raise
                _log.warning("%s", error)
                self._client = self._revive(error)

    def _pass(self) -> None:
        self._flying.clear()
        for attempt in self._ledger.open_attempts():
            self._pick_up(attempt)
        self._waiting = deque(self._ledger.pending())
        while self._waiting or self._flying:
            while self._waiting and len(self._flying) < _DEPTH:
                self._launch(self._ledger.item(self._waiting.popleft()))
            if self._flying:
                self._land(*self._flying[0])
                self._flying.popleft()

    def _pick_up(self, attempt: Attempt) -> None:
        """Find out what became of a job that an earlier run, or an earlier life of the host, left behind."""
        item = self._ledger.item(attempt.item_id)
        if attempt.host != self._client.url:
            self._abandon(attempt)
            return
        job = self._client.attach(attempt.prompt_id, self._workflow)
        if job.presence().state == "absent":
            self._ledger.lost(attempt.prompt_id, "the host has no record of it")
        else:
            self._flying.append((item, job))

    def _abandon(self, attempt: Attempt) -> None:
        """Give up a job on a host that this run does not use; if it still waits there, it need not run."""
        reason = f"it was started on another host, {attempt.host}"
        try:
            with Client(attempt.host, timeout=2.0) as other:
                other.api.cancel(attempt.prompt_id)
        except (HostUnreachable, HostLost):
            reason += ", which does not answer"
        self._ledger.lost(attempt.prompt_id, reason)

    def _launch(self, item: StoredItem) -> None:
        try:
            contract = self._client.prepare(self._workflow).contract
            values: dict[str, Any] = {name: contract.spec(name).parse(text) for name, text in item.inputs.items()}
            if self._draws_seeds(item):
                values["seed"] = _seed(item)
            draft = self._client.draft(self._workflow, values)
        except InputInvalid as error:
            self._fail(item, error)
            return
        self._ledger.begin(item.item_id, draft.id, self._client.url)
        try:
            job = self._client.send(draft)
        except InputInvalid as error:
            self._fail(item, error, draft.id)
        except DeliveryUnknown:
            raise  # the host may have it: the attempt stays open, and is looked for when the host answers again
        except PackshotError:
            # Never reached the host, or refused by it for a reason that holds for every item.
            self._ledger.unsent(draft.id)
            raise
        else:
            self._flying.append((item, job))

    def _land(self, item: StoredItem, job: Job) -> None:
        pictures = self._folder / PICTURES
        try:
            result = job.result(self._timeout, out=pictures, stem=item.name, durable=True)
        except JobTimeout as error:
            job.cancel()
            self._fail(item, error, job.id)
            return
        except (JobFailed, JobCancelled, OutOfMemory, OutputMissing) as error:
            self._fail(item, error, job.id)
            return
        self._write_sidecar(item, result)
        picture = result.outputs[0]
        file = picture.file.relative_to(self._folder).as_posix()
        if self._gate is None:
            self._ledger.accept(job.id, file, picture.sha256, result.seconds)
            self._settled(item.item_id, None)
            return
        judgement = self._gate.judge(picture.file, item.failures, other_seed=self._draws_seeds(item))
        judged = Judged(_seed(item), judgement.scores)
        files = [output.file for output in result.outputs]
        if judgement.decision == "accept":
            self._ledger.accept(job.id, file, picture.sha256, result.seconds, judged)
            remove([self._folder / QUARANTINE / one.name for one in files])
            self._settled(item.item_id, None)
        elif judgement.decision == "retry":
            remove(files)
            self._ledger.reject(job.id, judgement.error(file), result.seconds, judged)
            self._waiting.appendleft(item.item_id)
        else:
            aside = set_aside(self._folder, files).relative_to(self._folder).as_posix()
            reason = judgement.error(aside)
            self._ledger.quarantine(job.id, aside, picture.sha256, result.seconds, judged, reason)
            self._settled(item.item_id, reason)

    def _draws_seeds(self, item: StoredItem) -> bool:
        """Whether the seed of an item is ours to choose: the workflow has one, and no template gives it."""
        return "seed" not in item.inputs and "seed" in self._client.prepare(self._workflow).contract.inputs

    def _fail(self, item: StoredItem, error: PackshotError, prompt_id: str | None = None) -> None:
        self._ledger.fail(item.item_id, error, prompt_id)
        self._settled(item.item_id, error)

    def _write_sidecar(self, item: StoredItem, result: Result) -> None:
        record = {
            "item_id": item.item_id,
            "sku": item.sku,
            "variant": item.variant,
            "title": item.title,
            "inputs": dict(item.inputs),
            "seed": _seed(item),
            **self._facts,
            **result.as_dict(),
            "outputs": [
                {**output.as_dict(), "file": output.file.relative_to(self._folder).as_posix()}
                for output in result.outputs
            ],
            "packshot": __version__,
            "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        text = json.dumps(record, indent=2, ensure_ascii=False)
        write_text(self._folder / PICTURES / f"{item.name}.json", text + "\n")


def _seed(item: StoredItem) -> int:
    """With which an item is made now; a row that was refused has none and is never made."""
    assert item.seed is not None
    return seed_of_try(item.seed, item.tries)
