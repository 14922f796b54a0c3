"""The host's event socket: one connection, read by one thread, which hands on the frames that concern a job."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable

import websocket

from .http import HostAddress
from .protocol import FEATURE_FLAGS, Frame, parse_frame

_log = logging.getLogger(__name__)

SILENCE = 10.0  # Seconds without a frame after which the host is pinged; as long again without an answer is the end.


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
        self._socket = websocket.create_connection(
            f"{address.websocket}/ws?clientId={self.client_id}",
            timeout=timeout,
            header=[f"{name}: {value}" for name, value in address.headers.items()],
            suppress_origin=True,  # The host compares an Origin with its own name and refuses others.
            skip_utf8_validation=True,  # json.loads validates it again, and faster.
            enable_multithread=True,
            http_no_proxy=["*"] if address.loopback else None,
        )
        try:
            self._socket.send(FEATURE_FLAGS)
        except (OSError, websocket.WebSocketException):
            self.close()
            raise
        self._socket.settimeout(SILENCE)
        threading.Thread(target=self._read, name="packshot-events", daemon=True).start()

    def close(self) -> None:
        """End the connection; the host hears of it before this returns."""
        self.alive = False
        try:
            self._socket.close(timeout=1)
        except (OSError, websocket.WebSocketException) as error:
            _log.debug("closing the event socket: %s", error)

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
