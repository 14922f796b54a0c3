"""Requests of other sites' pages, of names that lead here, and run folders that somebody else has filled.

They go to a real host over real sockets, with the headers that browsers send and those that they cannot.
"""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from _common import bench_host

from hostile.probe import Probe
from packshot.catalog.known_runs import run_id
from packshot.catalog.ledger.database import FILE_NAME
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.ledger.reading import RUNS_VARIABLE
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan

JSON = {"Content-Type": "application/json"}
TOKEN_HEADER = "X-Packshot-Token"
SHA256 = "a" * 64
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
_PATIENCE = 60.0  # seconds for an answer

READS = ("boot", "runs", "brands", "memory", "cards/starter", "inputs/x.png/sha256", "weights?name=x",
         "runs/{run}/items", "runs/{run}/files/index.html")  # fmt: skip
VERDICT = {"item": "i0", "sha256": SHA256, "verdict": "approved", "reason": ""}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "runs/{run}/verdict": VERDICT,
    "unload": {},
    "workflow/release": {"workflow": {}, "name": "x"},
    "workflow/app": {"workflow": {}},
    "workflow/contract": {"workflow": {}},
    "brands/aldern-quay/check": {"type": "output", "filename": "x.png"},
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a host answers: the status, 0 where there was no answer in time; headers in lower case; the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Site:
    """A host that is attacked: where it is, and the token of its start."""

    address: str
    port: int
    token: str = ""

    @property
    def authority(self) -> str:
        """What ``Host`` says of it."""
        return f"{self.address}:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        host: str | None = None,
        patience: float = _PATIENCE,
    ) -> Answered:
        """Send one request, byte for byte as it is written.

        Args:
            path: below ``/packshot/``; from the root where it begins with a slash.
            host: instead of the right name; empty for no ``Host`` at all.
        """
        connection = http.client.HTTPConnection(self.address, self.port, timeout=patience)
        try:
            connection.putrequest(method, path if path.startswith("/") else f"/packshot/{path}", True, True)
            if host != "":
                connection.putheader("Host", host or self.authority)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            headers_seen = {name.casefold(): value for name, value in response.getheaders()}
            return Answered(response.status, headers_seen, response.read())
        except (OSError, http.client.HTTPException) as error:
            return Answered(0, body=repr(error).encode())
        finally:
            connection.close()


def open_site(url: str) -> Site:
    """Find a host's address and token."""
    parts = urlsplit(url)
    site = Site(str(parts.hostname), int(parts.port or 80))
    return Site(site.address, site.port, str(json.loads(site.ask("GET", "boot").body)["token"]))


def foreign_requests(site: Site) -> Iterator[tuple[str, str, Mapping[str, str], str | None]]:
    """Headers that no page of the host sends: what they are, the methods that they are tried with, and ``Host``."""
    own, port = site.authority, site.port
    names = [
        f"evil.example:{port}",
        "evil.example",
        f"localhost.evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"evil.localhost:{port}",
        f"203.0.113.9:{port}",
        f"192.168.77.9:{port}",
        f"0.0.0.0:{port}",
        f"2130706433:{port}",
        f"0x7f.1:{port}",
        f"[2001:db8::1]:{port}",
        f"127.0.0.1@evil.example:{port}",
        f"{own}/evil.example",
        f"{own}:1",
        "127.0.0.1:99999",
        f"{own}, evil.example",
        "",
    ]
    for name in names:
        yield f"rebound to '{name}'", "GET POST", {}, name
        yield f"rebound to '{name}', same-origin", "GET POST", {"Sec-Fetch-Site": "same-origin"}, name
        yield f"rebound to '{name}' with its origin", "GET POST", {"Origin": f"http://{name}"}, name
    origins = [
        "http://evil.example",
        "null",
        "",
        f"https://{own}",
        f"http://{site.address}:{port + 1}",
        f"http://{site.address}",
        f"http://{own}.evil.example",
        f"http://evil.example@{own}",
        f"http://{own}@evil.example",
        f"http://{own}/",
        f"http://{own}#",
        f"ws://{own}",
        f"file://{own}",
        f"http://{own} http://evil.example",
        f"http://[::ffff:127.0.0.1]:{port + 1}",
        f"http://localhost:{port}",
    ]
    for origin in origins:
        yield f"origin '{origin}'", "GET POST", {"Origin": origin}, None
        both = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        yield f"origin '{origin}' that says same-origin", "GET POST", both, None
        program = {"Origin": origin, "Sec-Packshot-Program": "1"}
        yield f"origin '{origin}' that says program", "GET POST", program, None
    for value in ("cross-site", "same-site", "", "same-origin, cross-site", "SAME-SITE", "none, same-origin"):
        yield f"fetch metadata '{value}'", "GET POST", {"Sec-Fetch-Site": value}, None
    yield "an address that was typed", "POST", {"Sec-Fetch-Site": "none"}, None


