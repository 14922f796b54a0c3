"""Files that rows name: beside the table, in the current folder, at an address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from packshot.catalog.table import photos as module
from packshot.catalog.table.photos import photos
from packshot.errors import InputInvalid


@pytest.fixture
def shop() -> Iterator[str]:
    """The address of a web shop whose pictures are there, gone, or there at the third request."""
    asked: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] = asked.get(self.path, 0) + 1
            late = self.path.startswith("/late") and asked[self.path] < 3
            self.send_response(503 if late else 404 if self.path.startswith("/gone") else 200)
            self.end_headers()
            self.wfile.write(b"a photograph")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_path_is_looked_for_beside_the_table_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, table = tmp_path / "here", tmp_path / "table"
    for folder in (here, table):
        folder.mkdir()
    monkeypatch.chdir(here)
    (here / "mug.png").write_bytes(b"here")
    (here / "lamp.png").write_bytes(b"here")
    (table / "mug.png").write_bytes(b"beside the table")
    absolute = str(here / "lamp.png")
    with photos(["mug.png", "lamp.png", "no such.png", "x" * 5000, "a\0b", "", absolute], table) as found:
        assert {text: path.read_bytes() for text, path in found.items()} == {
            "mug.png": b"beside the table",
            "lamp.png": b"here",
            absolute: b"here",
        }


def test_an_address_is_fetched_and_kept_while_it_is_needed(shop: str) -> None:
    address = f"{shop}/cdn/mug.png?v=17"
    with photos([address], None) as found:
        path = found[address]
        assert (path.read_bytes(), path.suffix) == (b"a photograph", ".png")
    assert not path.exists()


def test_a_shop_that_is_busy_is_asked_again(shop: str) -> None:
    with photos([f"{shop}/late"], None) as found:
        assert [path.read_bytes() for path in found.values()] == [b"a photograph"]


def test_an_address_of_any_file_system_is_fetched() -> None:
    with fsspec.open("memory://shop/mug.png", "wb") as file:
        file.write(b"a photograph")
    with photos(["memory://shop/mug.png"], None) as found:
        assert found["memory://shop/mug.png"].read_bytes() == b"a photograph"


@pytest.mark.parametrize("address", ["/gone/mug.png", "memory://nothing/mug.png", "odd://mug.png", "http://[::bad"])
def test_an_address_without_a_file_is_the_row_s_fault_and_named(shop: str, address: str) -> None:
    address = f"{shop}{address}" if address.startswith("/") else address
    with pytest.raises(InputInvalid) as caught, photos([address], None):
        pass
    assert caught.value.place == address


def test_a_file_that_is_no_photograph_by_its_size_is_refused(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 5)
    with pytest.raises(InputInvalid, match="larger than"), photos([f"{shop}/mug.png"], None):
        pass
