"""Every error that Packshot raises on purpose: a stable slug, what was wrong, where, and what to do next.

Scripts match on ``slug`` and on the exit code of the command; people read the rest. ``docs/errors.md`` lists them all.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from .secrets import public_address

_MOST_NAMES, _LONGEST_NAME = 1000, 200
_PLACE, _REMEDY = "Where: ", "What to do: "


class PackshotError(Exception):
    """Base of all errors with a slug.

    Attributes:
        slug: stable, machine-readable name of the kind of error.
        exit_code: what the ``packshot`` command returns for it (2 bad usage or input, 3 items failed, 4 host).
        message: what was wrong, in one line. No text of an error holds the secrets of an address.
        place: where: a file, a row, a node's title and id, an input. Empty where there is none.
        remedy: what to do next. Empty where nothing can be advised.
        reported: whether a host's node raised it, and not this process: it may be about the host's own machine.
    """

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    reported: bool = False

    def __init__(self, message: str, *, place: str = "", remedy: str = "") -> None:
        self.message = public_address(message)
        self.place = public_address(place)
        self.remedy = public_address(remedy)
        super().__init__(self.message)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        then = f" ({self.remedy})" if self.remedy else ""
        return f"[{self.slug}] {where}{self.message}{then}"

    def report(self) -> str:
        """The error as text that a host carries from a node to a client, which reads it with :func:`read_report`."""
        lines = [f"[{self.slug}] {self.message}"]
        lines += [f"{_PLACE}{self.place}"] if self.place else []
        lines += [f"{_REMEDY}{self.remedy}"] if self.remedy else []
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str]:
        """The object under ``"error"`` in every ``--json`` answer."""
        return {"slug": self.slug, "message": self.message, "place": self.place, "remedy": self.remedy}


class HostUnreachable(PackshotError):
    """Nothing answers at the host's address."""

    slug = "host-unreachable"
    exit_code = 4


class HostLost(PackshotError):
    """The host restarted, died, or its worker died, and a job went with it."""

    slug = "host-lost"
    exit_code = 4


class DeliveryUnknown(HostLost):
    """The connection broke after a request was sent: the host may or may not have acted on it."""


class HostFailed(PackshotError):
    """A managed host could not be installed or started."""

    slug = "host-failed"
    exit_code = 4


class WorkflowInvalid(PackshotError):
    """A workflow file cannot be read, converted, or is refused by the host as a whole."""

    slug = "workflow-invalid"
    exit_code = 2


class InputUnknown(PackshotError):
    """A value was given for an input that the workflow does not have."""

    slug = "input-unknown"
    exit_code = 2


class InputInvalid(PackshotError):
    """A value is missing, of the wrong type, or outside the range or choices of its input."""

    slug = "input-invalid"
    exit_code = 2


class AddressRefused(PackshotError):
    """A path or an address leads where nobody allowed to read: a table may come from somebody else."""

    slug = "address-refused"
    exit_code = 2


class PhotographInvalid(PackshotError):
    """A photograph cannot be used as it is.

    Attributes:
        reason: ``not-found``, ``not-a-file``, ``unreadable``, ``too-many-bytes``, ``too-many-pixels``,
            ``not-a-picture``, ``decoder-missing``, ``mode-unsupported``, ``preview-only``, ``hdr``, ``truncated`` or
            ``broken``; empty where a host told of it.
    """

    slug = "photograph-invalid"
    exit_code = 2

    def __init__(self, message: str, *, place: str = "", remedy: str = "", reason: str = "") -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.reason = reason


class NodeMissing(PackshotError):
    """The host does not have a node type that the workflow uses."""

    slug = "node-missing"
    exit_code = 2


class ModelMissing(PackshotError):
    """The host does not have a model file that the workflow names."""

    slug = "model-missing"
    exit_code = 2


class ModelCorrupt(PackshotError):
    """A model file is not what its name or hash says."""

    slug = "model-corrupt"
    exit_code = 2


class LoraMismatch(PackshotError):
    """A LoRA was made for another model than the one that it should be applied to."""

    slug = "lora-mismatch"
    exit_code = 2


