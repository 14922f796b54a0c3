"""A TCP proxy before a real host: it makes, on command, the faults that networks and reverse proxies make."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one HTTP request; ``line`` is ``"POST /prompt"``, header names are in lower case."""

    line: str
    headers: dict[str, str]
    raw: bytes


Rule = Callable[[Request], bytes | None]


def answer(status: str, *headers: str) -> bytes:
    """An answer of the proxy's own, with no body, after which it ends the connection."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]).encode()


class Proxy:
    """Forwards connections to a host on this machine, each with a thread per direction; ``at`` is its own address.

    Attributes:
        seen: the request lines that came in, in order; of WebSocket connections the handshake.
        rule: asked for every request; what it gives is answered in the host's place, None forwards.
        delay: seconds that every part of an answer waits before it is passed on.
        dropped: frames from the host that hold these bytes are left out of WebSocket connections; None drops none.
    """

    def __init__(self, url: str, at: str = "127.0.0.1") -> None:
        self._at = at
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self.seen: list[str] = []
        self.rule: Rule = _forward_all
        self.delay = 0.0
        self.dropped: bytes | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._lost_request = ""
        self._lost_answer: tuple[str, int, bytes] = ("", 0, b"")
        self._listener = self._listen(0)
        self._port: int = self._listener.getsockname()[1]
        self.url = f"http://{at}:{self._port}"

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    # -- faults ------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Break all connections that are open now."""
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Break all connections and accept no new ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thaw()
        self.cut()

    def accept(self) -> None:
        """Accept connections again after :meth:`refuse`, at the same address."""
        self._listener = self._listen(self._port)

    def freeze(self) -> None:
        """Accept connections but move no byte, in either direction, until :meth:`thaw`."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Move what was held back, and all that follows."""
        self._flowing.set()

    def lose_request(self, line: str) -> None:
        """Break the connection of the next request that begins with ``line`` instead of forwarding it."""
        self._lost_request = line

    def lose_answer(self, line: str, *, after: int = 0, instead: bytes = b"") -> None:
        """Forward the next request that begins with ``line``; of its answer let ``after`` bytes pass, then break.

        ``instead`` is what the client gets in the place of the rest.
        """
        self._lost_answer = (line, after, instead)

    # -- how it works ------------------------------------------------------------------------------------------------

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((self._at, port))
        threading.Thread(target=self._accept_all, args=(listener,), daemon=True).start()
        return listener

    def _accept_all(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(self._target) as far:
            connection = _Connection(near, far)
            with self._lock:
                self._open |= {near, far}
            pump = threading.Thread(target=self._pump_answers, args=(connection,), daemon=True)
            pump.start()
            try:
                self._pump_requests(connection)
            finally:
                with self._lock:
                    self._open -= {near, far}
                connection.end()
                pump.join()

    def _pump_requests(self, connection: _Connection) -> None:
        while (request := _read_head(connection.from_near)) is not None:
            self.seen.append(request.line)
            own = self.rule(request)
            self._flowing.wait()
            if own is not None:
                connection.near.sendall(own)
                return
            if self._lost_request and request.line.startswith(self._lost_request):
                self._lost_request = ""
                return
            line, after, instead = self._lost_answer
            if line and request.line.startswith(line):
                self._lost_answer = ("", 0, b"")
                connection.left, connection.instead = after, instead
            connection.frames = request.headers.get("upgrade") == "websocket"
            connection.far.sendall(request.raw)
            body = int(request.headers.get("content-length", 0))
            while body:
                chunk = connection.from_near.read1(min(body, 1 << 16))
                if not chunk:
                    return
                body -= len(chunk)
                connection.far.sendall(chunk)
            while connection.frames and (chunk := connection.from_near.read1(1 << 16)):
                self._flowing.wait()
                connection.far.sendall(chunk)

    def _pump_answers(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError):
            while chunk := connection.from_far.read1(1 << 16):
                self._flowing.wait()
                time.sleep(self.delay)
                if connection.left is not None:
                    connection.near.sendall(chunk[: connection.left])
                    connection.left -= min(connection.left, len(chunk))
                    if not connection.left:
                        connection.near.sendall(connection.instead)
                        break
                    continue
                head, end, rest = chunk.partition(b"\r\n\r\n")
                if connection.frames and head.startswith(b"HTTP/1.1 101"):
                    connection.near.sendall(head + end)
                    self._pump_frames(connection, rest)
                else:
                    connection.near.sendall(chunk)
        connection.end()

    def _pump_frames(self, connection: _Connection, buffer: bytes) -> None:
        """Forward the host's WebSocket frames, which are never masked, one by one."""

        def take(count: int) -> bytes:
            nonlocal buffer
            while len(buffer) < count:
                more = connection.from_far.read1(1 << 16)
                if not more:
                    raise EOFError
                buffer += more
            taken, buffer = buffer[:count], buffer[count:]
            return taken

        while True:
            head = take(2)
            length = head[1]
            if length == 126:
                head += (extended := take(2))
                (length,) = struct.unpack(">H", extended)
            elif length == 127:
                head += (extended := take(8))
                (length,) = struct.unpack(">Q", extended)
            payload = take(length)
            self._flowing.wait()
            time.sleep(self.delay)
            if self.dropped is None or self.dropped not in payload:
                connection.near.sendall(head + payload)


class _Connection:
    """A client's socket (near) and the one to the host (far) that belongs to it."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far
        self.from_near = near.makefile("rb")
        self.from_far = far.makefile("rb")
        self.frames = False
        self.left: int | None = None  # bytes of the answer that may still pass before the connection breaks
        self.instead = b""

    def end(self) -> None:
        """Break both sides, which wakes the threads that read from them."""
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _read_head(stream: BinaryIO) -> Request | None:
    """The next request's head; None when the client has ended the connection."""
    lines: list[bytes] = []
    while True:
        line = stream.readline()
        if not line:
            return None
        lines.append(line)
        if line == b"\r\n":
            break
    method, path, _ = lines[0].decode("latin-1").split(" ", 2)
    pairs = (line.decode("latin-1").partition(":") for line in lines[1:-1])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(f"{method} {path}", headers, b"".join(lines))


def _forward_all(_request: Request) -> bytes | None:
    return None


ODD = {"system": {}, "devices": [3], "queue_running": [[1]], "queue_pending": 7, "name": 4, "cancelled": []}

GARBAGE = [b"\x00\xff{]" * 50, b"{}", b"[[]]", json.dumps(ODD).encode()]


def garbage_server(body: bytes) -> socketserver.ThreadingTCPServer:
    """Something that answers every request with 200 and the same bytes."""

    class Garbage(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Garbage)
