"""Files that rows name: beside the table, in the current folder, at an address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from packshot.catalog.table import photos as module
from packshot.catalog.table.addresses import split_addresses
from packshot.catalog.table.photos import PhotoPlaces, photos
from packshot.catalog.table.products import picture_texts
from packshot.catalog.table.rows import ListCell
from packshot.errors import InputInvalid

seen: list[dict[str, str]] = []


@pytest.fixture
def shop() -> Iterator[str]:
    """A web shop whose pictures are there, gone, moved to another site, or there at the third request."""
    asked: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] = asked.get(self.path, 0) + 1
            seen.append(dict(self.headers.items()))
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/mug.png")
                self.end_headers()
                return
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
    with photos(["mug.png", "lamp.png", "no such.png", "x" * 5000, "a\0b", "", absolute], PhotoPlaces(table)) as found:
        assert {text: path.read_bytes() for text, path in found.items()} == {
            "mug.png": b"beside the table",
            "lamp.png": b"here",
            absolute: b"here",
        }


def test_an_address_is_fetched_and_kept_while_it_is_needed(shop: str) -> None:
    address = f"{shop}/cdn/mug.png?v=17"
    with photos([address], PhotoPlaces()) as found:
        path = found[address]
        assert (path.read_bytes(), path.suffix) == (b"a photograph", ".png")
    assert not path.exists()


def test_a_shop_that_is_busy_is_asked_again(shop: str) -> None:
    with photos([f"{shop}/late"], PhotoPlaces()) as found:
        assert [path.read_bytes() for path in found.values()] == [b"a photograph"]


def test_an_address_of_any_file_system_is_fetched() -> None:
    with fsspec.open("memory://shop/mug.png", "wb") as file:
        file.write(b"a photograph")
    with photos(["memory://shop/mug.png"], PhotoPlaces()) as found:
        assert found["memory://shop/mug.png"].read_bytes() == b"a photograph"


@pytest.mark.parametrize("address", ["/gone/mug.png", "memory://nothing/mug.png", "odd://mug.png", "http://[::bad"])
def test_an_address_without_a_file_is_the_row_s_fault_and_named(shop: str, address: str) -> None:
    address = f"{shop}{address}" if address.startswith("/") else address
    with pytest.raises(InputInvalid) as caught, photos([address], PhotoPlaces()):
        pass
    assert caught.value.place == address


def test_a_file_that_is_no_photograph_by_its_size_is_refused(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 5)
    with pytest.raises(InputInvalid, match="larger than"), photos([f"{shop}/mug.png"], PhotoPlaces()):
        pass


def test_an_address_without_a_scheme_or_with_one_in_capitals(shop: str) -> None:
    for text in (
        shop.removeprefix("http:") + "/mug.png",
        shop.replace("http", "HTTP") + "/mug.png",
        f" {shop}/mug.png ",
    ):
        with photos([text], PhotoPlaces()) as found:
            assert found[text].read_bytes() == b"a photograph"
            assert found[text].name == "mug.png", "the record of the picture names it"


def test_headers_go_to_their_own_site_and_not_where_it_redirects_to(shop: str) -> None:
    seen.clear()
    places = PhotoPlaces(headers={"127.0.0.1": {"X-Key": "secret"}, "0.0.1": {"X-Key": "below", "X-Other": "1"}})
    with photos([f"{shop}/moved"], places) as found:
        assert [path.read_bytes() for path in found.values()] == [b"a photograph"]
    asked, followed = seen
    assert (asked["X-Key"], asked["X-Other"]) == ("secret", "1")
    assert "X-Key" not in followed
    assert asked["User-Agent"].startswith("Packshot/")


def test_a_path_below_a_media_folder_or_address(shop: str, tmp_path: Path) -> None:
    """Magento names a picture by its place below the shop's media folder."""
    media = tmp_path / "media"
    (media / "w" / "h").mkdir(parents=True)
    (media / "w" / "h" / "x.jpg").write_bytes(b"local")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    texts = ["/w/h/x.jpg", "/w/h/other.jpg", "../secret.jpg"]
    with photos(texts[:1], PhotoPlaces(roots=(str(media),))) as found:
        assert found["/w/h/x.jpg"].read_bytes() == b"local"
    with photos(["../secret.jpg"], PhotoPlaces(roots=(str(media),))) as found:
        assert not found, "no link and no .. leads out of a root"
    with photos(texts[:2], PhotoPlaces(roots=(str(media), f"{shop}/media/"))) as found:
        assert [found[text].read_bytes() for text in texts[:2]] == [b"local", b"a photograph"]


CELLS = {
    "https://a/x.jpg": ["https://a/x.jpg"],
    "https://a/x.jpg, https://a/y.jpg": ["https://a/x.jpg", "https://a/y.jpg"],
    "https://a/x.jpg,https://a/y.jpg": ["https://a/x.jpg", "https://a/y.jpg"],
    "https://a/x.jpg;//b/y.jpg|HTTP://c/z.jpg": ["https://a/x.jpg", "//b/y.jpg", "HTTP://c/z.jpg"],
    "https://a/x.jpg\nhttps://a/y.jpg": ["https://a/x.jpg", "https://a/y.jpg"],
    "https://a/w_300,h_300/x.jpg": ["https://a/w_300,h_300/x.jpg"],
    "https://a/w_300\\,h_300/x.jpg, https://a/y.jpg": ["https://a/w_300,h_300/x.jpg", "https://a/y.jpg"],
    "https://a/x.jpg?a=1&amp;b=2;https://a/y.jpg": ["https://a/x.jpg?a=1&b=2", "https://a/y.jpg"],
    "x.jpg, y.PNG": ["x.jpg", "y.PNG"],
    "/w/h/x.jpg|/w/h/y.jpg": ["/w/h/x.jpg", "/w/h/y.jpg"],
    "mug, red.jpg": ["mug, red.jpg"],
    "[1].jpg": ["[1].jpg"],
    "file:///srv/a.jpg;s3://b/c.jpg": ["file:///srv/a.jpg", "s3://b/c.jpg"],
    " ; , ": [],
    "": [],
}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_names_several_pictures(cell: str) -> None:
    assert list(split_addresses(cell)) == CELLS[cell]


def test_a_list_of_pictures_is_not_taken_apart_again() -> None:
    assert picture_texts('["https://a/x.jpg", "https://a/y,z.jpg"]') == ("https://a/x.jpg", "https://a/y,z.jpg")
    assert picture_texts(ListCell.of("[…]", ["red, mug.jpg", " ", "?a=1&amp;b=2"])) == ("red, mug.jpg", "?a=1&b=2")
