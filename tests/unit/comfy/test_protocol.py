"""What the host says, as recorded from ComfyUI 0.30.0, and what is made of it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, HostText, Presence
from packshot.errors import (
    InputInvalid,
    JobCancelled,
    JobFailed,
    ModelMissing,
    NodeMissing,
    OutOfMemory,
    PackshotError,
    WorkflowInvalid,
)
from support.places import DATA

RECORDS: dict[str, Any] = json.loads((DATA / "records.json").read_text())

REFUSALS: dict[str, Any] = json.loads((DATA / "refusals.json").read_text())

FRAMES: dict[str, Any] = json.loads((DATA / "frames.json").read_text())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def history(name: str) -> tuple[str, dict[str, Any]]:
    """A recorded history and the id of its job."""
    (job,) = RECORDS["history"][name]
    return job, RECORDS["history"][name]


# -- frames ------------------------------------------------------------------------------------------------------------


def test_frames_of_a_job_are_told_from_the_others_and_the_last_one_is_final() -> None:
    frames = [frame for text in FRAMES["frames"] if (frame := protocol.parse_frame(text))]
    assert {frame.prompt_id for frame in frames} == {FRAMES["prompt_id"]}
    assert [frame.final for frame in frames] == [False] * (len(frames) - 1) + [True]
    kinds = [frame.kind for frame in frames]
    assert "status" not in kinds
    assert kinds[0] == "execution_start"
    assert kinds.index("executed") < kinds.index("execution_success") < len(kinds) - 1


def test_a_preview_is_read_with_its_metadata() -> None:
    metadata = json.dumps({"prompt_id": "p", "node_id": "7", "image_type": "image/png"}).encode()
    message = struct.pack(">II", 4, len(metadata)) + metadata + b"\x89PNG"
    frame = protocol.parse_frame(message)
    assert frame
    assert (frame.kind, frame.prompt_id, frame.image) == ("preview", "p", b"\x89PNG")
    assert frame.data["image_type"] == "image/png"
    assert not frame.final
    # Without metadata a preview names no job.
    assert protocol.parse_frame(struct.pack(">II", 1, 2) + b"\x89PNG") is None


@settings(deadline=None)
@given(
    st.binary()
    | st.text()
    | json_values.map(json.dumps)
    | st.fixed_dictionaries({"type": json_values, "data": json_values}).map(json.dumps)
    | st.binary().map(lambda rest: struct.pack(">I", 4) + rest)
    | st.tuples(json_values, st.binary()).map(
        lambda pair: struct.pack(">II", 4, len(json.dumps(pair[0]))) + json.dumps(pair[0]).encode() + pair[1]
    )
)
def test_no_frame_is_too_odd_to_be_ignored(message: str | bytes) -> None:
    frame = protocol.parse_frame(message)
    assert frame is None or (isinstance(frame.prompt_id, str) and frame.final in (True, False))


def test_a_frame_nested_without_end_is_ignored() -> None:
    assert protocol.parse_frame("[" * 200_000) is None


# -- submitting --------------------------------------------------------------------------------------------------------


def test_a_submission_never_has_a_number() -> None:
    body = protocol.submission({}, "job", "me", {"nodes": []}, previews=False)
    assert body == {
        "prompt": {},
        "prompt_id": "job",
        "client_id": "me",
        "extra_data": {"extra_pnginfo": {"workflow": {"nodes": []}}},
    }
    assert protocol.submission({}, "job", "me", None, previews=True)["extra_data"] == {"preview_method": "auto"}


@pytest.mark.parametrize(
    ("name", "kind", "place", "said"),
    [
        ("no_prompt", WorkflowInvalid, "", "No prompt provided"),
        ("invalid_prompt_id", WorkflowInvalid, "", "prompt_id must be a valid UUID"),
        ("missing_node_type", NodeMissing, '"Mystery" (NoSuchNode, node 1)', "'NoSuchNode'"),
        ("prompt_no_outputs", WorkflowInvalid, "", "Prompt has no outputs"),
        ("required_input_missing", InputInvalid, "\"Plain\" (EmptyImage, node 1), input 'width'", "width"),
        ("required_link_missing", InputInvalid, "\"Save\" (SaveImage, node 2), input 'images'", "images"),
        ("bad_linked_input", WorkflowInvalid, "\"Save\" (SaveImage, node 2), input 'images'", "length-2 list"),
        ("return_type_mismatch", WorkflowInvalid, "\"Save\" (SaveImage, node 2), input 'images'", "received_type(INT)"),
        ("invalid_input_type", InputInvalid, "\"Plain\" (EmptyImage, node 1), input 'width'", "'wide'"),
        ("value_smaller_than_min", InputInvalid, "\"Plain\" (EmptyImage, node 1), input 'width'", "min of 1"),
        ("value_bigger_than_max", InputInvalid, "\"Plain\" (EmptyImage, node 1), input 'width'", "max of 16384"),
        ("value_not_in_list", InputInvalid, "\"Scale\" (ImageScale, node 3), input 'upscale_method'", "'nearst'"),
        ("model_not_in_list", ModelMissing, "\"Load VAE\" (VAELoader, node 1), input 'vae_name'", "none.safetensors"),
        ("custom_validation_failed", InputInvalid, "\"Load\" (LoadImage, node 1), input 'image'", "not-there.png"),
        ("dangling_link", WorkflowInvalid, '"Save" (SaveImage, node 2)', "'99'"),
        ("dependency_cycle", WorkflowInvalid, '"A" (ImageInvert, node 1)', "1 (ImageInvert) -> 2 (ImageInvert)"),
        ("some_outputs", InputInvalid, "\"Other\" (EmptyImage, node 3), input 'width'", "min of 1"),
    ],
)
def test_a_refusal_is_told_by_kind_and_place(name: str, kind: type[PackshotError], place: str, said: str) -> None:
    recorded = REFUSALS[name]
    error = protocol.refusal(recorded["answer"], recorded["graph"])
    assert type(error) is kind
    assert error.place == place
    assert said in error.message
    assert error.remedy


def test_a_refusal_counts_what_else_is_wrong() -> None:
    answer = {**REFUSALS["value_smaller_than_min"]["answer"]}
    answer["node_errors"] = {**answer["node_errors"], **REFUSALS["required_link_missing"]["answer"]["node_errors"]}
    assert "and 1 more" in protocol.refusal(answer, {}).message


@pytest.mark.parametrize("answer", [{}, {"error": "denied"}, {"error": None, "node_errors": None}, {"detail": "no"}])
def test_a_refusal_in_an_unknown_form_is_one_all_the_same(answer: dict[str, Any]) -> None:
    error = protocol.refusal(answer, {})
    assert type(error) is WorkflowInvalid
    assert error.message


# -- records -----------------------------------------------------------------------------------------------------------


def test_a_success_is_read_with_all_its_outputs() -> None:
    job, body = history("success")
    record = protocol.read_record(body, job)
    assert record
    assert record.succeeded
    assert not record.interrupted
    assert not record.error
    assert [(o.folder, o.subfolder) for o in record.outputs if isinstance(o, HostFile)] == (
        [("output", "tests")] * 3 + [("temp", "")] * 3
    )
    assert [o for o in record.outputs if isinstance(o, HostText)] == [HostText("6", "A red mug")]
    assert record.cached == frozenset()
    messages = dict(body[job]["status"]["messages"])
    taken = messages["execution_success"]["timestamp"] - messages["execution_start"]["timestamp"]
    assert record.seconds == taken / 1000


def test_a_cached_job_names_the_nodes_that_did_not_run() -> None:
    job, body = history("cached")
    record = protocol.read_record(body, job)
    assert record
    assert record.succeeded
    assert record.cached >= {output.node for output in record.outputs}


@pytest.mark.parametrize(
    ("name", "kind", "node", "said"),
    [
        ("interrupted", JobCancelled, "node", "interrupted"),
        ("no_memory", OutOfMemory, '"Too large" (EmptyImage, node 1)', "you tried to allocate 4398046511104 bytes"),
        ("failed", JobFailed, '"Photo" (LoadImage, node 1)', "Invalid data found"),
    ],
)
def test_a_failure_is_told_by_kind_and_place(name: str, kind: type[PackshotError], node: str, said: str) -> None:
    job, body = history(name)
    record = protocol.read_record(body, job)
    assert record
    assert not record.succeeded
    error = protocol.failure(record, body[job]["prompt"][2])
    assert type(error) is kind
    assert node in error.place
    assert said in error.message
    assert "\n" not in error.message
    assert error.remedy


# The names under which memory runs out: torch before and after 2.5, XPU, DirectML, and Python's own.
@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory.\n"),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory."),
        ("torch.OutOfMemoryError", ""),
        ("MemoryError", "Unable to allocate 4.00 GiB"),
        ("torch.AcceleratorError", "CUDA error: out of memory\nThis error means you ran out of memory on your GPU.\n"),
        ("RuntimeError", "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: …"),
    ],
)
def test_memory_that_ran_out_is_known_by_its_names(exception: str, message: str) -> None:
    job, body = history("failed")
    told = {"node_id": "1", "exception_type": exception, "exception_message": message}
    messages = [*body[job]["status"]["messages"], ["execution_error", told]]
    changed = {job: {**body[job], "status": {**body[job]["status"], "messages": messages}}}
    record = protocol.read_record(changed, job)
    assert record
    error = protocol.failure(record, {})
    assert type(error) is OutOfMemory
    assert error.message
    assert error.place == "node 1"


def test_a_record_carries_the_longest_report_of_memory() -> None:
    early = [{"phase": "text encoder", "peak": 5}]
    late = [*early, {"phase": "sampling", "peak": 9, "steps": ["out of memory; then other models unloaded"]}]
    outputs = {
        "7": {"text": ["…"], "packshot_memory": early},
        "9": {"packshot_memory": [*late, "no phase"]},
        "8": {"packshot_memory": {"not": "a list"}},
    }
    record = protocol.read_record({"id": {"outputs": outputs}}, "id")
    assert record is not None
    assert list(record.memory) == late


def test_only_graphs_with_memory_nodes_are_asked_about() -> None:
    assert protocol.notes_memory({"1": {"class_type": "UNETLoader"}, "2": {"class_type": "PackshotVRAMPolicy"}})
    assert not protocol.notes_memory({"1": {"class_type": "UNETLoader"}, "2": {"class_type": "PackshotSample"}})
    assert protocol.read_entries([{"phase": "sampling"}, "no phase"]) == ({"phase": "sampling"},)
    assert protocol.read_entries({"not": "a list"}) == ()


def test_no_record_is_no_verdict() -> None:
    assert protocol.read_record({}, "job") is None
    assert protocol.read_record(RECORDS["history"]["success"], "another") is None


@settings(deadline=None)
@given(
    outputs=st.none() | st.dictionaries(st.text(max_size=4), json_values, max_size=3),
    status=st.none()
    | st.just({})
    | st.fixed_dictionaries(
        {"status_str": st.sampled_from(["success", "error"])},
        optional={
            "messages": st.lists(
                st.tuples(
                    st.sampled_from(["execution_start", "execution_success", "execution_error", "notes"]),
                    st.dictionaries(st.sampled_from(["node_id", "exception_message", "note"]), json_values),
                ),
                max_size=3,
            )
        },
    ),
)
def test_whatever_nodes_leave_in_a_record_it_can_be_read(outputs: Any, status: Any) -> None:
    record = protocol.read_record({"job": {"outputs": outputs, "status": status}}, "job")
    assert record
    assert record.succeeded == (not status or status["status_str"] == "success")
    assert all(isinstance(output, HostFile | HostText) for output in record.outputs)
    if not record.succeeded:
        assert protocol.failure(record, {}).message


# -- where a job is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("pending", "pending"),
        ("in_progress", "running"),
        ("completed", "finished"),
        ("failed", "finished"),
        ("cancelled", "finished"),
        ("absent", "absent"),
    ],
)
def test_the_state_of_a_job(name: str, state: str) -> None:
    recorded = RECORDS["jobs"][name]
    assert protocol.read_job(recorded["status"], recorded["body"]) == Presence(state)


@settings(deadline=None)
@given(st.sampled_from([200, 404, 405, 500]), json_values)
def test_an_answer_of_another_kind_says_nothing_of_a_job(status: int, body: Any) -> None:
    assert protocol.read_job(status, body) is None


def test_a_job_is_found_in_the_queue() -> None:
    queue = RECORDS["queue"]
    assert protocol.find_in_queue(queue["body"], queue["running"]) == Presence("running")
    assert protocol.find_in_queue(queue["body"], queue["pending"]) == Presence("pending", 1)
    assert protocol.find_in_queue(queue["body"], "another") == Presence("absent")
    assert not protocol.worker_is_dead(queue["body"])
    assert protocol.worker_is_dead({**queue["body"], "queue_running": []})
    assert not protocol.worker_is_dead({"queue_running": [], "queue_pending": []})


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False) | st.integers(), unique=True, min_size=1), st.booleans())
def test_the_queue_is_a_heap_and_the_lowest_number_runs_first(numbers: list[float], running: bool) -> None:
    item = RECORDS["queue"]["body"]["queue_pending"][0]
    queue = {
        "queue_pending": [[number, str(place), *item[2:]] for place, number in enumerate(numbers)],
        "queue_running": [[0, "runs", *item[2:]]] if running else [],
    }
    before = [protocol.find_in_queue(queue, str(place)).position for place in range(len(numbers))]
    assert before == [sorted(numbers).index(number) + running for number in numbers]


@pytest.mark.parametrize("end", [0, 999])
def test_a_host_whose_clock_was_set_back_gives_no_duration(end: int) -> None:
    messages = [["execution_start", {"timestamp": 1000}], ["execution_success", {"timestamp": end}]]
    status = {"status_str": "success", "completed": True, "messages": messages}
    history = {"job": {"prompt": [0, "job", {}, {}, []], "outputs": {}, "status": status}}
    record = protocol.read_record(history, "job")
    assert record is not None
    assert record.succeeded
    assert record.seconds is None


def test_the_findings_of_mattes_are_read_with_the_node_of_the_graph() -> None:
    finding = {"id": "matte.lost", "slug": "parts-lost", "sound": False}
    outputs = {
        "2": {"packshot_matte": [{"findings": [finding, "no finding"]}]},
        "7.0.3": {"packshot_matte": [{"findings": []}]},  # of a node that 7 expanded into
        "8": {"packshot_matte": "nothing of ours"},
        "9": {"packshot_matte": [{"findings": "neither"}, 5]},
        "10": {"text": ["a word"]},
    }
    record = protocol.read_record({"job": {"outputs": outputs}}, "job")
    assert record is not None
    assert record.mattes == ({"node": "2", "findings": [finding]}, {"node": "7", "findings": []})


SENT: dict[str, dict[str, Any]] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": "64", "color": 7, "strength": 1}, "_meta": {"title": "Mug"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mug"}},
}


def changed(node: str, **parts: Any) -> dict[str, dict[str, Any]]:
    return {**SENT, node: {**SENT[node], **parts}}


def test_what_a_host_reads_as_numbers_or_titles_otherwise_is_no_difference() -> None:
    read = {"width": 64, "color": 7.0, "strength": 1.0}
    assert protocol.differences(SENT, changed("1", inputs=read, _meta={}, is_changed=["x"])) == set()


@pytest.mark.parametrize(
    ("executed", "nodes"),
    [
        ({}, {"1", "2"}),
        ({"1": SENT["1"]}, {"2"}),
        ({**SENT, "3": SENT["2"]}, {"3"}),
        (changed("1", inputs={"width": 64, "color": 8, "strength": 1}), {"1"}),
        (changed("1", inputs={"width": 64, "color": 7}), {"1"}),
        (changed("1", inputs=[1]), {"1"}),
        (changed("1", class_type="LoadImage"), {"1"}),
        (changed("2", inputs={"images": ["3", 0], "filename_prefix": "mug"}), {"2"}),
        (changed("2", inputs={"images": ["1", 0], "filename_prefix": "jug"}), {"2"}),
    ],
)
def test_a_node_that_was_not_executed_as_it_was_sent_is_named(executed: Any, nodes: set[str]) -> None:
    assert protocol.differences(SENT, executed) == nodes


def test_a_record_says_which_job_it_is_of_and_what_was_executed() -> None:
    record = protocol.read_record({"a": {"prompt": [3, "b", SENT, {}, ["2"]]}}, "a")
    assert record is not None
    assert (record.prompt_id, record.graph) == ("b", SENT)
    for prompt in (None, [], [3], "text", [3, 4, 5], [3, "b", {"1": 7}]):
        record = protocol.read_record({"a": {"prompt": prompt, "outputs": {}}}, "a")
        assert record is not None
        assert record.graph is None


def test_what_nodes_tell_is_left_out_where_it_is_nested_too_deeply_to_be_written_again() -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"a": deep}
    outputs = {"1": {"look": [deep, {"kit": "a"}], "photographs": [deep], "packshot_memory": [deep]}}
    record = protocol.read_record({"a": {"outputs": outputs}}, "a")
    assert record is not None
    assert record.look == ({"node": "1", "kit": "a"},)
    assert (record.photographs, record.memory) == ((), ())
