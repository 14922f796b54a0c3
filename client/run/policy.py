"""What every run must pass, whichever door it comes by: licences, brand kit, lock and channel.

``Client.submit``, ``run_workflow`` and a catalogue ask :func:`judge_run` before anything is made, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..brand.kit import BrandKit
from ..comfy.client import HostClient
from ..errors import InputInvalid, nearest
from ..models.licensing.licences import UNPROVED, Decision
from ..models.licensing.profile import Profile, load_profile
from ..quality.channels import Channel, load_channel
from ..workflow import Workflow
from ..workflow.release.lock import Drift
from .brand import branded, bring_kit, enforce_kit
from .lock import HeldLock, drift_from, find_lock, refuse_drift
from .weights import Weights, judge_weights, weights_of_run

#: What a caller may waive by name.
STOPS = ("lock", "channel")
_NEVER_WAIVED = {
    "licence": "say in your licence profile what is so; docs/licences.md shows one",
    "kit": "have its LoRAs approved in brand.yaml; the host's nodes refuse them until then",
}


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """What a run is held to; :meth:`of` reads it from names and files.

    Attributes:
        profile: who uses the pictures and for what; the licences of all weights are judged against it.
        kit: the brand's kit, for the workflow's *Packshot Brand* nodes.
        channel: whose checks the pictures must pass.
        waive: stops that do not refuse; what each would have said is recorded.
    """

    profile: Profile = field(default_factory=load_profile)
    kit: BrandKit | None = None
    channel: Channel | None = None
    waive: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        *,
        profile: Profile | Path | str | None = None,
        brand: BrandKit | Path | str | None = None,
        channel: str | None = None,
        waive: Iterable[str] = (),
    ) -> RunPolicy:
        """Read a policy.

        Args:
            profile: or its file; by default ``profile.yaml`` in the user's settings folder.
            brand: a kit, or its folder.
            channel: id of a channel, such as ``amazon-main``.
            waive: names among :data:`STOPS`.

        Raises:
            InputInvalid: no such channel or stop, or the file is no licence profile.
            BrandInvalid: the kit cannot be used.
        """
        stops = frozenset(waive)
        for stop in sorted(stops - {*STOPS}):
            message = "cannot be waived" if stop in _NEVER_WAIVED else "is no stop"
            raise InputInvalid(
                f"'{stop}' {message}", place="waive", remedy=_NEVER_WAIVED.get(stop) or nearest(stop, STOPS)
            )
        return cls(
            profile if isinstance(profile, Profile) else load_profile(Path(profile) if profile else None),
            brand if isinstance(brand, BrandKit) or brand is None else BrandKit.load(Path(brand)),
            load_channel(channel) if channel else None,
            stops,
        )


@dataclass(frozen=True, slots=True)
class RunWarning:
    """Something that a run does otherwise than one may expect, and that refuses nothing.

    Attributes:
        slug: its kind: ``lock-drift``, ``lora-not-applied``, ``lora-no-effect``, ``lora-partly-loaded`` or
            ``weights-unproved``.
        node: title or id of the node that it is about; empty: of none.
    """

    slug: str
    message: str
    node: str = ""

    def as_dict(self) -> dict[str, str]:
        """An entry of ``warnings`` in the answer of every command that makes a picture."""
        return {"slug": self.slug, "node": self.node, "message": self.message}


@dataclass(frozen=True, slots=True)
class Waiver:
    """A stop that would have refused a run, and was waived by name.

    Attributes:
        stop: one of :data:`STOPS`.
        slug, message: of the error that it would have been.
    """

    stop: str
    slug: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """An entry of ``waived`` in the answer of every command that makes a picture."""
        return {"stop": self.stop, "slug": self.slug, "message": self.message}


@dataclass(frozen=True, slots=True)
class Admission:
    """What the stops before a run came to.

    Attributes:
        workflow: as it is to be submitted, with the brand's kit in it.
        weights: what it loads.
        decision: of the licences of all of them.
        drift: how the host differs from the workflow's lock.
    """

    workflow: Workflow
    weights: Weights
    decision: Decision
    drift: tuple[Drift, ...] = ()
    warnings: tuple[RunWarning, ...] = ()
    waived: tuple[Waiver, ...] = ()

    def enforce(self) -> None:
        """Stop here when a licence says no.

        Raises:
            LicenceRefused: a file may not be used so.
        """
        self.decision.enforce(self.workflow.place)


def judge_run(
    client: HostClient,
    workflow: Workflow,
    changes: Mapping[str, Collection[str]],
    policy: RunPolicy,
    held: HeldLock | None = None,
) -> Admission:
    """Put a run before every stop. A refusal by a licence is in the answer; :meth:`Admission.enforce` raises it.

    A host of this machine gets the LoRA files that the kit has with it.

    Args:
        client: of the host that is to make it.
        changes: input -> all values that it is given instead of the artist's own.
        held: the lock that it is held to; by default the one beside the workflow's release.

    Raises:
        NodeMissing, ModelMissing, WorkflowInvalid: the host cannot run it, or is not as it was locked.
        BrandInvalid, LoraMismatch, ModelCorrupt, LicenceRefused: a LoRA of the kit may not be used.
        HostUnreachable: the host does not answer.
    """
    kit = policy.kit
    if kit is not None:
        bring_kit(kit, client)
    prepared = client.prepare(workflow)
    weights = weights_of_run(prepared, client.object_info, changes)
    decision = judge_weights(weights, policy.profile, client.api)
    if decision.decision == "refuse":
        return Admission(workflow, weights, decision)
    warnings: list[RunWarning] = []
    waived: list[Waiver] = []
    if unproved := ", ".join(sorted({part.part.name for part in decision.parts if part.part.licence == UNPROVED})):
        message = (
            "could not be looked into, so that their licence follows from their names alone; production refuses that"
        )
        warnings.append(RunWarning("weights-unproved", f"{unproved} {message}"))

    if kit is not None and (
        note := enforce_kit(kit, prepared, client.object_info, weights.cards, policy.profile, client.api)
    ):
        warnings.append(RunWarning("lora-not-applied", note))
    held = held or find_lock(workflow)
    drift = drift_from(held, client, prepared, weights, changes) if held else []
    if held and drift:
        refusal = refuse_drift(held, drift)
        if not held.pinned:
            warnings.append(RunWarning("lock-drift", refusal.message))
        elif "lock" in policy.waive:
            waived.append(Waiver("lock", refusal.slug, refusal.message))
        else:
            raise refusal
    kitted = branded(workflow, kit) if kit is not None else workflow
    return Admission(kitted, weights, decision, tuple(drift), tuple(warnings), tuple(waived))
