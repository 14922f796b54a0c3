"""Files that rows name: beside the table, in the current folder, at an address."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from packshot.catalog.table import addresses as module_addresses
from packshot.catalog.table import photos as module
from packshot.catalog.table.addresses import NotNamed, Reach, split_addresses
from packshot.catalog.table.photos import PhotoPlaces, photos
from packshot.catalog.table.products import picture_texts
from packshot.catalog.table.read import read_table
from packshot.catalog.table.rows import ListCell
from packshot.errors import AddressRefused, CatalogInvalid, InputInvalid

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
            if self.path.startswith("/to?"):
                self.send_response(302)
                self.send_header("Location", self.path.partition("?")[2])
                self.end_headers()
                return
            late = self.path.startswith("/late") and asked[self.path] < 3
            self.send_response(503 if late else 404 if self.path.startswith("/gone") else 200)
            self.end_headers()
            while self.path == "/slow":
                self.wfile.write(b"x")
                time.sleep(0.05)
            self.wfile.write(b"a photograph")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def here(shop: str, **more: object) -> PhotoPlaces:
    """Places that allow this machine's own shop."""
    return PhotoPlaces(allow=(shop.removeprefix("http://"),), **more)  # type: ignore[arg-type]


def test_a_path_is_looked_for_beside_the_table_and_below_the_folders_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current, table, media = tmp_path / "here", tmp_path / "table", tmp_path / "media"
    for folder in (current, table, media):
        folder.mkdir()
        for name in ("mug.png", f"{folder.name}.png"):
            (folder / name).write_bytes(folder.name.encode())
    monkeypatch.chdir(current)
    address, absolute = (media / "media.png").as_uri(), str(media / "mug.png")
    texts = ["mug.png", "media.png", absolute, address, "here.png", "no such.png", "x" * 5000, "a\0b", ""]
    with photos(texts, PhotoPlaces(table, (str(media),))) as found:
        assert {text: path.read_bytes() for text, path in found.items()} == {
            "mug.png": b"table",
            "media.png": b"media",
            absolute: b"media",
            address: b"media",
        }


def test_what_the_owner_wrote_in_place_of_a_template_is_read_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ground.png").write_bytes(b"ground")
    literals = frozenset({"ground.png", str(tmp_path / "ground.png"), f"{shop}/ground.png"})
    with photos(sorted(literals), PhotoPlaces(literals=literals)) as found:
        assert {path.read_bytes() for path in found.values()} == {b"ground", b"a photograph"}
    for text in ("../ground.png", f"{shop}/other.png"):
        with pytest.raises(AddressRefused), photos([text], PhotoPlaces(literals=literals)):
            pass


