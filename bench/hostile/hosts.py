"""Hostile hosts: what answers at a ComfyUI's address sends too much, too slowly, or something else than was asked for.

Each mode is a host that behaves like ComfyUI but for one answer. A client in a process of its own, whose memory is
limited, submits a small workflow to it and asks for the result. Hostile hubs of models are in :mod:`.hub`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import re
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostile.hub import hub_probes
from hostile.probe import Probe
from hostile.server import serving

WORKFLOW = Path(__file__).resolve().parents[1] / "plain.app.json"
TIMEOUT = 6.0  # seconds that the client allows for a job
_MARGIN = 1.0  # seconds beyond it
_SUBMITTING = 22.0  # seconds that it may take to submit a job, with a timeout of 2 s for each part of an answer
_ADDRESS_SPACE = 3 << 30
_MEMORY = 1 << 30

# A picture of one grey pixel.
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB6T4rxwAAAABJRU5ErkJggg=="
)
_SIDE = ["INT", {"default": 64, "min": 0, "max": 1 << 24}]
_NODES: dict[str, dict[str, Any]] = {
    "EmptyImage": {
        "input": {"required": dict.fromkeys(("width", "height", "batch_size", "color"), _SIDE)},
        "output": ["IMAGE"],
        "output_name": ["IMAGE"],
        "output_is_list": [False],
        "output_node": False,
    },
    "SaveImage": {
        "input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "x"}]}},
        "output": [],
        "output_name": [],
        "output_is_list": [],
        "output_node": True,
    },
}


class HostileHost(BaseHTTPRequestHandler):
    """A ComfyUI that is honest but for its mode.

    Attributes:
        mode: the deviation; None for none.
        jobs: what was submitted, by id.
        files: what was uploaded, by name.
    """

    protocol_version = "HTTP/1.1"
    mode: Mode | None = None
    jobs: dict[str, Any]
    files: dict[str, bytes]

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_HEAD(self) -> None:
        self.status(404)

    def do_GET(self) -> None:
        if self.mode is not None and self.path.startswith(self.mode.path):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.mode.answer(self)
            return
        self.honest()

    def honest(self) -> None:
        """Answer as ComfyUI does."""
        path = urlsplit(self.path).path
        name = path.rpartition("/")[2]
        answers: dict[str, Callable[[], Any]] = {
            "/packshot/boot": lambda: {"boot": "b" * 16, "version": "0"},
            "/queue": lambda: {"queue_running": [], "queue_pending": []},
            "/system_stats": lambda: {"system": {"comfyui_version": "0.30.0"}, "devices": []},
            f"/object_info/{name}": lambda: {name: _NODES[name]} if name in _NODES else {},
            f"/api/jobs/{name}": lambda: {"id": name, "status": "completed"},
            f"/history/{name}": lambda: {name: self.record(name)},
        }
        if path in answers:
            self.json(answers[path]())
        elif path == "/view":
            self.view(**{name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})
        else:
            self.status(404)

    def view(self, filename: str, type: str = "output", **_: str) -> None:
        """Answer with an uploaded file, or with the picture that every job makes."""
        planted = self.mode.planted if self.mode is not None else None
        file = self.files.get(filename, planted) if type == "input" else _PIXEL
        if file is None:
            self.status(404)
        else:
            self.whole(file, "image/png")

    def upload(self, body: bytes) -> None:
        """Keep an uploaded file as the mode has it; its name is the last part of the body's first line that has one."""
        name = re.search(rb'filename="([^"]+)"\r\n', body)
        assert name is not None
        content = body[body.index(b"\r\n\r\n", name.end()) + 4 : body.rindex(b"\r\n--", 0, -4)]
        file = name[1].decode()
        self.files[file] = self.mode.keep(content) if self.mode is not None else content
        self.json({"name": file, "subfolder": "packshot", "type": "input"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/upload/image":
            self.upload(body)
            return
        if self.path != "/prompt":
            self.json({})
            return
        job = json.loads(body)
        self.jobs[job["prompt_id"]] = job["prompt"]
        self.json({"prompt_id": job["prompt_id"], "number": 1, "node_errors": {}})

    def record(self, job: str, *, files: Iterable[Any] = ("a.png",), **parts: Any) -> dict[str, Any]:
        """The record of a job that was done, with something else in its place."""
        (saving,) = (node for node, entry in self.jobs[job].items() if entry["class_type"] == "SaveImage")
        outputs = [{"filename": file, "subfolder": "", "type": "output"} for file in files]
        record = {
            "prompt": [1, job, self.jobs[job], {}, [saving]],
            "outputs": {saving: {"images": outputs}},
            "status": {"status_str": "success", "completed": True, "messages": []},
        }
        return {**record, **parts}

    @property
    def job(self) -> str:
        """The id of the job that is asked for."""
        return urlsplit(self.path).path.rpartition("/")[2]

    # -- ways to answer ----------------------------------------------------------------------------------------------

    def status(self, code: int, **headers: str) -> None:
        """Answer without a body."""
        self.send_response(code)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def json(self, answer: Any) -> None:
        """Answer with JSON."""
        self.whole(json.dumps(answer).encode(), "application/json")

    def whole(self, body: bytes, kind: str, **headers: str) -> None:
        """Answer with a body whose length is told."""
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, parts: Iterable[bytes], kind: str = "application/json", **headers: str) -> None:
        """Answer with a body that ends with the connection."""
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def raw(self, parts: Iterable[bytes]) -> None:
        """Answer with bytes that need not be HTTP."""
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()

    def frames(self, parts: Iterable[bytes]) -> None:
        """Open an event socket and send what need not be frames."""
        seal = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        self.send_response(101)
        accept = base64.b64encode(seal.digest()).decode()
        for name, value in {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}.items():
            self.send_header(name, value)
        self.end_headers()
        self.raw(parts)


@dataclass(frozen=True, slots=True)
class Mode:
    """How a hostile host deviates.

    Attributes:
        name: of the probe.
        path: the requests that it answers in another way; all of those that begin with it.
        answer: what it does then.
        ends: the slugs with which the client may end; empty where the picture must come all the same.
        full: whether it takes gigabytes.
        planted: what lies under the name of each file before it is uploaded.
        keep: what becomes of a file that is uploaded.
    """

    name: str
    path: str
    answer: Callable[[HostileHost], None]
    ends: tuple[str, ...] = ("timeout", "host-unreachable", "host-lost")
    full: bool = False
    planted: bytes | None = None
    keep: Callable[[bytes], bytes] = bytes


Answer = Callable[[HostileHost], None]
Parts = Callable[[], Iterator[bytes]]  # a mode answers several requests, each time from the start


def _endless(part: bytes) -> Parts:
    return lambda: itertools.repeat(part)


def _times(number: int, part: bytes) -> Parts:
    return lambda: itertools.repeat(part, number)


def _slowly(part: bytes) -> Parts:
    def parts() -> Iterator[bytes]:
        while True:
            yield part
            time.sleep(0.5)

    return parts


def _unfolding(start: bytes, gigabytes: int) -> Parts:
    """A gzip body that unfolds to gigabytes."""

    def parts() -> Iterator[bytes]:
        packer = zlib.compressobj(wbits=31)
        yield packer.compress(start)
        for _ in range(gigabytes << 10):
            yield packer.compress(bytes(1 << 20))
        yield packer.flush()

    return parts


def _frame(opcode: int, payload: bytes, *, final: bool = True, length: int | None = None) -> bytes:
    """A frame of RFC 6455; ``length`` is what its head says."""
    head = bytes([opcode | (0x80 if final else 0), 127])
    return head + struct.pack(">Q", len(payload) if length is None else length) + payload


def _record(change: Callable[[HostileHost], dict[str, Any]]) -> Answer:
    return lambda host: host.json({host.job: change(host)})


def _text(host: HostileHost, megabytes: int) -> Iterator[bytes]:
    start, end = json.dumps({host.job: host.record(host.job, outputs={"2": {"text": ["*"]}})}).encode().split(b"*")
    yield start
    yield from itertools.repeat(b"x" * (1 << 20), megabytes)
    yield end


def _files(host: HostileHost, number: int) -> Iterator[bytes]:
    text = json.dumps({host.job: host.record(host.job)}).encode()
    start, entry, end = text.partition(b'{"filename": "a.png", "subfolder": "", "type": "output"}')
    yield start
    yield from itertools.repeat(entry + b",", number)
    yield entry + end


def _other_work(host: HostileHost) -> dict[str, Any]:
    nodes = json.loads(json.dumps(host.jobs[host.job]))
    for node in nodes.values():
        if node["class_type"] == "EmptyImage":
            node["inputs"]["color"] += 1
    return host.record(host.job, prompt=[1, host.job, nodes, {}, []])


def _nothing() -> Iterator[bytes]:
    return iter(())


def _raw(*parts: bytes, then: Parts = _nothing) -> Answer:
    return lambda host: host.raw(itertools.chain(parts, then()))


def _body(*parts: bytes, then: Parts = _nothing, kind: str = "application/json", **headers: str) -> Answer:
    return lambda host: host.stream(itertools.chain(parts, then()), kind, **headers)


def _picture(*parts: bytes, then: Parts = _nothing, **headers: str) -> Answer:
    return _body(*parts, then=then, kind="image/png", **headers)


def _frames(*parts: bytes, then: Parts = _nothing) -> Answer:
    return lambda host: host.frames(itertools.chain(parts, then()))


def _nobody(_: HostileHost) -> None:
    """Never asked."""


def _named(file: str) -> Answer:
    return _record(lambda host: host.record(host.job, files=[file]))


def _prompt(job: str = "", graph: Mapping[str, Any] | None = None) -> Answer:
    def change(host: HostileHost) -> dict[str, Any]:
        executed = host.jobs[host.job] if graph is None else graph
        return host.record(host.job, prompt=[1, job or host.job, executed, {}, []])

    return _record(change)


def _words(host: HostileHost) -> Iterator[bytes]:
    """Frames of 4 MB each that concern the job, once there is one."""
    while not host.jobs:
        time.sleep(0.01)
    (job,) = host.jobs
    data = {"prompt_id": job, "nodes": {}, "text": "x" * (4 << 20)}
    return itertools.repeat(_frame(1, json.dumps({"type": "progress_state", "data": data}).encode()))


_TIMES = [["execution_start", {"timestamp": float("nan")}], ["execution_success", {"timestamp": 1e308}]]
_STATUS = {"status_str": "success", "messages": _TIMES}
_OK, _UPGRADE = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 Switching Protocols\r\n"
_HTML = b"<!doctype html><script>alert(document.cookie)</script>"
_SMILE = "\U0001f600".encode()
_BLANKS = bytes(65536)
_MORE = _frame(0, _BLANKS, final=False)
_NEWS = _frame(1, b'{"type":"status","data":{}}') * 500
_CHUNKED = {"Transfer_Encoding": "chunked"}
_GZIP = {"Content_Encoding": "gzip"}
_INFO, _HISTORY, _VIEW, _SOCKET, _NEVER = (
    "/object_info",
    "/history",
    "/view?filename=a",
    "/ws",
    "/nothing-asks-for-this",
)
_DAMAGED = ("output-damaged",)
_PICTURE = ()

MODES: tuple[Mode, ...] = (
    Mode("honest", _NEVER, _nobody, _PICTURE),
    Mode("silent", "/", lambda _: time.sleep(60)),
    Mode("head-trickled", "/", _raw(_OK, then=_slowly(b"X"))),
    Mode("head-endless", "/", _raw(_OK, then=_endless(b"A: b\r\n"))),
    Mode("head-of-one-line", "/", _raw(_OK, b"A: ", then=_endless(b"b" * 4096))),
    Mode("continue-endless", _INFO, _raw(then=_endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 40))),
    Mode("redirected-inside", _INFO, lambda host: host.status(302, Location="http://169.254.169.254/latest/")),
    Mode("boot-trickled", "/packshot/boot", _body(then=_slowly(b" "))),
    Mode("definitions-endless", _INFO, _body(b'{"a":"', then=_endless(b"a" * 65536))),
    Mode("definitions-trickled", _INFO, _body(then=_slowly(b" "))),
    Mode("definitions-unfolding", _INFO, _body(then=_unfolding(b'{"a":"', 2), **_GZIP)),
    Mode("definitions-in-single-bytes", _INFO, _body(then=_endless(b"1\r\n \r\n" * 512), **_CHUNKED)),
    Mode("definitions-trickled-in-chunks", _INFO, _body(then=_slowly(b"1\r\n \r\n"), **_CHUNKED)),
    Mode("brackets", _INFO, _body(b"[", then=_times(1400, b"[]," * 21845))),
    Mode("wide-characters", _INFO, _body(b'{"a":"', then=_times(1400, _SMILE * 16384))),
    Mode("record-trickled", _HISTORY, _body(then=_slowly(b" "))),
    Mode("record-endless", _HISTORY, _body(then=_endless(b" " * 65536))),
    Mode("record-of-negative-length", _HISTORY, _body(then=_endless(b" " * 65536), Content_Length="-1")),
    Mode("record-deep", _HISTORY, _body(b"[" * 300_000, b"]" * 300_000)),
    Mode("record-of-digits", _HISTORY, _body(b'{"a":', b"9" * 100_000, b"}")),
    Mode("record-giant", _HISTORY, lambda host: host.stream(_files(host, 3_000_000))),
    Mode("record-without-times", _HISTORY, _record(lambda host: host.record(host.job, status=_STATUS)), _PICTURE),
    Mode("record-of-other-work", _HISTORY, _record(_other_work), _DAMAGED),
    Mode("record-of-another-job", _HISTORY, _prompt(job="x"), _DAMAGED),
    Mode("record-of-nothing", _HISTORY, _prompt(graph={}), _DAMAGED),
    Mode("outputs-many", _HISTORY, lambda host: host.stream(_files(host, 200_000)), _DAMAGED),
    Mode("text-huge", _HISTORY, lambda host: host.stream(_text(host, 300))),
    Mode("text-for-a-picture", _HISTORY, lambda host: host.stream(_text(host, 1)), _DAMAGED),
    Mode("output-named-html", _HISTORY, _named("a.html"), _DAMAGED),
    Mode("output-named-exe", _HISTORY, _named("../../x/a.exe"), _DAMAGED),
    Mode("output-named-jpeg", _HISTORY, _named("a.jpg"), _DAMAGED),
    Mode("picture-is-html", _VIEW, _picture(_HTML), _DAMAGED),
    Mode("picture-is-a-program", _VIEW, _picture(b"MZ\x90\0", bytes(5000)), _DAMAGED),
    Mode("picture-is-a-video", _VIEW, _picture(b"\0\0\0\x18ftypmp42", bytes(5000)), _DAMAGED),
    Mode("picture-is-empty", _VIEW, _picture(), _DAMAGED),
    Mode("picture-endless", _VIEW, _picture(_PIXEL, then=_endless(_BLANKS)), ("timeout", "output-damaged"), full=True),
    Mode("picture-unfolding", _VIEW, _picture(then=_unfolding(_PIXEL, 8), **_GZIP), _DAMAGED),
    Mode("picture-trickled", _VIEW, _picture(_PIXEL, then=_slowly(b"x"))),
    Mode("picture-trickled-in-chunks", _VIEW, _picture(then=_slowly(b"1\r\nx\r\n"), **_CHUNKED)),
    Mode("picture-cut-short", _VIEW, _picture(_PIXEL, Content_Length="1000000")),
    Mode("upload-planted", _NEVER, _nobody, _PICTURE, planted=_HTML),
    Mode("upload-half-there", _NEVER, _nobody, _PICTURE, planted=_PIXEL[:30]),
    Mode("upload-halved", _NEVER, _nobody, _DAMAGED, keep=lambda content: content[: len(content) // 2]),
    Mode("upload-exchanged", _NEVER, _nobody, _DAMAGED, keep=lambda _: _HTML),
    Mode("frames-flooding", _SOCKET, _frames(then=_endless(_NEWS)), _PICTURE),
    Mode("frames-of-jobs-flooding", _SOCKET, lambda host: host.frames(_words(host)), _PICTURE),
    Mode("frame-huge", _SOCKET, _frames(_frame(2, b"", length=1 << 62), then=_endless(_BLANKS)), _PICTURE),
    Mode("frame-trickled", _SOCKET, _frames(_frame(1, b"", length=9999), then=_slowly(b"x")), _PICTURE),
    Mode("fragments-endless", _SOCKET, _frames(_frame(1, b"x", final=False), then=_endless(_MORE)), _PICTURE),
    Mode("handshake-trickled", _SOCKET, _raw(_UPGRADE, then=_slowly(b"X")), _PICTURE),
    Mode("handshake-endless", _SOCKET, _raw(_UPGRADE, then=_endless(b"A: b\r\n" * 100)), _PICTURE),
    Mode("socket-redirected", _SOCKET, lambda host: host.status(302, Location="ws://169.254.169.254/"), _PICTURE),
)  # fmt: skip


def serve(mode: Mode | None) -> AbstractContextManager[str]:
    """Serve a hostile host, or an honest one; gives its address."""
    return serving(type("Handler", (HostileHost,), {"mode": mode, "jobs": {}, "files": {}}))


_CLIENT = """
import json, resource, sys, time
from pathlib import Path
from packshot import Client
from packshot.errors import PackshotError
url, out, workflow, timeout = sys.argv[1:]
answer, begun = {"slug": "", "pictures": 0}, time.monotonic()
try:
    with Client(url, out=out, timeout=2, patience=4) as client:
        client.upload(bytes(range(256)))
        job = client.submit(Path(workflow), color=7)
        submitted = time.monotonic()
        answer["submitting"], begun = submitted - begun, submitted
        answer["pictures"] = len(job.result(timeout=float(timeout)).outputs)
except PackshotError as error:
    answer["slug"] = error.slug
answer["seconds"] = time.monotonic() - begun
answer["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(answer))
"""


def probes(folder: Path, *, full: bool = False) -> Iterator[Probe]:
    """Ask every hostile host for a picture, four at a time; those that take long only with ``full``."""
    modes = [mode for mode in MODES if full or not mode.full]
    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(lambda mode: attack(mode, folder / mode.name), modes)
    yield from hub_probes(folder)


def attack(mode: Mode, out: Path) -> Probe:
    """Ask one hostile host for a picture, from a process whose memory is limited."""
    limit = TIMEOUT + _MARGIN
    with serve(mode) as url:
        line = [sys.executable, "-c", _CLIENT, url, str(out), str(WORKFLOW), str(TIMEOUT)]
        try:
            client = subprocess.run(
                line, capture_output=True, text=True, timeout=60, check=False, preexec_fn=_limit_memory
            )
        except subprocess.TimeoutExpired:
            return Probe(mode.name, False, "no end within 60 s")
    leftovers = [path.name for path in out.rglob("*") if path.name.endswith(".part")]
    if client.returncode:
        return Probe(mode.name, False, client.stderr.strip().rpartition("\n")[2][:120])
    answer = json.loads(client.stdout)
    note = f"{answer['slug'] or 'a picture'} after {answer['seconds']:.1f} s, {answer['memory'] / 1e6:.0f} MB"
    in_time = answer["seconds"] < (limit if "submitting" in answer else _SUBMITTING)
    right = answer["slug"] in mode.ends if mode.ends else answer["pictures"] == 1
    return Probe(mode.name, right and in_time and not leftovers and answer["memory"] < _MEMORY, note)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
