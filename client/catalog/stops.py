"""The stops that a catalogue passes before its first picture, for each of its workflows; see ``run/policy.py``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ..comfy.client import HostClient
from ..errors import ChecksFailed, PackshotError
from ..models.licensing.licences import Decision
from ..run.lock import HeldLock
from ..run.policy import Admission, RunPolicy, Waiver, judge_run
from ..workflow import Workflow
from .ledger.ledger import Ledger
from .runner.failures import meaning

_log = logging.getLogger(__name__)


def admit_workflows(
    ledger: Ledger,
    clients: Sequence[HostClient],
    workflows: Mapping[str, Workflow],
    changes: Mapping[str, Mapping[str, Collection[str]]],
    policy: RunPolicy,
    locks: Mapping[str, HeldLock],
    notice: Callable[[str], None],
) -> dict[str, Admission]:
    """Put each workflow of a run before the stops, and write down what they say.

    Args:
        clients: of the hosts that answer. A workflow is judged by the first one that can make it.
        workflows, changes, locks: by the workflow's key; ``changes`` are the weights that rows name.
        notice: told of warnings and waivers.

    Raises:
        NodeMissing, ModelMissing, WorkflowInvalid, HostLost: no host can make one of them; what the first one lacks.
        LicenceRefused: a licence does not allow what the profile says.
        BrandInvalid, LoraMismatch, ModelCorrupt: a LoRA of the kit may not be used.
    """
    admissions = {
        key: _judged(clients, workflow, changes[key], policy, locks.get(key)) for key, workflow in workflows.items()
    }
    decision = decision_of(admissions)
    ledger.record_facts({"licences": decision.as_dict()}, event="licences")
    if "channel" in policy.waive:
        waiver = Waiver("channel", ChecksFailed.slug, "pictures are kept whatever their channel's checks say")
        admissions = {
            key: replace(admission, waived=(*admission.waived, waiver)) for key, admission in admissions.items()
        }
    stops = {
        "warnings": [warning.as_dict() for admission in admissions.values() for warning in admission.warnings],
        "waived": list({w: w.as_dict() for admission in admissions.values() for w in admission.waived}.values()),
    }
    ledger.record_facts(stops, event="stops" if any(stops.values()) else "")
    decision.enforce(workflows[""].place)
    for entry in (*stops["warnings"], *stops["waived"]):
        notice(entry["message"])
    return admissions


def decision_of(admissions: Mapping[str, Admission]) -> Decision:
    """The decision on the weights of all workflows of a run."""
    return Decision.of_all(admission.decision for admission in admissions.values())


def locks_for_hosts(
    locks: Mapping[str, HeldLock], branded: Mapping[str, Workflow], policy: RunPolicy
) -> dict[str, HeldLock]:
    """The locks that each host is held to, those that join later too; none where the stop is waived.

    Args:
        branded: the workflows as hosts get them: the kit is in their graphs by then.
    """
    if "lock" in policy.waive:
        return {}
    graphs = {key: {"graph": workflow.sha256} for key, workflow in branded.items()}
    return {
        key: replace(held, lock=held.lock.model_copy(update=graphs[key])) for key, held in locks.items() if held.pinned
    }


def _judged(
    clients: Sequence[HostClient],
    workflow: Workflow,
    changes: Mapping[str, Collection[str]],
    policy: RunPolicy,
    held: HeldLock | None,
) -> Admission:
    faults: list[PackshotError] = []
    for client in clients:
        try:
            return judge_run(client, workflow, changes, policy, held)
        except PackshotError as error:
            if meaning(error) not in ("unfit", "lost"):
                raise
            faults.append(error)
            _log.warning("%s cannot make %s: %s", client.url, workflow.name, error)
    raise faults[0]