def tokenless_requests(site: Site) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Headers of requests that are to change something, and do not prove that they may."""
    yield "no headers at all", {}
    yield "a page of its own without the token", {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{site.authority}"}
    for name, value in (("empty", ""), ("guessed", "0" * len(site.token)), ("cut", site.token[:-1]), ("é", "é")):
        yield f"token: {name}", {TOKEN_HEADER: value}
    yield "token twice", {TOKEN_HEADER: f"{site.token}, {site.token}"}


PATHS = (
    "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/ledger.sqlite", "....//....//etc/passwd", "//etc/passwd", "%2fetc%2fpasswd",
    "pictures/..%2f..%2fledger.sqlite", "pictures//..//ledger.sqlite", "pictures/../ledger.sqlite", "ledger.sqlite",
    "ledger.sqlite-wal", "LEDGER.SQLITE", "ledger.sqlite%20", "ledger.sqlite.", "ledger.sqlite%00.png", "x%00.png",
    "C:%5cwindows%5cwin.ini", "..%5c..%5cx.png", "CON", "con.png", "NUL.png", "aux.png", "COM1.png", "lpt9.jpg",
    "pictures/con.png", "conin$.png", "index.html::$DATA", "x.png:stream", ".hidden.png", ".stage/x.png", "%0a.png",
    "x%0d%0aSet-Cookie:a.png", "%1b[31m.png", "x%7f.png", "%c0%ae%c0%ae/etc/passwd", "%ff%fe.png", "out.png",
    "inner.png", "folder-link/hostname.png", "loop.png", "pipe.png", "script.svg", "page.htm", "index.html.js",
    "pictures", "pictures/", "sub/index.html", "x" * 5000 + ".png", "a/" * 2000 + "x.png",
)  # fmt: skip


def plant_run(folder: Path) -> Path:
    """Make a run with a picture that was made, and with everything beside it that somebody might put there."""
    with Ledger(folder, create=True) as ledger:
        ledger.record_facts({"brand": {"name": "pages"}, "workflow": {"name": "w", "version": "1"}})
        items = [
            Item(f"S{n}", "", f"i{n}", f"Mug {n}", f"i{n}", {"prompt": "mug"}, n, f"row {n}", {}) for n in range(3)
        ]
        write_plan(ledger, Plan(tuple(items), ()))
        ledger.begin("i0", "p0", "http://h")
        ledger.accept("p0", "pictures/i0.png", SHA256, 1.5)
    for name in ("pictures", "sub", ".stage"):
        (folder / name).mkdir()
    page = "<!doctype html><title>quiet</title><script>document.title = 'RAN'</script><img src=/packshot/runs>"
    for name in ("index.html", "page.html", "sub/index.html", "page.htm", "index.html.js", "script.svg"):
        (folder / name).write_text(page)
    for name in ("pictures/i0.png", ".hidden.png", ".stage/x.png", "con.png", "pictures/con.png", "data.csv"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "out.png").symlink_to("/etc/hostname")
    (folder / "inner.png").symlink_to(FILE_NAME)
    (folder / "folder-link").symlink_to("/etc")
    (folder / "loop.png").symlink_to("loop.png")
    return folder


def _blank(db: sqlite3.Connection) -> None:
    """Make the three tables as a stranger might: of any types, and without a constraint."""
    db.execute("CREATE TABLE run (key, value)")
    db.execute("CREATE TABLE items (position, item_id, sku, variant, title, inputs, seed, state, error, file, sha256)")
    db.execute("CREATE TABLE attempts (prompt_id, item_id, outcome, host, reason, started, ended, seconds)")


def write_rows(folder: Path, rows: int) -> Path:
    """Make a run's folder with a ledger of so many items in it, of 200 bytes each."""
    numbers = f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {rows})"
    text = "hex(zeroblob(100))"
    items = f"INSERT INTO items {numbers} SELECT x, x, {text}, '', '', '{{}}', x, 'done', '', '', '' FROM c"
    return write_ledger(folder, (items,))