@pytest.mark.parametrize(
    "text",
    [
        "/etc/passwd", "../secret.png", "album/../../secret.png", "file:///etc/passwd", "FILE:///etc/passwd",
        "link.png", "up/secret.png", ".ssh/key.png", "C:\\secret.png", "..\\secret.png", "\\\\nas\\secret.png",
        "../secret.png [output]", "/etc/passwd [temp]",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_folders_that_are_named(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "table"
    (folder / "album").mkdir(parents=True)
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "key.png").write_bytes(b"key")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "up").symlink_to(tmp_path)
    with pytest.raises(AddressRefused) as caught, photos([text], PhotoPlaces(folder, ("media",))):
        pass
    assert "--photos DIR" in caught.value.remedy


def test_a_link_may_lead_to_another_folder_that_is_named(tmp_path: Path) -> None:
    studio, disk = tmp_path / "studio", tmp_path / "disk"
    for folder in (studio, disk):
        folder.mkdir()
    (disk / "mug.png").write_bytes(b"on the disk")
    (studio / "spring").symlink_to(disk)
    with photos(["spring/mug.png"], PhotoPlaces(studio, (str(disk),))) as found:
        assert [path.read_bytes() for path in found.values()] == [b"on the disk"]


def test_an_address_is_fetched_and_kept_while_it_is_needed(shop: str) -> None:
    address = f"{shop}/cdn/mug.png?v=17"
    with photos([address], here(shop)) as found:
        path = found[address]
        assert (path.read_bytes(), path.suffix) == (b"a photograph", ".png")
    assert not path.exists()


def test_a_shop_that_is_busy_is_asked_again(shop: str) -> None:
    with photos([f"{shop}/late"], here(shop)) as found:
        assert [path.read_bytes() for path in found.values()] == [b"a photograph"]


def test_an_address_of_another_kind_is_fetched_below_a_root_of_that_kind_alone() -> None:
    with fsspec.open("memory://shop/my mug.png", "wb") as file:
        file.write(b"a photograph")
    with fsspec.open("memory://secret/mug.png", "wb") as file:
        file.write(b"a secret")
    places = PhotoPlaces(roots=("memory://shop",))
    for text in ("memory://shop/my mug.png", "my mug.png"):
        with photos([text], places) as found:
            assert found[text].read_bytes() == b"a photograph"
    for text in (
        "memory://secret/mug.png",
        "memory://shopping/mug.png",
        "memory://shop/../secret/mug.png",
        "memory://shop/x::memory://secret/mug.png",
        "simplecache::memory://shop/my mug.png",
    ):
        with pytest.raises(AddressRefused), photos([text], places):
            pass
    with pytest.raises(AddressRefused), photos(["memory://shop/my mug.png"], PhotoPlaces()):
        pass
    literal = "memory://secret/mug.png"
    with photos([literal], PhotoPlaces(literals=frozenset({literal}))) as found:
        assert found[literal].read_bytes() == b"a secret"


@pytest.mark.parametrize("address", ["/gone/mug.png", "http://[::bad", "http://a b.example/x"])
def test_an_address_without_a_file_is_the_row_s_fault_and_named(shop: str, address: str) -> None:
    address = f"{shop}{address}" if address.startswith("/") else address
    with pytest.raises(InputInvalid) as caught, photos([address], here(shop)):
        pass
    assert caught.value.place == address


def test_a_file_that_is_no_photograph_by_its_size_is_refused(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module, "LIMIT", 5)
        with pytest.raises(InputInvalid, match="larger than"), photos([f"{shop}/mug.png"], here(shop)):
            pass
    monkeypatch.setattr(module, "_ROW_BYTES", 30)
    texts = [f"{shop}/{number}.png" for number in range(4)]
    with photos(texts[:2], here(shop)) as found:
        assert len(found) == 2
    with pytest.raises(InputInvalid, match="too large together"), photos(texts, here(shop)):
        pass
    many = [f"{shop}/{number}.png" for number in range(65)]
    with pytest.raises(InputInvalid, match="more than 64 files"), photos(many, here(shop)):
        pass


def test_a_site_that_sends_a_byte_now_and_then_is_left(shop: str) -> None:
    with pytest.raises(InputInvalid, match="takes too long"), photos([f"{shop}/slow"], here(shop, seconds=0.5)):
        pass


def test_a_site_that_is_always_slow_is_not_asked_for_every_row(shop: str) -> None:
    places = here(shop, seconds=0.2)
    for _ in range(5):
        with pytest.raises(InputInvalid, match="takes too long"), photos([f"{shop}/slow"], places):
            pass
    seen.clear()
    with pytest.raises(InputInvalid, match="not asked again"), photos([f"{shop}/mug.png"], places):
        pass
    assert not seen


def test_this_machine_and_its_network_are_asked_only_where_they_are_allowed(shop: str) -> None:
    port = shop.rpartition(":")[2]
    refused = [
        f"{shop}/mug.png", f"http://localhost:{port}/", f"http://2130706433:{port}/", f"http://0x7f.1:{port}/",
        f"http://0177.0.0.1:{port}/", f"http://127.1:{port}/", f"http://[::1]:{port}/", f"//127.0.0.1:{port}/mug.png",
        f"http://[::ffff:127.0.0.1]:{port}/", f"http://[::ffff:7f00:1]:{port}/", f"http://0.0.0.0:{port}/",
        "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://[fe80::1]/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", f"http://evil.example@127.0.0.1:{port}/",
    ]  # fmt: skip
    for text in refused:
        with pytest.raises(AddressRefused) as caught, photos([text], PhotoPlaces()):
            pass
        assert "allow" in caught.value.remedy
    for allow in ("127.0.0.1", f"127.0.0.1:{port}", "127.0.0.0/8"):
        with photos([f"{shop}/mug.png"], PhotoPlaces(allow=(allow,))) as found:
            assert len(found) == 1
    for allow in ("127.0.0.1:1", "27.0.0.1", "localhost", "10.0.0.0/8", "0.0.1"):
        with pytest.raises(AddressRefused), photos([f"{shop}/mug.png"], PhotoPlaces(allow=(allow,))):
            pass
    with photos([f"{shop}/mug.png"], PhotoPlaces(roots=(f"{shop}/media",))) as found:
        assert len(found) == 1, "whoever names an address as a root has named its host"


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/x", "http://169.254.169.254/", "file:///etc/passwd"])
def test_a_redirection_is_held_to_what_is_allowed(shop: str, target: str) -> None:
    target = target.format(port=shop.rpartition(":")[2])
    with pytest.raises(AddressRefused), photos([f"{shop}/to?{target}"], here(shop)):
        pass


@pytest.mark.parametrize("target", ["gopher://127.0.0.1/", "memory://x", "//"])
def test_a_redirection_to_nothing_of_http_is_refused(shop: str, target: str) -> None:
    with pytest.raises((AddressRefused, InputInvalid)), photos([f"{shop}/to?{target}"], here(shop)):
        pass


def test_passwords_of_netrc_are_never_sent(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("default login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen.clear()
    with photos([f"{shop}/mug.png"], here(shop)):
        pass
    assert "Authorization" not in seen[0]


def test_an_address_without_a_scheme_or_with_one_in_capitals(shop: str) -> None:
    for text in (
        shop.removeprefix("http:") + "/mug.png",
        shop.replace("http", "HTTP") + "/mug.png",
        f" {shop}/mug.png ",
    ):
        with photos([text], here(shop)) as found:
            assert found[text].read_bytes() == b"a photograph"
            assert found[text].name == "mug.png", "the record of the picture names it"


def test_headers_go_to_their_own_site_and_not_where_it_redirects_to(shop: str) -> None:
    seen.clear()
    places = PhotoPlaces(
        allow=("127.0.0.1", "localhost"),
        headers={"127.0.0.1": {"X-Key": "secret"}, "0.0.1": {"X-Key": "below", "X-Other": "1"}},
    )
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
    texts = ["/w/h/x.jpg", "/w/h/other.jpg"]
    with photos(texts[:1], PhotoPlaces(roots=(str(media),))) as found:
        assert found["/w/h/x.jpg"].read_bytes() == b"local"
    with photos(texts, PhotoPlaces(roots=(str(media), f"{shop}/media/"))) as found:
        assert [found[text].read_bytes() for text in texts] == [b"local", b"a photograph"]


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


def test_no_redirection_leads_out_of_tls_but_to_a_host_that_is_named() -> None:
    secure, plain = (module_addresses._parse(f"{scheme}://cdn.example/") for scheme in ("https", "http"))
    with pytest.raises(NotNamed, match="plain HTTP"):
        module_addresses._redirected(secure, plain, Reach())
    assert module_addresses._redirected(secure, plain, Reach.of((), ["example"])) == plain
    assert module_addresses._redirected(plain, secure, Reach()) == secure


def test_the_places_of_a_table_at_an_address_hold_no_password(shop: str) -> None:
    with pytest.raises(CatalogInvalid) as caught:
        read_table(shop.replace("//", "//user:secret@") + "/table.csv?sig=secret")
    assert "secret" not in str(caught.value)
