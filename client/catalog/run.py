"""A catalogue run from table to contact sheet; all its state lies in one folder.

``ledger.sqlite`` is the truth, ``pictures/`` the result; manifest and contact sheet are made from the ledger and can be
made again at any time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..brand import BrandKit
from ..comfy.client import HostClient
from ..comfy.http import HostAddress
from ..errors import CatalogInvalid, InputInvalid, PackshotError
from ..models.cards import card_ids
from ..models.licensing.licences import Decision, Profile
from ..paths import write_text
from ..quality.channels import load_channel
from ..run.brand import branded, enforce_kit
from ..run.weights import judge_weights, weights_of_run
from ..workflow import Workflow
from ..workflow.canvas.convert import is_model_file
from ..workflow.release.lock import lock_sha256
from ..workflow.versions import release_of
from .known_runs import remember_run
from .ledger.lease import Lease
from .ledger.ledger import Ledger
from .planning.write_plan import write_plan
from .report.report import Entry, RunInfo, write_manifests, write_report
from .runner.failures import Limits, meaning
from .runner.gate import Gate
from .runner.scheduler import Scheduler
from .runner.station import HostSpec
from .runner.work import Work

if TYPE_CHECKING:
    from .planning.catalog_file import Catalog

_log = logging.getLogger(__name__)

WORKFLOW_FILE = "workflow.app.json"
WORKFLOWS = "workflows"  # those of rules, by key

# What may not change between two runs into one folder: pictures made before and after would not belong together.
_FIXED = {
    "workflow": "another workflow or version",
    "brand": "another brand kit",
    "base_seed": "another base seed",
    "channel": "another channel, or with none",
}


class CatalogRun:
    """The run in ``folder``. Only one process may have it open for writing.

    Args:
        folder: pictures, ledger, manifest and contact sheet.
        create: begin a run where there is none.

    Raises:
        CatalogInvalid: there is no run, or its ledger is damaged.
        InputInvalid: another process works on it, and is alive.
        OutputUnwritable: the folder or the disk refuses.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self.ledger = Ledger(folder, create=create)
        try:
            self.ledger.check()
            self._lease = Lease(self.ledger)
        except BaseException:
            self.ledger.close()
            raise

    def __enter__(self) -> CatalogRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lease.release()
        self.ledger.close()

    def plan(self, catalog: Catalog) -> None:
        """Write a catalogue's plan into the ledger; what is done already and has not changed stays done.

        Raises:
            InputInvalid: the folder holds a run of another workflow, brand kit, base seed or channel.
        """
        table, kit, checks = catalog.table, catalog.kit, catalog.checks
        others = {key: _named(one) for key, one in catalog.workflows.items() if key}
        facts: dict[str, Any] = {
            "workflow": _named(catalog.workflows[""]),
            "workflows": others,
            "brand": {"name": kit.name, "hash": kit.hash, "kit": kit.model_dump(mode="json")} if kit else None,
            "base_seed": catalog.file.base_seed,
            "channel": checks.id if checks else None,
            "channels": list(catalog.file.channels),
            "retries": catalog.file.retries.seeds,
            "limits": asdict(catalog.file.limits),
            "hosts": [HostAddress(url).url for url in catalog.file.hosts],  # without credentials
            "phases": catalog.file.phases,
            "locks": {key: lock_sha256(release_of(one.place)) for key, one in catalog.workflows.items()},
            "table": {"name": table.name, "sha256": table.sha256, "dialect": table.dialect},
        }
        before = self.ledger.facts()
        for key, what in _FIXED.items():
            if before and before.get(key) != facts[key]:
                raise InputInvalid(
                    f"this folder holds a run with {what}",
                    place=str(self.folder),
                    remedy="choose another --out, so that both can be compared",
                )
        self.ledger.record_facts(facts, event="run")
        # A place on this machine, and no fact of the pictures.
        self.ledger.record_facts({"folder": str(table.folder or "")})
        for key, workflow in catalog.workflows.items():
            text = json.dumps(workflow.data, ensure_ascii=False, indent=2) + "\n"
            write_text(self.folder / (f"{WORKFLOWS}/{key}.app.json" if key else WORKFLOW_FILE), text)
        write_plan(self.ledger, catalog.plan, catalog.beyond)
        remember_run(self.folder)

    def workflows(self) -> dict[str, Workflow]:
        """The workflows of the run's items, by key, from the copies in its folder.

        Raises:
            CatalogInvalid: a copy was changed.
        """
        facts = self.ledger.facts()
        wanted = {"": facts["workflow"], **facts.get("workflows", {})}
        paths = {key: self.folder / (f"{WORKFLOWS}/{key}.app.json" if key else WORKFLOW_FILE) for key in wanted}
        loaded = {key: Workflow.load(path) for key, path in paths.items()}
        for key, workflow in loaded.items():
            if workflow.sha256 != wanted[key]["sha256"]:
                raise CatalogInvalid(
                    "the run's copy of its workflow was changed",
                    place=str(paths[key]),
                    remedy="run the catalogue again with the same workflow; it is copied anew",
                )
        return loaded

    def branded_workflows(self) -> dict[str, Workflow]:
        """The workflows as hosts get them: with the brand's kit in each node that takes one."""
        kit = _kit(self.ledger.facts())
        return {key: branded(one, kit) if kit else one for key, one in self.workflows().items()}

    def scheduler(
        self,
        hosts: Sequence[HostSpec],
        clients: Sequence[HostClient],
        profile: Profile,
        *,
        join: Callable[[str], HostSpec],
        settled: Callable[[str, PackshotError | None], None],
    ) -> Scheduler:
        """What makes the pending items, a :class:`~.runner.scheduler.Scheduler`. Whatever ends it, the ledger is right.

        Args:
            hosts: to begin with.
            clients: of those that answer. Of each workflow the first that can make it tells what its weights are.

        Raises:
            NodeMissing, ModelMissing, HostLost, …: none of them can make one of its workflows; what the first lacks.
            LicenceRefused: before anything is made: a licence does not allow what the profile says.
            BrandInvalid, LoraMismatch, ModelMissing, ModelCorrupt: before anything is made: a LoRA of the brand may not
                be used, or not with this model, or is not on the host as it was approved.
        """
        facts = self.ledger.facts()
        workflows = self.workflows()
        decision = self._judged_by(clients, workflows, profile)
        shown = {
            "brand": {key: facts["brand"][key] for key in ("name", "hash")} if facts["brand"] else None,
            "base_seed": facts["base_seed"],
            "channel": facts.get("channel"),
            "table": facts["table"],
            "licences": {"decision": decision.decision, "ids": list(decision.licences)},
        }
        by_workflow = {key: {"workflow": _named(one), **shown} for key, one in workflows.items()}
        work = Work(
            self.ledger,
            self.folder,
            facts=by_workflow,
            limits=Limits(**facts.get("limits", {})),
            locks=facts.get("locks", {}),
            phases=facts.get("phases", True),
            settled=settled,
            beside=Path(facts["folder"]) if facts.get("folder") else None,
        )
        return Scheduler(work, hosts, join=join)

    def gates(self) -> dict[str, Gate]:
        """The checks that pictures must pass: by the channel that they are for; under "" those for all others.

        A brand's palette is measured also where no channel has a rule for it.
        """
        facts = self.ledger.facts()
        named = {"": facts.get("channel"), **{channel: channel for channel in facts.get("channels", ())}}
        kit = _kit(facts)
        return {
            key: Gate(load_channel(channel) if channel else None, kit, facts["retries"])
            for key, channel in named.items()
            if channel or (kit and kit.palette)
        }

    def _judged_by(
        self, clients: Sequence[HostClient], workflows: Mapping[str, Workflow], profile: Profile
    ) -> Decision:
        """The decision on all weights that the pictures to make need, written down.

        The licences of each workflow, and the brand's LoRAs with it, are judged by the first host that can make it.
        """
        named = self._named_weights(workflows)
        kit = _kit(self.ledger.facts())
        decision = Decision.of_all(_judged(clients, one, named[key], profile, kit) for key, one in workflows.items())
        self.ledger.record_facts({"licences": decision.as_dict()}, event="licences")
        decision.enforce(workflows[""].place)
        return decision

    def _named_weights(self, workflows: Iterable[str]) -> dict[str, dict[str, set[str]]]:
        """What rows that are to be made name for inputs of each workflow, as far as it is weights.

        Whatever else they say is not kept, as a catalogue can be large.
        """
        given: dict[str, dict[str, set[str]]] = {key: {} for key in workflows}
        cards = set(card_ids())
        for row in self.ledger.rows():
            if row["state"] != "pending":
                continue
            for name, text in json.loads(row["inputs"]).items():
                named = given[row["workflow"]].setdefault(name, set())
                if is_model_file(text.strip()) or text.strip() in cards:
                    named.add(text.strip())
        return given

    def _tried(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The attempts at an item before the one that its picture is from.

        Earlier versions let each picture take the place of the one before: the file is the last one's that names it.
        """
        attempts = self.ledger.attempts_of(row["item_id"])
        owner = {one["file"]: one["prompt_id"] for one in attempts}
        return [
            {**one, "file": one["file"] if owner[one["file"]] == one["prompt_id"] else ""}
            for one in attempts
            if one["prompt_id"] != row["prompt_id"]
        ]

    @property
    def hosts(self) -> list[str]:
        """Addresses of the hosts that the run was planned for, without credentials; none: the managed one."""
        return list(self.ledger.facts().get("hosts", ()))

    def retry(self, item_ids: Iterable[str] | None = None) -> int:
        """Set items to be made again; see :meth:`~.ledger.ledger.Ledger.retry`."""
        return self.ledger.retry(item_ids)

    def report(self) -> Path:
        """Write manifest.csv, manifest.jsonl and index.html from the ledger; returns the path of the last."""
        facts = self.ledger.facts()
        info = RunInfo(
            kit=_kit(facts),
            table=facts["table"]["name"],
            workflow=_label(facts["workflow"]),
            base_seed=facts["base_seed"],
            made=datetime.now(timezone.utc),
        )
        write_manifests(self.folder, self.entries())
        return write_report(self.folder, info, self.entries)

    def entries(self) -> Iterator[Entry]:
        """Every item of the run, as reports show it."""
        facts = self.ledger.facts()
        labels = {"": _label(facts["workflow"]), **{k: _label(one) for k, one in facts.get("workflows", {}).items()}}
        brand = facts["brand"]["name"] if facts["brand"] else ""
        for row in self.ledger.rows():
            made = row["state"] in ("done", "quarantined")
            yield Entry(
                item_id=row["item_id"],
                sku=row["sku"],
                variant=row["variant"],
                title=row["title"] or row["item_id"],
                status=row["state"],
                file=row["file"] if made else "",
                sha256=row["sha256"] if made else "",
                seed=row["made_with"],
                inputs={**json.loads(row["inputs"]), **json.loads(row["change"])},  # what memory ran out for is smaller
                workflow=labels[row["workflow"]],
                brand=brand,
                host=row["host"] or "",
                prompt_id=row["prompt_id"] or "",
                seconds=row["seconds"],
                attempts=row["attempts"],
                error=json.loads(row["error"]) if row["error"] else None,
                problems=(),
                checks=json.loads(row["scores"]) if row["scores"] else (),
                axes=json.loads(row["axes"]),
                record=json.loads(row["detail"]) if row["detail"] else {},
                tried=self._tried(row) if row["attempts"] > 1 else (),
            )


def _named(workflow: Workflow) -> dict[str, str]:
    return {"name": workflow.name, "version": workflow.version, "sha256": workflow.sha256}


def _judged(
    clients: Sequence[HostClient],
    workflow: Workflow,
    named: Mapping[str, Collection[str]],
    profile: Profile,
    kit: BrandKit | None,
) -> Decision:
    """The decision on a workflow's weights by the first host that can make it; a kit's LoRAs must be fit for them.

    Raises:
        NodeMissing, ModelMissing, HostLost, …: none of them can; what the first one lacks.
        BrandInvalid, LoraMismatch, ModelCorrupt, LicenceRefused: a LoRA of the kit may not be used.
    """
    faults: list[PackshotError] = []
    for client in clients:
        try:
            prepared = client.prepare(workflow)
            weights = weights_of_run(prepared, client.object_info, named)
            decision = judge_weights(weights, profile, client.api)
            if kit is not None and decision.decision != "refuse":
                kept = enforce_kit(kit, prepared, client.object_info, weights.cards, client.api)
                if kept:
                    _log.warning("%s", kept)
            return decision
        except PackshotError as error:
            if meaning(error) not in ("unfit", "lost"):
                raise
            faults.append(error)
            _log.warning("%s cannot make %s: %s", client.url, workflow.name, error)
    raise faults[0]


def _kit(facts: Mapping[str, Any]) -> BrandKit | None:
    return BrandKit.model_validate_json(json.dumps(facts["brand"]["kit"])) if facts["brand"] else None


def _label(workflow: Mapping[str, str]) -> str:
    return f"{workflow['name']}@{workflow['version']}" if workflow["version"] else workflow["name"]