# What a stranger's ledger holds. The host either refuses it, or shows what is there; it answers in time.
LEDGERS: Mapping[str, tuple[str, ...]] = {
    "endless view as items": (
        "DROP TABLE items",
        f"CREATE VIEW items AS {ENDLESS} SELECT x AS item_id, '' AS state FROM c",
    ),
    "endless view as run": ("DROP TABLE run", f"CREATE VIEW run AS {ENDLESS} SELECT x AS key, x AS value FROM c"),
    "trigger": ("CREATE TRIGGER t AFTER UPDATE ON items BEGIN DELETE FROM run; END",),
    "generated column": (
        "DROP TABLE items",
        "CREATE TABLE items (position, item_id, sku, variant, title, inputs, seed, state, error, file,"
        " sha256 AS (hex(zeroblob(10000000))))",
        "INSERT INTO items VALUES (0, 'x', '', '', '', '{}', 1, 'done', '', 'x.png')",
    ),
    "virtual table": ("DROP TABLE run", "CREATE VIRTUAL TABLE run USING fts5(key, value)"),
    "schema that lies": (
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = 'CREATE VIEW items AS {ENDLESS} SELECT x FROM c' WHERE name = 'items'",
    ),
    "no table": ("DROP TABLE items",),
    "blobs": (
        "INSERT INTO items VALUES (x'00', x'ff', x'fe', x'fd', x'fc', x'fb', x'fa', x'f9', x'f8', x'f7', x'f6')",
    ),
    "lists in place of objects": (
        "INSERT INTO run VALUES ('brand', '[1]'), ('table', '3'), ('workflow', 'null')",
        "INSERT INTO items VALUES (0, 'x', 1, 2, 3, '[]', 'seed', 'done', '[[]]', 4, 5)",
    ),
    "deep JSON": (
        "INSERT INTO run VALUES ('brand', replace(hex(zeroblob(200000)), '00', '['))",
        "INSERT INTO items (item_id, state, inputs) VALUES ('x', 'done', replace(hex(zeroblob(200000)), '00', '['))",
    ),
    "a number of 10,000 digits": ("INSERT INTO run VALUES ('brand', replace(hex(zeroblob(10000)), '00', '9'))",),
    "infinite": (
        "INSERT INTO items VALUES (0, 'x', '', '', '', '{\"a\": 1e999}', 1, 'done', '', '', '')",
        "INSERT INTO attempts VALUES ('p', 'x', 'open', '', '', 9e999, -9e999, 9e999)",
    ),
    "not Unicode": ("INSERT INTO items VALUES (0, CAST(x'ff' AS TEXT), '', '', '', '{}', 1, 'done', '', '', '')",),
    "a picture elsewhere": (
        "INSERT INTO items VALUES (0, 'x', '', '', '', '{}', 1, 'done', '', '../../../../queue', 'x')",
        "INSERT INTO items VALUES (1, 'y', '', '', '', '{}', 1, 'done', '', '/etc/passwd', 'x')",
    ),
    "a text of 100 MB": ("INSERT INTO run VALUES ('brand', hex(zeroblob(50000000)))",),
}


