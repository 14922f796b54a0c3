"""How a run reaches the hosts that it was planned for."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from packshot import CatalogRun, PackshotError
from packshot.paths import shipped

TABLE = shipped("examples") / "catalogs" / "aldern-quay.csv"


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that lets nobody in, and the credentials that it was shown."""
    shown: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_planned_host_gets_the_credentials_of_its_address_and_nothing_keeps_them(
    refusing: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, shown = refusing
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(TABLE, hosts=[f"http://ann:secret@{address}"], limit=1)
        with pytest.raises(PackshotError):
            run.run()
        assert run.planned_hosts == [f"http://{address}"]
    assert shown
    assert set(shown) == {"Basic " + base64.b64encode(b"ann:secret").decode()}
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"secret" not in written
