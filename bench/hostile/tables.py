"""Hostile tables: addresses that lead astray, files that unpack without end, pictures that are none, long templates."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from packshot.catalog.planning.items import plan_items
from packshot.catalog.table.photos import PhotoPlaces, photos
from packshot.catalog.table.read import read_table
from packshot.compose.photograph import read_photograph
from packshot.errors import AddressRefused, PackshotError

from .probe import Probe

_SECRET = b"a secret of this machine"
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEADER = (
    b'<row r="1"><c r="A1" t="inlineStr"><is><t>sku</t></is></c><c r="B1" t="inlineStr"><is><t>title</t></is></c></row>'
)


def probes(folder: Path, full: bool = False) -> Iterator[Probe]:
    """Try what a product table from outside may hold.

    Args:
        full: also the files that take over 20 s to make.
    """
    with _site() as port:
        yield from _addresses(folder / "addresses", port)
        yield from _endless(port)
    yield from _pictures(folder / "pictures")
    yield from _tables(folder / "tables", full)
    yield from _templates(folder / "templates")


class _Site(BaseHTTPRequestHandler):
    """A service of this machine that a table should not reach, and a shop that sends without end."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        kind, _, rest = self.path.partition("?")
        self.send_response(302 if kind == "/to" else 200)
        if kind == "/to":
            self.send_header("Location", rest)
        self.end_headers()
        try:
            while kind == "/trickle":
                self.wfile.write(b"x")
                time.sleep(0.2)
            while kind == "/endless":
                self.wfile.write(b"sku,title\n" * 100_000)
            self.wfile.write(_SECRET)
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _site() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _addresses(folder: Path, port: int) -> Iterator[Probe]:
    table = folder / "table"
    for path in (table / "album", table / ".ssh"):
        path.mkdir(parents=True)
    for path in (folder / "secret.png", table / ".ssh" / "key.png", table / "mug.png", table / "album" / "mug.png"):
        path.write_bytes(_SECRET)
    (table / "link.png").symlink_to(folder / "secret.png")
    (table / "up").symlink_to(folder)
    (table / "same.png").symlink_to(table / "mug.png")
    with fsspec.open("memory://secret/mug.png", "wb") as file:
        file.write(_SECRET)
    for text in _astray(folder, port):
        yield _refused(text, PhotoPlaces(table, (str(table / "album"),)))
    site = f"http://127.0.0.1:{port}"
    for target in _redirections(port):
        yield _refused(f"{site}/to?{target}", PhotoPlaces(table, allow=(f"127.0.0.1:{port}",)))
    owned = {
        "mug.png": PhotoPlaces(table),
        "./album/../mug.png": PhotoPlaces(table),
        "same.png": PhotoPlaces(table),
        str(table / "mug.png"): PhotoPlaces(table),
        (table / "mug.png").as_uri(): PhotoPlaces(table),
        "/mug.png": PhotoPlaces(None, (str(table),)),
        "link.png": PhotoPlaces(table, (str(folder),)),
        f"{site}/mug.png": PhotoPlaces(allow=("127.0.0.1",)),
        f"{site}/mug.png?host": PhotoPlaces(allow=(f"127.0.0.1:{port}",)),
        f"{site}/mug.png?network": PhotoPlaces(allow=("127.0.0.0/8",)),
        f"{site}/mug.png?root": PhotoPlaces(roots=(f"{site}/media",)),
        "media.png": PhotoPlaces(roots=(f"{site}/media",)),
        f"{site}/mug.png?literal": PhotoPlaces(literals=frozenset({f"{site}/mug.png?literal"})),
        f"http://localhost:{port}/mug.png": PhotoPlaces(allow=("localhost",)),
        "memory://secret/mug.png": PhotoPlaces(roots=("memory://secret",)),
    }
    for text, places in owned.items():
        yield _read(text, places)