def write_ledger(folder: Path, statements: tuple[str, ...]) -> Path:
    """Make a run's folder with a stranger's ledger in it."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        _blank(db)
        for statement in statements:
            db.execute(statement)
        db.commit()
    return folder


def refused(answered: Answered) -> bool:
    """Tell whether a request was refused, by us or by core, and not merely failed."""
    return answered.status in (400, 401, 403, 404, 413, 415, 431)


def refusal_probes(site: Site, run: Path) -> Iterator[Probe]:
    """Send each request that is to be refused to all routes that show something, and to all that change something."""
    for name, methods, headers, host in foreign_requests(site):
        statuses = []
        for method in methods.split():
            paths = READS if method == "GET" else CHANGES
            for path in paths:
                body = None if method == "GET" else json.dumps(CHANGES[path]).encode()
                more = {} if method == "GET" else {**JSON, TOKEN_HEADER: site.token}
                statuses.append(site.ask(method, path.format(run=run_id(run)), {**more, **headers}, body, host))
        # Core's own guard fails (500), before any route is asked, where an origin is none.
        closed = all(refused(answered) or answered.status == 500 for answered in statuses)
        held = closed and not (run / "approvals.json").exists()
        yield Probe(f"page: {name}", held, f"{len(statuses)} requests: {_statuses(statuses)}")
    for name, token in tokenless_requests(site):
        statuses = [
            site.ask("POST", path.format(run=run_id(run)), {**JSON, **token}, json.dumps(content).encode())
            for path, content in CHANGES.items()
        ]
        held = all(answered.status in (401, 403) for answered in statuses) and not (run / "approvals.json").exists()
        yield Probe(f"change: {name}", held, f"{len(statuses)} requests: {_statuses(statuses)}")


def _statuses(answers: list[Answered]) -> str:
    return ", ".join(map(str, sorted({answered.status for answered in answers})))


def path_probes(site: Site, run: Path) -> Iterator[Probe]:
    """Ask for what is no picture and no report of a run."""
    for path in PATHS:
        answered = site.ask("GET", f"runs/{run_id(run)}/files/{path}")
        yield Probe(f"path: {path[:40]}", refused(answered), f"answered {answered.status}")


def _write_ledgers(folder: Path, *, full: bool) -> dict[str, Path]:
    runs = {
        name: write_ledger(folder / f"ledger{number}", statements)
        for number, (name, statements) in enumerate(LEDGERS.items())
    }
    runs["rows without end"] = write_rows(folder / "rows", 2_000_000 if full else 400_000)
    return runs


def ledger_probe(site: Site, run: Path, name: str) -> Probe:
    """Look at a run, at the list of all, and at a route that has nothing to do with them; each answers in time."""
    begun = time.monotonic()
    answers = [site.ask("GET", path) for path in (f"runs/{run_id(run)}/items", "runs", "memory")]
    first = answers[0]
    held = first.status in (200, 400) and [answered.status for answered in answers[1:]] == [200, 200]
    if first.status == 200:
        files = [item["file"] for item in json.loads(first.body)["items"]]
        held = held and not any(file.startswith(("/", "..")) for file in files)
    return Probe(name, held, f"answered {first.status} in {time.monotonic() - begun:.1f} s")


def page_probes(site: Site, run: Path) -> Iterator[Probe]:
    """Ask for a page, a download and a picture that somebody else has put into a run's folder."""
    base = f"runs/{run_id(run)}/files"
    page = site.ask("GET", f"{base}/index.html")
    policy = page.headers.get("content-security-policy", "")
    held = "sandbox" in policy and "allow-scripts" not in policy and page.headers["x-content-type-options"] == "nosniff"
    yield Probe("planted page: runs no script", page.status == 200 and held, policy[:80])
    for name in ("page.html", "data.csv"):
        answered = site.ask("GET", f"{base}/{name}")
        held = answered.headers.get("content-disposition") == "attachment" and answered.status == 200
        yield Probe(f"planted {name}: a download", held, answered.headers.get("content-type", ""))
    picture = site.ask("GET", f"{base}/pictures/i0.png")
    held = "sandbox" in picture.headers["content-security-policy"]
    yield Probe("picture: sandboxed, not sniffed", held and picture.headers["x-content-type-options"] == "nosniff", "")


def planted_probes(site: Site, run: Path) -> Iterator[Probe]:
    """Upload a run, as anybody may who reaches the host."""
    ledger = run / FILE_NAME
    for name, content in ((FILE_NAME, ledger.read_bytes()), ("index.html", b"<script>1</script>")):
        head = f'Content-Disposition: form-data; name="image"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
        fields = "".join(
            f'\r\n--X\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}'
            for key, value in (("type", "output"), ("subfolder", "planted"), ("overwrite", "true"))
        )
        body = f"--X\r\n{head}".encode() + content + f"{fields}\r\n--X--\r\n".encode()
        site.ask("POST", "/upload/image", {"Content-Type": "multipart/form-data; boundary=X"}, body)
    listed = [run["folder"] for run in json.loads(site.ask("GET", "runs").body)["runs"]]
    yield Probe("uploaded folder: is no run", "planted" not in listed and run.name in listed, f"{len(listed)} runs")


def changed_probes(site: Site, run: Path) -> Iterator[Probe]:
    """Look at a run, and see whether that changed when it last changed."""

    def changed() -> float:
        rows = json.loads(site.ask("GET", "runs").body)["runs"]
        return float(next(row["changed"] for row in rows if row["id"] == run_id(run)))

    before = changed()
    site.ask("GET", f"runs/{run_id(run)}/items")
    yield Probe("time of a run: not that of looking", before == changed(), f"{before:.0f}")


def probes(folder: Path, full: bool = False) -> Iterator[Probe]:
    """Attack a managed host of its own, with runs of a temporary folder that it knows.

    Args:
        full: with a ledger of two million rows.
    """
    run, ledgers = plant_run(folder / "run"), _write_ledgers(folder, full=full)
    # Not in the user's own list: it holds a hundred.
    os.environ[RUNS_VARIABLE] = os.pathsep.join(map(str, [run, *ledgers.values()]))
    with bench_host() as host:
        site = open_site(host.url)
        yield from changed_probes(site, run)
        yield from refusal_probes(site, run)
        yield from path_probes(site, run)
        yield from page_probes(site, run)
        for name, ledger in ledgers.items():
            yield ledger_probe(site, ledger, f"ledger: {name}")
        yield from planted_probes(site, run)
