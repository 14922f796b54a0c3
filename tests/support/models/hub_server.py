"""A server that speaks the Hugging Face hub's protocol for files: look-up, redirect to a CDN, ranges, gates and faults.

As at the hub, ``HEAD`` and ``GET /<owner>/<name>/resolve/<revision>/<path>`` answer with the file's SHA-256 as its
linked ETag, its size and the commit, and redirect to another host name, where the bytes are.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_a-token-that-has-accepted-the-licence"


@dataclass
class Hub:
    """What the hub holds, how it fails, and what it was asked.

    Attributes:
        files: (owner/name, path) -> content.
        gated: repositories that want TOKEN.
        busy: how many of the next requests are answered with 503.
        cuts: for each of the next downloads, after how many bytes the connection breaks, and whether by a reset.
        ranges: whether the CDN takes ranges.
        overstated: bytes by which the look-up gives files too large.
        served: SHA-256 -> what the CDN sends in place of that content.
        requests: (method, path, Range, Authorization) of each, in order.
    """

    url: str = ""
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    busy: int = 0
    cuts: list[tuple[int, bool]] = field(default_factory=list)
    ranges: bool = True
    overstated: int = 0
    served: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)

    def downloads(self) -> list[str | None]:
        """The Range header of each download that the CDN was asked for."""
        return [range_ for method, path, range_, _ in self.requests if method == "GET" and path.startswith("/cdn/")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        asked = (self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization"))
        self.hub.requests.append(asked)
        if self.hub.busy:
            self.hub.busy -= 1
            self._empty(503)
        elif self.path.startswith("/cdn/"):
            self._send(self.path.removeprefix("/cdn/"), with_body)
        else:
            self._resolve()

    def _resolve(self) -> None:
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(main|[0-9a-f]{40})/(.+)", self.path)
        repo, path = (match[1], match[3]) if match else ("", "")
        content = self.hub.files.get((repo, path))
        if not any(repo == known for known, _ in self.hub.files):
            self._empty(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Invalid username or password."})
        elif repo in self.hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._empty(401, {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to {repo} is restricted."})
        elif content is None:
            self._empty(404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        else:
            digest = hashlib.sha256(content).hexdigest()
            cdn = self.hub.url.replace("127.0.0.1", "localhost")
            headers = {
                "Location": f"{cdn}/cdn/{digest}",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Size": str(len(content) + self.hub.overstated),
                "X-Linked-ETag": f'"{digest}"',
                "ETag": f'"{digest[:40]}"',
            }
            self._empty(302, headers)

    def _send(self, digest: str, with_body: bool) -> None:
        contents = {hashlib.sha256(content).hexdigest(): content for content in self.hub.files.values()}
        content = self.hub.served.get(digest, contents[digest])
        start = 0
        if self.hub.ranges and (match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start = int(match[1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if not with_body:
            return
        if not self.hub.cuts:
            self.wfile.write(content[start:])
            return
        length, reset = self.hub.cuts.pop(0)
        self.wfile.write(content[start : start + length])
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.close_connection = True

    def _empty(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle, or whom a test cuts off, is no fault of the server."""


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub at a free port of this machine."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