def _astray(folder: Path, port: int) -> list[str]:
    """Paths and addresses that no owner has named."""
    loopback = [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0.0.0.0", "0", "[::1]",
        "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "127.0.0.2", "LOCALHOST.",
        "user:password@127.0.0.1", "cdn.example@127.0.0.1", "127.0.0.1:80@127.0.0.1",
    ]  # fmt: skip
    private = [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "100.64.0.1",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255", "192.0.0.1", "198.18.0.1",
    ]  # fmt: skip
    return [
        *(f"http://{host}:{port}/" for host in loopback),
        *(f"http://{host}/latest/meta-data/" for host in private),
        f"//127.0.0.1:{port}/x.png", f"HTTP://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@cdn.example/", f"http:\\\\127.0.0.1:{port}/",
        "/etc/passwd", "../secret.png", "album/../../secret.png", "../../../../../../../../etc/passwd",
        "link.png", "up/secret.png", ".ssh/key.png", "/proc/self/environ", "/dev/zero", "C:\\Windows\\win.ini",
        "..\\secret.png", "\\\\nas\\share\\x.png", "../secret.png [output]", "/etc/passwd [input]",
        str(folder / "secret.png"), (folder / "secret.png").as_uri(), "file:///etc/passwd", "FILE:///etc/passwd",
        "file://localhost/etc/passwd", "file:///proc/self/environ", "file:///dev/zero", "local:///etc/passwd",
        "simplecache::file:///etc/passwd", "filecache::file:///etc/passwd", "blockcache::local:///etc/passwd",
        "memory://secret/mug.png", "simplecache::memory://secret/mug.png", "reference://x::file:///etc/passwd",
        "zip://passwd::file:///etc/x.zip", "ssh://user@127.0.0.1/etc/passwd", "sftp://127.0.0.1/etc/passwd",
        "ftp://127.0.0.1/x", "smb://127.0.0.1/share/x", "git:///etc:README.md", "github://a:b@/x", "dict://127.0.0.1/x",
        "gopher://127.0.0.1:6379/_INFO", "s3://bucket/x.png", "jar:file:///etc/x.jar", "ldap://127.0.0.1/",
    ]  # fmt: skip


def _redirections(port: int) -> list[str]:
    return [
        f"http://127.0.0.2:{port}/", "http://127.0.0.1:1/", f"http://localhost:{port}/", f"http://[::1]:{port}/",
        f"//127.0.0.2:{port}/", "http://169.254.169.254/", "http://10.0.0.1/", "file:///etc/passwd",
        "simplecache::file:///etc/passwd", "memory://secret/mug.png", "gopher://127.0.0.1/", f"/to?http://127.0.0.2:{port}/",
        "/to?" * 30,
    ]  # fmt: skip


def _refused(text: str, places: PhotoPlaces) -> Probe:
    """Whether a row that names it gets nothing, or, for a text that is no address, nothing of this machine."""
    asked = _Site.asked
    try:
        with photos([text], places) as files:
            leaked = any(path.read_bytes() for path in files.values())
        return Probe(f"address {text}", not leaked, "READ" if leaked else "left to the host as a name of its own")
    except PackshotError as error:
        reached = _Site.asked - asked > ("/to?" in text) * 31
        return Probe(f"address {text}", not reached, error.slug)


def _read(text: str, places: PhotoPlaces) -> Probe:
    try:
        with photos([text], places) as files:
            whole = [path.read_bytes() for path in files.values()] == [_SECRET]
        return Probe(f"named {text}", whole, "read" if whole else "NOT READ")
    except PackshotError as error:
        return Probe(f"named {text}", False, str(error))


def _endless(port: int) -> Iterator[Probe]:
    """Photographs and tables at addresses that never end, or send a byte now and then; and where tables redirect to."""
    site = f"http://127.0.0.1:{port}"
    for kind in ("endless", "trickle"):
        yield _fault(f"photograph {kind}", lambda kind=kind: _fetch(f"{site}/{kind}"))  # type: ignore[misc]
        yield _fault(f"table {kind}", lambda kind=kind: read_table(f"{site}/{kind}"))  # type: ignore[misc]
    for target in ("file:///etc/passwd", f"http://127.0.0.2:{port}/", "http://169.254.169.254/"):
        yield _fault(f"table to {target}", lambda target=target: read_table(f"{site}/to?{target}"))  # type: ignore[misc]


def _fetch(text: str) -> None:
    with photos([text], PhotoPlaces(allow=("127.0.0.1",))):
        pass


