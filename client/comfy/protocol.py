"""What ComfyUI's messages mean, with no socket and no clock of its own (sans-IO).

Two rules stand above the rest, because every client that broke one of them reported wrong results:

* A job's verdict comes from the host's records alone. Frames of the event socket say *when to look*, never what is
  so. ``execution_success`` is sent before the record can be read, frames are not repeated after a reconnect, and a
  cached job sends hardly any.
* A job may be called absent only after looking into the queue first and the history second. The host moves a job from
  the one to the other in one step, so in the other order a job that finishes in between is seen in neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import (
    InputInvalid,
    JobCancelled,
    JobFailed,
    ModelMissing,
    NodeMissing,
    OutOfMemory,
    PackshotError,
    WorkflowInvalid,
    read_report,
)
from ..workflow.canvas.convert import is_model_file
from .answers import FRAMES, fits, load, shallow

# Of our nodes, those that note what they or what follows them take of memory.
_NOTING = {"PackshotVRAMPolicy", "PackshotVAEDecodeTiled", "PackshotVAEEncodeTiled", "PackshotIntermediates"}

_T = TypeVar("_T")
Graph = Mapping[str, Mapping[str, Any]]  # API format: node id -> {class_type, inputs, _meta}


# -- frames of the event socket ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the event socket that concerns one job.

    ``kind`` is ComfyUI's own name (``execution_start``, ``progress_state``, ``executed`` …), or ``preview`` for an
    image.
    """

    kind: str
    prompt_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    image: bytes = b""
    size: int = 0  # bytes of the message

    @property
    def final(self) -> bool:
        """Whether the job has moved from the queue to the history, so that its record can be read from now on."""
        return self.kind == "executing" and self.data.get("node") is None


_MOST_WORDS = 8 << 20  # bytes of JSON in a frame; a larger one is a hint not given
_PREVIEW_WITH_METADATA = 4  # binary frames start with their kind, 4 bytes, big-endian
FEATURE_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


def parse_frame(message: str | bytes) -> Frame | None:
    """Read one frame; None for those that concern no single job (``status``) or that this version does not know."""
    try:
        if isinstance(message, str):
            body = load(message.encode()) if len(message) <= _MOST_WORDS else {}
            kind, data = str(body["type"]), body["data"]
            sound = fits(data, FRAMES.get(kind, {}))
            return Frame(kind, str(data["prompt_id"]), data, size=len(message)) if sound else None
        (number,) = struct.unpack_from(">I", message)
        if number == _PREVIEW_WITH_METADATA:
            (length,) = struct.unpack_from(">I", message, 4)
            data = load(message[8 : 8 + min(length, _MOST_WORDS)])
            return Frame("preview", str(data["prompt_id"]), data, message[8 + length :], len(message))
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        pass  # A frame is a hint: one that cannot be read is a hint not given.
    return None


# -- submitting --------------------------------------------------------------------------------------------------


def submission(
    graph: Graph, prompt_id: str, client_id: str, canvas: Mapping[str, Any] | None, previews: bool
) -> dict[str, Any]:
    """The body of ``POST /prompt``.

    ``number`` is never part of it: with a repeated ``prompt_id`` it makes the host compare two dicts in its heap, which
    ends the worker thread. ``canvas`` is the workflow as the canvas opens it; the host embeds it in the pictures.
    """
    extra: dict[str, Any] = {}
    if canvas is not None:
        extra["extra_pnginfo"] = {"workflow": canvas}
    if previews:
        extra["preview_method"] = "auto"
    return {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id, "extra_data": extra}


def describe(graph: Graph, node_id: str) -> str:
    """A node's place in messages: ``"Sampler" (KSampler, node 7)``."""
    node = graph.get(node_id)
    if node is None:
        return f"node {node_id}"
    kind = str(node.get("class_type", "?"))
    title = node.get("_meta", {}).get("title") or kind
    return f'"{title}" ({kind}, node {node_id})'