class LicenceRefused(PackshotError):
    """The licence of a model file does not allow what the licence profile says it is for."""

    slug = "licence-refused"
    exit_code = 2


class NoProduct(PackshotError):
    """A photograph shows no product that can be cut out."""

    slug = "no-product"
    exit_code = 2


class OutOfMemory(PackshotError):
    """The host ran out of memory on this job."""

    slug = "out-of-memory"
    exit_code = 3


class JobFailed(PackshotError):
    """A node raised an error while the job ran."""

    slug = "job-failed"
    exit_code = 3


class JobCancelled(PackshotError):
    """The job was cancelled, here or by someone else, before it finished."""

    slug = "job-cancelled"
    exit_code = 3


class OutputMissing(PackshotError):
    """A job succeeded and yet an output that its workflow promises is not there."""

    slug = "output-missing"
    exit_code = 3


class OutputDamaged(PackshotError):
    """What a host gives as a job's output is not what the job makes: other work, another kind of file, too much."""

    slug = "output-damaged"
    exit_code = 3


class ChecksFailed(PackshotError):
    """A picture was made, and failed its channel's checks with every seed that was tried."""

    slug = "checks-failed"
    exit_code = 3


class OutputUnwritable(PackshotError):
    """A result cannot be written: no permission, or the disk is full. It is still on the host."""

    slug = "output-unwritable"
    exit_code = 2


class JobTimeout(PackshotError, TimeoutError):
    """Nothing went wrong, but it did not end in the time allowed. A job goes on running on the host."""

    slug = "timeout"
    exit_code = 3


class CatalogInvalid(PackshotError):
    """A product table, or a row of it, cannot be used."""

    slug = "catalog-invalid"
    exit_code = 2


class KeyRefused(PackshotError):
    """A file that holds a secret may be read or changed by others, or is no key."""

    slug = "key-refused"
    exit_code = 2


class RunTakenOver(PackshotError):
    """Another process has taken this catalogue run over, because this one seemed to be dead."""

    slug = "run-taken-over"
    exit_code = 2


class BrandInvalid(PackshotError):
    """A brand kit cannot be used."""

    slug = "brand-invalid"
    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'?"`` for a misspelt name, or the list of known names; empty if there are none.

    Foreign tables have names in any number and of any length: more than a thousand are not looked at, nor longer ones.
    """
    known = [name for name in itertools.islice(known, _MOST_NAMES) if len(name) <= _LONGEST_NAME]
    close = difflib.get_close_matches(name[:_LONGEST_NAME].casefold(), [k.casefold() for k in known], n=1, cutoff=0.6)
    if close:
        match = next(k for k in known if k.casefold() == close[0])
        return f"did you mean '{match}'?"
    return f"known: {', '.join(known)}" if known else ""


def read_report(text: str, place: str = "") -> PackshotError | None:
    """The error in a :meth:`PackshotError.report`, wherever in ``text`` it begins; None when there is none.

    Args:
        place: put before the place that the report names, such as the node that it comes from.
    """
    kinds = _kinds()
    start = re.search(r"\[([a-z-]+)\] (.*)", text)
    if start is None or start[1] not in kinds:
        return None
    lines = text[start.end() :].splitlines()
    where = next((line.removeprefix(_PLACE) for line in lines if line.startswith(_PLACE)), "")
    remedy = next((line.removeprefix(_REMEDY) for line in lines if line.startswith(_REMEDY)), "")
    error = kinds[start[1]](start[2], place=", ".join(filter(None, (place, where))), remedy=remedy)
    error.reported = True
    return error


def from_dict(said: Mapping[str, str]) -> PackshotError:
    """The error in what :meth:`PackshotError.as_dict` wrote, of an unknown kind where its slug is not known."""
    kind = _kinds().get(said["slug"], PackshotError)
    return kind(said["message"], place=said["place"], remedy=said["remedy"])


def _kinds() -> dict[str, type[PackshotError]]:
    return {kind.slug: kind for kind in PackshotError.__subclasses__()}