def _fault(name: str, attempt: Callable[[], object]) -> Probe:
    """Whether an attempt ends in an error with a slug."""
    try:
        attempt()
    except PackshotError as error:
        return Probe(name, True, error.slug)
    return Probe(name, False, "not refused")


def _pictures(folder: Path) -> Iterator[Probe]:
    """What lies beside a table under the name of a picture, and is none."""
    folder.mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "folder.png").mkdir()
    (folder / "text.png").write_bytes(b"root:x:0:0")
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "empty.png").touch()
    for path in sorted(folder.iterdir()):
        yield _fault(f"picture {path.name}", lambda path=path: read_photograph(path))  # type: ignore[misc]
    try:
        with photos(["device.png"], PhotoPlaces(folder)) as files:
            yield Probe("row device.png", not files, "READ")
    except AddressRefused as error:
        yield Probe("row device.png", True, error.slug)


def _tables(folder: Path, full: bool) -> Iterator[Probe]:
    """Tables that unpack, nest or widen without end: each is refused, or read within the bounds of the command."""
    folder.mkdir()
    for name, content in {**_texts(), **_binaries(), **(_large() if full else {})}.items():
        path = folder / name
        path.write_bytes(content())
        try:
            products = len(read_table(path).products)
            yield Probe(f"table {name}", True, f"read: {products} products")
        except PackshotError as error:
            yield Probe(f"table {name}", True, error.slug)
        path.unlink()


def _texts() -> Mapping[str, Callable[[], bytes]]:
    columns = {f"column {number}": "" for number in range(20_000)}
    return {
        "wide.jsonl": lambda: json.dumps({"sku": "A", "title": "Mug", **columns}).encode() + b'\n{"sku": "B"}\n',
        "widening.jsonl": lambda: b"".join(b'{"sku":"A","title":"t","c%d":""}\n' % n for n in range(16_000)),
        "wide.csv": lambda: ",".join(["sku", "title", *columns]).encode() + b"\nA,Mug\n",
        "rows.csv": lambda: b"sku,title\n" + b",\n" * 3_000_000,
        "lists.json": lambda: b'[{"sku":"A","title":"Mug","x":[' + b"[]," * 20_000_000 + b"1]}]",
        "objects.json": lambda: b"[" + b"{}," * 20_000_000 + b'{"sku":"A","title":"Mug"}]',
        "deep.json": lambda: b"[" * 1_000_000 + b"]" * 1_000_000,
        "deep.jsonl": lambda: b'{"sku":"A","title":' + b"[" * 100_000 + b"]" * 100_000 + b'}\n{"sku":"B"}\n',
        "deep-objects.jsonl": lambda: b'{"sku":"A","title":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}\n{}\n",
        "attributes.xml": lambda: b"<rss><item " + b" ".join(b'a%d=""' % n for n in range(2_000_000)) + b"/></rss>",
        "elements.xml": lambda: b"<rss><item>" + b"".join(b"<a%d>x</a%d>" % (n, n) for n in range(1_000_000)),
        "deep.xml": lambda: b"<rss><item>" + b"<a>" * 5_000_000,
        "deep-outside.xml": lambda: b"<a>" * 5_000_000,
        "comment.xml": lambda: b"<rss><!--" + b"x" * 30_000_000,
        "entities.xml": lambda: (
            b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><rss>' + b"&b;" * 100_000 + b"</rss>"
        ),
        "brackets.csv": lambda: b'sku,title,"' + b"[" * 300_000 + b'="\nA,Mug,x\n',
        "blanks.csv": lambda: b'sku,title,image\nA,Mug,"x' + b" " * 2_000_000 + b'y"\n',
        "lines.csv": lambda: b'sku,title,image\nA,Mug,"x' + b"\n" * 2_000_000 + b'y"\n',
        "quotes.tsv": lambda: b"sku\ttitle\tx\n" + b'"a\t"b\t"c\n' * 100_000,
    }