def refusal(answer: Mapping[str, Any], graph: Graph) -> PackshotError:
    """The error in the host's answer to a graph that it does not accept, in whole or in part."""
    problems = [
        (str(node_id), problem)
        for node_id, node in (answer.get("node_errors") or {}).items()
        for problem in node.get("errors", [])
    ]
    if not problems:
        error = answer.get("error") or {}
        if not isinstance(error, Mapping):
            error = {"message": str(error)}
        message = " ".join(filter(None, (str(error.get("message", "")), str(error.get("details") or "")))).strip()
        info = error.get("extra_info")
        if error.get("type") == "missing_node_type" and isinstance(info, Mapping):
            kind = info.get("class_type", "?")
            return NodeMissing(
                f"the host does not have the node type '{kind}'",
                place=describe(graph, str(info.get("node_id", "?"))),
                remedy="install the node pack it comes from on the host, or use a workflow without it",
            )
        return WorkflowInvalid(
            message or "the host refuses the workflow", remedy="open it on the canvas and run it there"
        )
    node_id, problem = problems[0]
    return _refused_input(node_id, problem, graph, more=len(problems) - 1)


def _refused_input(node_id: str, problem: Mapping[str, Any], graph: Graph, more: int) -> PackshotError:
    info = problem.get("extra_info") or {}
    name = str(info.get("input_name", ""))
    place = describe(graph, node_id) + (f", input '{name}'" if name else "")
    also = f"; and {more} more" if more else ""
    message = f"{problem.get('message', 'refused')}: {problem.get('details', '')}{also}".strip(": ")
    kind = problem.get("type")
    # One of our own nodes refuses: what it says holds for the node, though the host repeats it for each input.
    if (ours := read_report(str(problem.get("details", "")), describe(graph, node_id))) is not None:
        return ours
    if kind == "value_not_in_list" and is_model_file(info.get("received_value")):
        return ModelMissing(
            f"the host does not have the file '{info.get('received_value')}'{also}",
            place=place,
            remedy="put it into the host's model folder, or choose a file that is there",
        )
    if kind in _INPUT_PROBLEMS:
        return InputInvalid(message, place=place, remedy="give a value that the node accepts")
    return WorkflowInvalid(message, place=place, remedy="open the workflow on the canvas and mend this node")


_INPUT_PROBLEMS = {
    "required_input_missing",
    "invalid_input_type",
    "value_smaller_than_min",
    "value_bigger_than_max",
    "value_not_in_list",
    "custom_validation_failed",
}
# -- a job's record ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file among a node's outputs, as the host names it."""

    node: str
    filename: str
    subfolder: str
    folder: str  # "output" or "temp"


@dataclass(frozen=True, slots=True)
class HostText:
    """A piece of text among a node's outputs."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the host's history says of a finished job.

    Attributes:
        succeeded: the verdict.
        outputs: files and texts in the order of the host's answer.
        cached: ids of the nodes that did not run, because the host still had their results.
        seconds: execution time on the host, None where its messages carry no time, or its clock was set back.
        error: the host's ``execution_error`` or ``execution_interrupted`` message for a job that failed.
        look: what Packshot's nodes say of the brand and the LoRAs that they applied, one entry for each such node.
        memory: what each phase took of memory, in the order of their nodes, from Packshot Memory Report or Save for
            Channel, see :func:`notes_memory` for graphs without; fields are those of the pack's ``Phase``.
        photographs: what Packshot Load Photo says of the photographs that it loaded.
        prompt_id: of the job that the record is of, as it says itself; empty where the history does not hold it.
        graph: what the host executed: what was submitted, but for nodes in whose place the host has put others; None
            where the history does not hold it.
        mattes: what was found of each product that was cut out, ``{"node", "findings"}``; the findings' fields are
            those of :class:`packshot.compose.matte_verdict.Finding`.
    """

    succeeded: bool
    outputs: tuple[HostFile | HostText, ...]
    cached: frozenset[str]
    seconds: float | None
    interrupted: bool
    error: Mapping[str, Any]
    look: tuple[Mapping[str, Any], ...] = ()
    memory: tuple[Mapping[str, Any], ...] = ()
    prompt_id: str = ""
    graph: Graph | None = None
    photographs: tuple[Mapping[str, Any], ...] = ()
    mattes: tuple[Mapping[str, Any], ...] = ()


