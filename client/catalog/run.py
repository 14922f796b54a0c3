"""A catalogue run from table to contact sheet; all its state lies in one folder.

``ledger.sqlite`` is the truth, ``pictures/`` the result; manifest and contact sheet are made from the ledger and can be
made again at any time::

    with CatalogRun("out/spring", create=True) as run:
        run.plan("products.csv", workflow="product-shot@1", brand="brands/aldern-quay")
        status = run.run(hosts=["http://gpu-1:8188", "http://gpu-2:8188"])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from ..brand import BrandKit
from ..comfy.http import HostAddress
from ..errors import CatalogInvalid, InputInvalid
from ..models.cards import card_ids
from ..models.licensing.profile import Profile
from ..paths import write_text
from ..quality.channels import load_channel
from ..run.brand import branded, bring_kit
from ..run.lock import HeldLock, find_lock
from ..run.policy import Admission, RunPolicy
from ..secrets import public_address
from ..workflow import Workflow
from ..workflow.canvas.convert import is_model_file
from ..workflow.release.lock import lock_sha256, read_lock, write_lock
from ..workflow.versions import release_of
from .events import ItemSettled, RunEvent, RunNotice, RunStarted
from .host_list import list_hosts
from .known_runs import remember_run
from .ledger.audit_check import verify_audit
from .ledger.lease import Lease
from .ledger.ledger import Ledger
from .ledger.records import HostState
from .planning.catalog_file import Catalog, CatalogFile, PhotosSection
from .planning.estimate import remember
from .planning.write_plan import write_plan
from .rebuild import replay, set_aside
from .report.entries import entries, label_of
from .report.report import RunInfo, write_manifests, write_report
from .runner.failures import Limits
from .runner.gate import Gate
from .runner.hosts import Engine, Hosts
from .runner.interrupt import draining
from .runner.scheduler import STAGE, Scheduler
from .runner.work import CatalogWork
from .sealing.pictures import damage_at_a_glance, verify_pictures
from .sealing.seal import begin_sealing, end_sealing
from .status import RunStatus, read_status, status_of
from .stops import admit_workflows, decision_of, locks_for_hosts
from .table.photos import PhotoPlaces

WORKFLOW_FILE = "workflow.app.json"
_LISTED = 5  # damaged pictures that a notice names
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

    def __init__(self, folder: Path | str, *, create: bool = False) -> None:
        self.folder = Path(folder)
        self.ledger = Ledger(self.folder, create=create)
        # As it was planned with: the kit's folder holds the files of its LoRAs, and addresses may have credentials in
        # them. Neither is written down.
        self._kit: BrandKit | None = None
        self._urls: list[str] = []
        self._scheduler: Scheduler | None = None
        self._drained = ""  # why nothing more is begun, where that was said before there was a scheduler
        try:
            self.ledger.check()
            begin_sealing(self.ledger)
            self._lease = Lease(self.ledger)
        except BaseException:
            self.ledger.close()
            raise

    @classmethod
    def begin(
        cls,
        catalog: Catalog,
        *,
        resume: bool = True,
        rebuild: bool = False,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> CatalogRun:
        """Open the run of a catalogue, new or begun before, with its plan in the ledger.

        Args:
            catalog: what to make, and in ``out`` of its file the folder of the run.
            resume: keep what is done already; if not, everything is made again.
            rebuild: make a damaged ledger anew from the audit; the old one is kept aside.
            on_event: told what became of a damaged ledger.

        Raises:
            InputInvalid: no folder is named.
            As :class:`CatalogRun` and :meth:`plan`.
        """
        tell = on_event or _unheard
        if catalog.file.out is None:
            raise InputInvalid("there is no folder for the run", place="out", remedy="name one with --out")
        folder = Path(catalog.file.out)
        if rebuild and (aside := set_aside(folder)):
            tell(RunNotice(f"the damaged ledger lies at {aside}"))
        run = cls(folder, create=True)
        try:
            run.plan(catalog)
            if rebuild:
                workflows = {key: workflow.sha256 for key, workflow in run.branded_workflows().items()}
                tell(RunNotice(f"{replay(run.ledger, workflows)} pictures are known from the audit"))
            if not resume:
                run.retry(item.item_id for item in catalog.plan.items)
        except BaseException:
            run.close()
            raise
        return run

    def close(self) -> None:
        """Seal the run's audit and let another process have it; everything is on disk already."""
        end_sealing(self.ledger)
        self._lease.release()
        self.ledger.close()

    def __enter__(self) -> CatalogRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def plan(
        self,
        catalog: Catalog | Path | str,
        mapping: Mapping[str, str] | None = None,
        *,
        limit: int | None = None,
        **options: Any,
    ) -> Catalog:
        """Write a catalogue's plan into the ledger; what is done already and has not changed stays done.

        Args:
            catalog: a product table by its path or address, a ``catalog.yaml``, or a catalogue that was read.
            mapping: workflow input -> template over the product, in place of the default ones.
            limit: make only the first so many.
            options: fields of :class:`~.planning.catalog_file.CatalogFile`, such as ``workflow``, ``brand``,
                ``channel``, ``base_seed``, ``per_variant``; they go before what a ``catalog.yaml`` says.

        Returns:
            What is planned, with the table's notes.

        Raises:
            CatalogInvalid, WorkflowInvalid, BrandInvalid, InputUnknown: something that it names cannot be used.
            InputInvalid: the folder holds a run of another workflow, brand kit, base seed or channel.
        """
        if not isinstance(catalog, Catalog):
            catalog = Catalog(CatalogFile.of(str(catalog), mapping or {}, **options), limit=limit)
        self._kit, self._urls = catalog.kit, list(catalog.file.hosts)
        table, kit, checks = catalog.table, catalog.kit, catalog.checks
        others = {key: _named(one) for key, one in catalog.workflows.items() if key}
        locks = {key: lock for key, workflow in catalog.workflows.items() if (lock := find_lock(workflow)) is not None}
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
            "pinned": [key for key, lock in locks.items() if lock.pinned],
            "table": {"name": public_address(table.name), "sha256": table.sha256, "dialect": table.dialect},
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
        # Places on this machine, and no facts of the pictures.
        photos, literals = catalog.file.photos, list(catalog.file.literals)
        shown = photos.model_dump() | {"headers": {}, "roots": [public_address(root) for root in photos.roots]}
        places = {"photos": shown, "literals": [public_address(text) for text in literals]}
        self.ledger.record_facts({"folder": str(table.folder or ""), **places})
        with self.ledger.transaction():
            whole = {"photos": photos.model_dump(), "literals": literals}
            self.ledger.keep_private("", {"places": json.dumps(whole)} if whole != places else {})
        for key, workflow in catalog.workflows.items():
            text = json.dumps(workflow.data, ensure_ascii=False, indent=2) + "\n"
            write_text(self._copy(key), text)
            if key in locks:
                write_lock(self._copy(key), locks[key].lock)
        write_plan(self.ledger, catalog.plan, catalog.beyond)
        remember_run(self.folder)
        return catalog

    def _copy(self, key: str) -> Path:
        """The run's own copy of a workflow."""
        return self.folder / (f"{WORKFLOWS}/{key}.app.json" if key else WORKFLOW_FILE)

    def workflows(self) -> dict[str, Workflow]:
        """The workflows of the run's items, by key, from the copies in its folder.

        Raises:
            CatalogInvalid: a copy was changed.
        """
        facts = self.ledger.facts()
        wanted = {"": facts["workflow"], **facts.get("workflows", {})}
        paths = {key: self._copy(key) for key in wanted}
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

    def run(
        self,
        hosts: Sequence[str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        profile: Profile | Path | str | None = None,
        engine: Engine = "local",
        ray_address: str | None = None,
        waive: Iterable[str] = (),
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> RunStatus:
        """Make what is pending, and write manifest and contact sheet. Whatever ends it, the ledger is right.

        Pictures that are done are looked for first: one that is missing or changed is made again.

        In a program's main thread the first Ctrl-C lets what is under way land and begins nothing more, as
        :meth:`drain` does; the second one ends at once. Either leaves a run that goes on when it is run again.

        Args:
            hosts: addresses; by default those of the plan, or else the managed host, which is started when it is not up
                and started again when it is lost.
            headers: sent with every request to any of them.
            profile: who uses the pictures and for what, or the file that says so; by default the user's own.
            engine: ``local`` from this process, ``ray`` from an actor on a Ray cluster for each host.
            ray_address: of the cluster's head; by default the one that Ray finds.
            waive: stops that do not refuse, such as ``lock``; see :data:`~packshot.run.policy.STOPS`.
            on_event: called with :class:`RunStarted` where there is something to make, an :class:`ItemSettled` for each
                item, and a :class:`RunNotice` for what else there is to tell; from any thread.

        Returns:
            Where the run stands.

        Raises:
            HostUnreachable, HostLost: no host answers, or all are gone for good. Run again to go on.
            NodeMissing, ModelMissing, WorkflowInvalid: no host can run one of its workflows, or none is as it was
                locked.
            LicenceRefused: a licence does not allow what the profile says; nothing is made.
            BrandInvalid, LoraMismatch, ModelCorrupt: a LoRA of the brand may not be used; nothing is made.
            OutputUnwritable: the disk refuses; finished pictures wait on the host and are fetched by the next run.
            RunTakenOver: another process has the run now.
        """
        policy = RunPolicy.of(profile=profile, brand=self._kit or _kit(self.ledger.facts()), waive=waive)
        tell, self._drained = on_event or _unheard, ""
        self._make_damaged_again(tell)
        counts = self.ledger.counts()
        if self.ledger.pending() or counts.running:
            tell(RunStarted(counts.rows, counts.rows - counts.pending - counts.running))
            self._make(hosts or self._urls or self.planned_hosts, headers or {}, engine, ray_address, policy, tell)
        if self.ledger.counts().done == self.ledger.counts().rows:
            with self.ledger.transaction():
                self.ledger.keep_private("", {})  # nothing is left to fetch
        self.report()
        remember(self.ledger)
        return status_of(self.ledger)

    def _make_damaged_again(self, tell: Callable[[RunEvent], None]) -> None:
        """Set those items to be made again whose pictures are not there as they were accepted."""
        if damaged := damage_at_a_glance(self.ledger, thorough=True):
            self.ledger.make_again(damaged)
            files = [f"{picture['file']} ({picture['what']})" for picture in damaged]
            more = [f"and {len(files) - _LISTED} more"] if len(files) > _LISTED else []
            listed = ", ".join(files[:_LISTED] + more)
            tell(RunNotice(f"pictures that are not there as they were made are made again: {listed}"))

    def drain(self, reason: str = "stopped") -> None:
        """Begin nothing more; :meth:`run` returns when what is in flight has landed. From any thread, while it runs."""
        self._drained = reason
        if self._scheduler is not None:
            self._scheduler.drain(reason)

    def _make(
        self,
        urls: Sequence[str],
        headers: Mapping[str, str],
        engine: Engine,
        ray_address: str | None,
        policy: RunPolicy,
        tell: Callable[[RunEvent], None],
    ) -> None:
        def notice(message: str) -> None:
            tell(RunNotice(message))

        workflows, locks = self.branded_workflows(), self._locks()
        hosts = Hosts(
            urls,
            headers,
            engine=engine,
            ray_address=ray_address,
            workflows=workflows,
            stage=self.folder / STAGE,
            gates=self.gates(waived="channel" in policy.waive),
            held=locks_for_hosts(locks, workflows, policy),
            notice=notice,
        )
        with ExitStack() as clients:
            answering = [clients.enter_context(client) for client in hosts.answering()]
            if policy.kit is not None:
                for client in answering:
                    bring_kit(policy.kit, client)
            try:
                plain = self.workflows()
                admissions = admit_workflows(
                    self.ledger, answering, plain, self._named_weights(plain), policy, locks, notice
                )
                self._scheduler = Scheduler(self._work(admissions, tell), hosts.specs, join=hosts.spec)
                if self._drained:
                    self._scheduler.drain(self._drained)
                with draining(self._scheduler, notice):
                    self._scheduler.run()
            except KeyboardInterrupt:
                raise
            except BaseException:
                self.report()
                raise
            finally:
                scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.draining and status_of(self.ledger).unfinished:
            notice(f"{scheduler.draining}; run it again to go on")

    def _work(self, admissions: Mapping[str, Admission], tell: Callable[[RunEvent], None]) -> CatalogWork:
        """What is left to make, with what the files beside the pictures say of the run."""
        facts = self.ledger.facts()
        decision = decision_of(admissions)
        shown = {
            "brand": {key: facts["brand"][key] for key in ("name", "hash")} if facts["brand"] else None,
            "base_seed": facts["base_seed"],
            "channel": facts.get("channel"),
            "table": facts["table"],
            "licences": {"decision": decision.decision, "ids": list(decision.licences)},
        }
        of_workflow = {
            key: {
                "workflow": _named(workflow),
                **shown,
                "warnings": [warning.as_dict() for warning in admissions[key].warnings],
                "waived": [waiver.as_dict() for waiver in admissions[key].waived],
            }
            for key, workflow in self.workflows().items()
        }
        return CatalogWork(
            self.ledger,
            self.folder,
            facts=of_workflow,
            limits=Limits(**facts.get("limits", {})),
            locks=facts.get("locks", {}),
            phases=facts.get("phases", True),
            settled=lambda item_id, error: tell(ItemSettled(item_id, error)),
            places=self._photo_places(facts),
        )

    def _photo_places(self, facts: Mapping[str, Any]) -> PhotoPlaces:
        """Where rows' files lie, with the headers and signatures that no record shows; once all is done, without."""
        hidden = self.ledger.private().get("places")
        places = json.loads(hidden) if hidden else facts
        folder = Path(facts["folder"]) if facts["folder"] else None
        return PhotosSection(**places.get("photos", {})).places(folder, places.get("literals", ()))

    def gates(self, *, waived: bool = False) -> dict[str, Gate]:
        """The checks that pictures must pass: by the channel that they are for; under "" those for all others.

        A brand's palette is measured also where no channel has a rule for it.

        Args:
            waived: whether pictures are kept whatever their checks say.
        """
        facts = self.ledger.facts()
        named = {"": facts.get("channel"), **{channel: channel for channel in facts.get("channels", ())}}
        kit = _kit(facts)
        return {
            key: Gate(load_channel(channel) if channel else None, kit, facts["retries"], waived=waived)
            for key, channel in named.items()
            if channel or (kit and kit.palette)
        }

    def _locks(self) -> dict[str, HeldLock]:
        """The locks beside the copies of the workflows, by key; runs of earlier versions have none."""
        pinned = self.ledger.facts().get("pinned", ())
        locks = {key: (self._copy(key), read_lock(self._copy(key))) for key in self.workflows()}
        return {key: HeldLock(lock, path, key in pinned) for key, (path, lock) in locks.items() if lock is not None}

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

    @property
    def planned_hosts(self) -> list[str]:
        """Addresses of the hosts that the run was planned for, without credentials; none: the managed one."""
        return list(self.ledger.facts().get("hosts", ()))

    # -- what may be asked of a run's folder while another process works on it -------------------------------------

    @staticmethod
    def status(folder: Path | str) -> RunStatus:
        """Read where a run stands; see :func:`~.status.read_status`."""
        return read_status(folder)

    @staticmethod
    def hosts(folder: Path | str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[HostState]:
        """Read which hosts a run has; add and remove some while it runs; see :func:`~.host_list.list_hosts`."""
        return list_hosts(folder, add, remove)

    @staticmethod
    def audit(folder: Path | str) -> dict[str, Any]:
        """Verify the audit of a run; see :func:`~.ledger.audit_check.verify_audit`."""
        return verify_audit(Path(folder))

    @staticmethod
    def verify(folder: Path | str) -> dict[str, Any]:
        """Read every picture of a run; see :func:`~.sealing.pictures.verify_pictures`."""
        return verify_pictures(folder)

    # -- and of the run itself -------------------------------------------------------------------------------------

    def retry(self, item_ids: Iterable[str] | None = None) -> int:
        """Set items to be made again; see :meth:`~.ledger.ledger.Ledger.retry`."""
        return self.ledger.retry(item_ids)

    def report(self) -> Path:
        """Write manifest.csv, manifest.jsonl and index.html from the ledger; returns the path of the last."""
        return _write_report(self.ledger, self.folder)

    @staticmethod
    def report_into(out: Path | str, folder: Path | str) -> Path:
        """Write manifest and contact sheet of a run that may only be read; the pictures stay where they are.

        Args:
            out: folder of the report.
            folder: of the run.

        Returns:
            The path of index.html.

        Raises:
            CatalogInvalid: there is no run, or its ledger is damaged.
            OutputUnwritable: the folder or the disk refuses.
        """
        with Ledger(Path(folder), read_only=True) as ledger:
            return _write_report(ledger, Path(out))


def _write_report(ledger: Ledger, out: Path) -> Path:
    facts = ledger.facts()
    info = RunInfo(
        kit=_kit(facts),
        table=facts["table"]["name"],
        workflow=label_of(facts["workflow"]),
        base_seed=facts["base_seed"],
        made=datetime.now(timezone.utc),
    )
    write_manifests(out, entries(ledger))
    elsewhere = None if out == ledger.folder else ledger.folder
    return write_report(out, info, lambda: entries(ledger), pictures=elsewhere)


def _named(workflow: Workflow) -> dict[str, str]:
    return {"name": workflow.name, "version": workflow.version, "sha256": workflow.sha256}


def _unheard(_event: RunEvent) -> None:
    """Events for a caller who wants none."""


def _kit(facts: Mapping[str, Any]) -> BrandKit | None:
    return BrandKit.model_validate_json(json.dumps(facts["brand"]["kit"])) if facts["brand"] else None