def _binaries() -> Mapping[str, Callable[[], bytes]]:
    empty = b"".join(b'<row r="%d"/>' % number for number in range(2, 3_000_000))
    return {
        "rows.xlsx": lambda: _workbook([_HEADER, empty]),
        "unnumbered.xlsx": lambda: _workbook([_HEADER, b"<row><c><v>1</v></c></row>" * 3_000_000]),
        "corner.xlsx": lambda: _workbook([_HEADER, b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>']),
        "strings.xlsx": lambda: _workbook([_HEADER], [b"<si><t/></si>" * 1_000_000] * 20),
        "unpacks.xlsx": lambda: _workbook([_HEADER], [b"<si><t>" + b"a" * (1 << 20) + b"</t></si>"] * 600),
        "columns.parquet": lambda: _parquet({f"c{number}": ["x"] for number in range(20_000)}),
        "rows.parquet": lambda: _parquet({"sku": pa.repeat("x", 30_000_000), "title": pa.repeat("y", 30_000_000)}),
    }


def _large() -> Mapping[str, Callable[[], bytes]]:
    return {
        "cells.csv": lambda: b"sku,title" + b",x" * 98 + b"\n" + (b"ab," * 99 + b"cd\n") * 190_000,
        "text.parquet": lambda: _parquet({"sku": ["a", "b"], "title": ["x" * 600_000_000, "z"]}),
    }


def _parquet(columns: Mapping[str, object]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), file, compression="zstd")
    return file.getvalue()


def _workbook(sheet: list[bytes], strings: list[bytes] | None = None) -> bytes:
    """An XLSX file of one sheet, of the parts of its XML."""
    relations = f'<Relationships xmlns="{_PACKAGE}/relationships">'
    parts = {
        "[Content_Types].xml": [
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'.encode()
            + b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            + b"</Types>"
        ],
        "_rels/.rels": [
            f'{relations}<Relationship Id="a" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'.encode(),
            b"</Relationships>",
        ],
        "xl/workbook.xml": [
            f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATIONS}"><sheets>'.encode(),
            b'<sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>',
        ],
        "xl/_rels/workbook.xml.rels": [
            f'{relations}<Relationship Id="a" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'.encode(),
            f'<Relationship Id="b" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'.encode(),
            b"</Relationships>",
        ],
        "xl/worksheets/sheet1.xml": [
            f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>'.encode(), *sheet, b"</sheetData></worksheet>",
        ],
        "xl/sharedStrings.xml": [f'<sst xmlns="{_SPREADSHEET}">'.encode(), *(strings or []), b"</sst>"],
    }  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in parts.items():
            with archive.open(name, "w") as part:
                for piece in pieces:
                    part.write(piece)
    return file.getvalue()


def _templates(folder: Path) -> Iterator[Probe]:
    """Short templates with a day of work in them, for a table of a hundred rows."""
    folder.mkdir()
    path = folder / "table.csv"
    path.write_text("sku,title,description\n" + "".join(f"S{n},Mug,{'<p>a' * 500}\n" for n in range(100)))
    table = read_table(path)
    turns, long = "{% for i in range(9999) %}", "{% for t in [range(9999)|join] %}{% for i in range(9999) %}"
    ends = {turns: "{% endfor %}", long: "{% endfor %}{% endfor %}"}
    bodies = {
        turns: [
            "{{ range(9999)|sort|first }}", "{{ range(9999)|map('string')|sort|first|length }}",
            "{{ range(9999)|max }}",
            "{% for j in range(9999) %}{% for k in range(9999) %}{% endfor %}{% endfor %}", "{{ product.body|length }}",
            "{{ 1 if range(9999)|select('in', range(9999)|list)|list }}", "{{ row|dictsort|length }}",
            "{{ 1 if range(9999)|select('none')|first is defined }}", "{{ product.body_html|striptags|length }}",
        ],
        long: [
            "{{ 1 if t.strip(t) }}", "{{ t.split('1')|length }}", "{{ 1 if 'zz' in t }}", "{{ (t ~ t)|length }}",
            "{{ t[::-1]|length }}", "{{ t|title|length }}", "{{ t|replace('1', '2')|length }}", "{{ 1 if t == t[:] }}",
        ],
    }  # fmt: skip
    for opening, inner in bodies.items():
        for body in inner:
            template = opening + body + ends[opening]
            yield _fault(
                f"template {body}",
                lambda template=template: plan_items(  # type: ignore[misc]
                    table, {"prompt": template}, None, base_seed=0, per_variant=False
                ),
            )