def read_record(history: Mapping[str, Any], prompt_id: str) -> Record | None:
    """Read the body of ``GET /history/{id}``; None while there is no record (unfinished and unknown look the same)."""
    entry = history.get(prompt_id)
    if not entry:
        return None
    status = entry.get("status") or {}
    messages: dict[str, Mapping[str, Any]] = {kind: data for kind, data, *_ in status.get("messages") or ()}
    end = next(
        (messages[k] for k in ("execution_success", "execution_error", "execution_interrupted") if k in messages), {}
    )
    start = messages.get("execution_start", {})
    seconds = None
    if start.get("timestamp") and end.get("timestamp"):
        passed = (end["timestamp"] - start["timestamp"]) / 1000
        seconds = passed if passed >= 0 else None  # its clock was set back meanwhile
    return Record(
        # Hosts older than the status field recorded only jobs that ended well.
        succeeded=status.get("status_str", "success") == "success",
        outputs=tuple(_outputs(entry.get("outputs") or {})),
        cached=frozenset(map(str, messages.get("execution_cached", {}).get("nodes") or ())),
        seconds=seconds,
        interrupted="execution_interrupted" in messages,
        error=messages.get("execution_error", messages.get("execution_interrupted", {})),
        look=tuple(_look(entry.get("outputs") or {})),
        memory=_phases(entry.get("outputs") or {}),
        prompt_id=_prompt_part(entry, 1, str) or "",
        graph=_executed(entry),
        photographs=tuple(_entries(entry.get("outputs") or {}, "photographs")),
        mattes=tuple(_mattes(entry.get("outputs") or {})),
    )


def _prompt_part(entry: Mapping[str, Any], place: int, kind: type[_T]) -> _T | None:
    """A part of a history entry's ``prompt``: number, id, graph, and more; None where it is not there."""
    prompt = entry.get("prompt")
    part = prompt[place] if isinstance(prompt, list) and len(prompt) > place else None
    return part if isinstance(part, kind) else None


def _executed(entry: Mapping[str, Any]) -> Graph | None:
    graph = _prompt_part(entry, 2, dict)
    return graph if graph is not None and all(isinstance(node, Mapping) for node in graph.values()) else None


def differences(submitted: Graph, executed: Graph) -> set[str]:
    """Find the nodes that a host did not execute as they were submitted, or that were not submitted.

    Titles do not count, nor does the form of a number or a text: a host reads ``"7"`` as 7 where a node wants a number.
    """
    return submitted.keys() ^ executed.keys() | {
        node_id for node_id, node in submitted.items() if node_id in executed and not _same(node, executed[node_id])
    }


