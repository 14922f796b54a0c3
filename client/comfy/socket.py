"""The host's event socket: one connection, read by one thread, which hands on the frames that concern a job."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import websocket

from ..bounded_http import authorities
from .http import HostAddress
from .protocol import FEATURE_FLAGS, Frame, parse_frame

_log = logging.getLogger(__name__)

_MOST_BYTES = 32 << 20  # of a message; previews are 0.1 MB, and ComfyUI sends no finished picture as a frame unasked
_MESSAGE = 60.0  # seconds from the first byte of a message to its last one
_GOODBYE = 1.0  # seconds that the host is given to end the connection itself
SILENCE = 10.0  # Seconds without a frame after which the host is pinged; as long again without an answer is the end.


class _BoundedSocket(websocket.WebSocket):
    """A socket that takes no message which is too large, or does not end."""

    _begun = 0.0

    def _recv(self, bufsize: int) -> bytes:
        buffer, fragments = self.frame_buffer, self.cont_frame.cont_data
        if buffer.needs_header() and not buffer.recv_buffer and not fragments:
            self._begun = 0.0  # between two messages
        received: bytes = super()._recv(bufsize)  # type: ignore[no-untyped-call]
        self._begun = self._begun or time.monotonic()
        size = (buffer.length or 0) + (len(fragments[1]) if fragments else 0)
        if size > _MOST_BYTES:
            raise websocket.WebSocketPayloadException(f"a message of more than {_MOST_BYTES:,} bytes")
        if time.monotonic() - self._begun > _MESSAGE:
            raise websocket.WebSocketPayloadException(f"a message that has not ended after {_MESSAGE:g} s")
        return received

    def hang_up(self) -> None:
        """Break the connection, which wakes whoever reads from it."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class EventSocket:
    """A connection under a client id of its own, open from construction until it breaks or is closed.

    A socket is never reopened under the same id. When a connection breaks, the host removes the registration of its id
    only when it notices, and would then remove that of the successor too, which from there on hears nothing. A new
    id cannot be confused; jobs submitted under the old one are followed through the host's records.

    Args:
        address: the host.
        timeout: seconds to wait for the connection.
        deliver: called with every frame that concerns a job, from the reading thread.
        ended: called once when the connection is over, from the reading thread.

    Raises:
        OSError, websocket.WebSocketException: the connection cannot be made.
    """

    def __init__(
        self, address: HostAddress, timeout: float, deliver: Callable[[Frame], None], ended: Callable[[], None]
    ) -> None:
        self.client_id = uuid.uuid4().hex
        self.alive = True
        self._deliver = deliver
        self._ended = ended
        trusted = authorities()
        self._socket = _BoundedSocket(
            enable_multithread=True,
            skip_utf8_validation=True,  # json.loads validates it again, and faster.
            sslopt={"ca_cert_path" if Path(trusted).is_dir() else "ca_certs": trusted},
        )
        self._socket.settimeout(timeout)
        self._reader = threading.Thread(target=self._read, name="packshot-events", daemon=True)
        # The timeout is one for each byte of the handshake; this is one for the whole.
        late = threading.Timer(timeout, self._socket.hang_up)
        late.daemon = True
        late.start()
        try:
            self._socket.connect(  # type: ignore[no-untyped-call]
                f"{address.websocket}/ws?clientId={self.client_id}",
                header=[f"{name}: {value}" for name, value in address.headers.items()],
                suppress_origin=True,  # The host compares an Origin with its own name and refuses others.
                http_no_proxy=["*"] if address.loopback else None,
                redirect_limit=0,  # the credentials are for this host alone
            )
            self._socket.send(FEATURE_FLAGS)
        except (OSError, websocket.WebSocketException):
            self._socket.shutdown()  # type: ignore[no-untyped-call]
            raise
        finally:
            late.cancel()
        self._socket.settimeout(SILENCE)
        self._reader.start()

    def close(self) -> None:
        """End the connection; the host hears of it before this returns."""
        self.alive = False
        try:
            self._socket.settimeout(_GOODBYE)
            self._socket.send_close()
            self._reader.join(_GOODBYE)  # it ends when the host has ended the connection
        except (OSError, websocket.WebSocketException) as error:
            _log.debug("closing the event socket: %s", error)
        self._socket.hang_up()
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def _read(self) -> None:
        pinged = False
        try:
            while self.alive:
                try:
                    opcode, data = self._socket.recv_data(control_frame=True)
                except websocket.WebSocketTimeoutException:
                    if pinged:
                        _log.info("the event socket is silent and does not answer a ping; falling back to polling")
                        return
                    self._socket.ping()
                    pinged = True
                    continue
                pinged = False
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    return
                if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                    frame = parse_frame(data.decode(errors="replace") if opcode == websocket.ABNF.OPCODE_TEXT else data)
                    if frame is not None:
                        self._deliver(frame)
        except (OSError, ValueError, websocket.WebSocketException) as error:
            if self.alive:
                _log.info("the event socket broke (%s); falling back to polling", error)
        finally:
            self.alive = False
            self._ended()