def _same(node: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    inputs, others = node.get("inputs") or {}, other.get("inputs") or {}
    return (
        node.get("class_type") == other.get("class_type")
        and isinstance(others, Mapping)
        and inputs.keys() == others.keys()
        and all(_reads_as(value, others[name]) for name, value in inputs.items())
    )


def _reads_as(value: Any, other: Any) -> bool:
    """Whether core may have made one value of another: it reads values as the types that the node wants."""
    if value == other or value != value:
        return True
    plain = isinstance(value, str | int | float) and isinstance(other, str | int | float)
    with contextlib.suppress(ValueError, OverflowError):
        return plain and (type(other)(value) == other)
    return False


def graph_sha256(graph: Graph) -> str:
    """SHA-256 over what a graph computes: each node's type and inputs, not its title nor what a host notes in it."""
    computed = {node_id: [node.get("class_type"), node.get("inputs")] for node_id, node in graph.items()}
    return hashlib.sha256(json.dumps(computed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _look(outputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What was applied, once each: a node may say what another one before it did."""
    said: list[Mapping[str, Any]] = []
    for node, kinds in outputs.items():
        found = kinds.get("look") if isinstance(kinds, Mapping) else None
        for one in found if isinstance(found, list) else ():
            if isinstance(one, Mapping) and shallow(one) and one not in said:
                said.append(one)
                yield {"node": str(node), **one}


def _entries(outputs: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """What nodes say under a key of their own."""
    for kinds in outputs.values():
        entries = kinds.get(kind) if isinstance(kinds, Mapping) else None
        yield from read_entries(entries)


def _mattes(outputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What was found of each matte; a node that stands in for one of the graph has that one's id before a dot."""
    for node, kinds in outputs.items():
        mattes = kinds.get("packshot_matte") if isinstance(kinds, Mapping) else None
        for matte in mattes if isinstance(mattes, list) else ():
            findings = matte.get("findings") if isinstance(matte, Mapping) else None
            if isinstance(findings, list):
                yield {"node": str(node).partition(".")[0], "findings": list(read_entries(findings))}


def _phases(outputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Of the report that says most, where there are several: each tells all that ran before it."""
    reports = [kinds.get("packshot_memory") for kinds in outputs.values() if isinstance(kinds, Mapping)]
    return read_entries(max((report for report in reports if isinstance(report, list)), key=len, default=[]))


def read_entries(entries: Any) -> tuple[Mapping[str, Any], ...]:
    """Take what nodes of ours tell from a host's answer, such as a report's phases; empty where it is no list."""
    listed = entries if isinstance(entries, list) else ()
    return tuple(entry for entry in listed if isinstance(entry, Mapping) and shallow(entry))


def notes_memory(graph: Graph) -> bool:
    """Whether a graph has nodes of ours that note what its phases take of memory, so that the host can be asked."""
    return any(node.get("class_type") in _NOTING for node in graph.values())


def _outputs(outputs: Mapping[str, Any]) -> list[HostFile | HostText]:
    found: list[HostFile | HostText] = []
    for node, kinds in outputs.items():
        if not isinstance(kinds, Mapping):
            continue
        for items in kinds.values():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, Mapping) and isinstance(item.get("filename"), str):
                    found.append(
                        HostFile(
                            str(node),
                            item["filename"],
                            str(item.get("subfolder") or ""),
                            str(item.get("type") or "output"),
                        )
                    )
                elif isinstance(item, str):
                    found.append(HostText(str(node), item))
    return found


_MEMORY_CLASSES = {"OutOfMemoryError", "OutOfMemoryException", "MemoryError"}
# Memory can run out under the name of a RuntimeError too: torch's CPU allocator says it in the first of these phrases,
# and the host adds the second one to whatever it takes for a lack of memory on its device.
_MEMORY_WORDS = ("DefaultCPUAllocator: can't allocate memory", "you ran out of memory on your GPU")


def failure(record: Record, graph: Graph) -> PackshotError:
    """The error of a job that did not succeed."""
    error = record.error
    place = describe(graph, str(error["node_id"])) if error.get("node_id") is not None else ""
    if record.interrupted:
        return JobCancelled("the job was interrupted on the host", place=place, remedy="submit it again")
    kind = str(error.get("exception_type", ""))
    message = str(error.get("exception_message") or "").strip()
    if kind.rsplit(".", 1)[-1] in _MEMORY_CLASSES or any(words in message for words in _MEMORY_WORDS):
        return OutOfMemory(
            message.splitlines()[0] if message else kind,
            place=place,
            remedy="smaller size or batch, a lower precision, or a tiled VAE",
        )
    if (ours := read_report(message, place)) is not None:
        return ours
    summary = message.splitlines()[0] if message else "the host gives no reason"
    return JobFailed(f"{summary} ({kind})" if kind else summary, place=place, remedy="the host's log has the traceback")


# -- where a job is ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Presence:
    """Where the host has a job: ``pending``, ``running``, ``finished`` or ``absent``.

    ``position`` counts the jobs before it, where that is known.
    """

    state: str
    position: int | None = None


_STATES = {
    "pending": "pending",
    "in_progress": "running",
    "completed": "finished",
    "failed": "finished",
    "cancelled": "finished",
}


def read_job(status: int, body: Any) -> Presence | None:
    """Read ``GET /api/jobs/{id}``; None when the host has no such route and queue and history must be asked.

    The host looks into its queue first and its history second within this one request, so its word is sound.
    """
    if status == 404 and isinstance(body, Mapping) and body.get("error") == "Job not found":
        return Presence("absent")
    if status == 200 and isinstance(body, Mapping) and body.get("status") in _STATES:
        return Presence(_STATES[body["status"]])
    return None


def find_in_queue(queue: Mapping[str, Any], prompt_id: str) -> Presence:
    """Read ``GET /queue``. The host runs the lowest number first."""
    running = queue.get("queue_running", [])
    if any(item[1] == prompt_id for item in running):
        return Presence("running")
    pending = sorted(queue.get("queue_pending", []), key=lambda item: item[0])
    for place, item in enumerate(pending):
        if item[1] == prompt_id:
            return Presence("pending", place + len(running))
    return Presence("absent")


def worker_is_dead(queue: Mapping[str, Any]) -> bool:
    """Whether jobs wait while none runs. True twice in a row, a moment apart, means that the worker thread has died."""
    return bool(queue.get("queue_pending")) and not queue.get("queue_running")
