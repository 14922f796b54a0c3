"""A finished run that somebody changes afterwards, and secrets, keys, cells and signers that are not what they seem."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostile.probe import Probe
from packshot import CatalogRun
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.ledger.verdicts import say
from packshot.catalog.runner.station import row_hash
from packshot.errors import KeyRefused, PackshotError
from packshot.private_file import read_private
from packshot.secrets import inert_cell, printable, public_address

_HOMES = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
_ITEMS = [f"S{number}" for number in range(1, 9)]
_TARGET = "S7"

Tamper = Callable[[Path], object]


@contextlib.contextmanager
def user_of(home: Path) -> Iterator[None]:
    """Be a user with settings, state and cache folders of his own while the block lasts."""
    before = {name: os.environ.get(name) for name in _HOMES}
    for name in _HOMES:
        os.environ[name] = str(home / name)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def finished_run(folder: Path, table: Path | None = None) -> Path:
    """Make a run of eight items that are done, as the runner does, without a host; the pictures are a few bytes."""
    if table is None:
        table = folder.with_name("table.csv")
        table.write_text("SKU,Title\n" + "".join(f"{item},Thing {item}\n" for item in _ITEMS))
    with CatalogRun(folder, create=True) as run:
        run.plan(str(table))
        for item_id in run.ledger.pending():
            accept(run, item_id)
        run.report()
    return folder


def accept(run: CatalogRun, item_id: str) -> None:
    """Give an item a picture, and write each step down as the runner does."""
    ledger, job = run.ledger, str(uuid.uuid4())
    item, workflow = ledger.item(item_id), run.workflows()[""].sha256
    audit = {"row": row_hash(item, workflow), "workflow": workflow, "graph": "0" * 64, "inputs": {}}
    ledger.begin(item_id, job, "http://127.0.0.1:8188", boot="b", change={}, audit=audit)
    content = f"picture of {item_id}, {job}".encode()
    sha256, file = hashlib.sha256(content).hexdigest(), f"pictures/{item.name}.png"
    outputs = [{"name": "image", "kind": "image", "file": file, "sha256": sha256}]
    sidecar = json.dumps({"item_id": item_id, "outputs": outputs, "seed": item.seed})

    def publish() -> None:
        (run.folder / "pictures").mkdir(exist_ok=True)
        (run.folder / file).write_bytes(content)
        (run.folder / file).with_suffix(".json").write_text(sidecar)

    record = {"outputs": [sha256], "record": hashlib.sha256(sidecar.encode()).hexdigest()}
    ledger.accept(job, file, sha256, 1.0, audit=record, publish=publish)


# -- what a tamperer does ----------------------------------------------------------------------------------------------


def _bytes(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]


def _chain(folder: Path, records: list[dict[str, Any]], *, head: bool = True) -> None:
    """Write an audit anew with a whole chain, and its end into the ledger."""
    previous, text = "0" * 64, b""
    for number, record in enumerate(records, 1):
        plain = {name: value for name, value in record.items() if name != "hash"} | {"seq": number, "prev": previous}
        previous = hashlib.sha256(_bytes(plain)).hexdigest()
        text += _bytes({**plain, "hash": previous}) + b"\n"
    (folder / "audit.jsonl").write_bytes(text)
    if head:
        value = json.dumps({"seq": len(records), "hash": previous})
        _sql(folder, "UPDATE run SET value = ? WHERE key = 'audit'", value)


def _sql(folder: Path, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.execute(statement, values)
        db.commit()


def _cut(folder: Path, keep: Callable[[list[bytes]], list[bytes]]) -> None:
    path = folder / "audit.jsonl"
    path.write_bytes(b"".join(keep(path.read_bytes().splitlines(keepends=True))))


def _without_row(folder: Path) -> list[dict[str, Any]]:
    return [record for record in _lines(folder) if record.get("item_id") != _TARGET]


def _unsealed(folder: Path) -> list[dict[str, Any]]:
    """The lines as an earlier version writes them, without anything that proves who did."""
    return [
        {name: value for name, value in record.items() if name not in ("code", "signature")}
        for record in _without_row(folder)
        if record["event"] != "sealed"
    ]


def _other_picture(folder: Path) -> str:
    content = b"\x89PNG another picture"
    (folder / f"pictures/{_TARGET}.png").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _replace_picture(folder: Path) -> None:
    sha256, records = _other_picture(folder), _lines(folder)
    for record in records:
        if record.get("item_id") == _TARGET and record["event"] == "accepted":
            record |= {"sha256": sha256, "outputs": [sha256]}
    _chain(folder, records)
    _sql(folder, "UPDATE items SET sha256 = ? WHERE item_id = ?", sha256, _TARGET)


def _append_line(folder: Path) -> None:
    """Another picture by a line at the end of the audit, as if the run had gone on and been killed."""
    sha256, records = _other_picture(folder), _lines(folder)
    ended = next(r for r in records if r.get("item_id") == _TARGET and r["event"] == "accepted")
    _chain(folder, [*records, {**ended, "sha256": sha256, "outputs": [sha256]}])
    _sql(folder, "UPDATE items SET sha256 = ? WHERE item_id = ?", sha256, _TARGET)


def _sign_anew(folder: Path) -> None:
    """All of it made again, row by row, by somebody with a key of his own, under the same id."""
    run = next(record["run"] for record in _lines(folder) if record["event"] == "sealed")
    copy = folder.with_name("forged")
    with user_of(folder.with_name("somebody")):
        finished_run(copy)
        with Ledger(copy) as ledger, ledger.transaction() as db:
            db.execute("UPDATE run SET value = ? WHERE key = 'id'", (json.dumps(run),))
        with CatalogRun(copy):
            pass
    shutil.rmtree(folder)
    copy.rename(folder)


def _age(folder: Path) -> None:
    records = _lines(folder)
    records[5]["at"] = "2001-01-01T00:00:00Z"
    _chain(folder, records)


def _forget_ledger(folder: Path) -> None:
    _chain(folder, _without_row(folder), head=False)
    for path in folder.glob("ledger.sqlite*"):
        path.unlink()


def _edit_verdicts(change: Callable[[dict[str, Any]], Any]) -> Tamper:
    def tamper(folder: Path) -> None:
        path = folder / "approvals.json"
        content = json.loads(path.read_text())
        change(content["items"])
        path.write_text(json.dumps(content))

    return tamper


def _forged_verdict(items: dict[str, Any]) -> None:
    items[_TARGET] = {"verdict": "approved", "reason": "", "sha256": "x", "file": "pictures/S7.png", "at": "2020-01-01"}


def _rewrite(name: str, content: str) -> Tamper:
    return lambda folder: (folder / name).write_text(content)


def _sealed_lines_gone(folder: Path) -> None:
    _chain(folder, [record for record in _lines(folder) if record["event"] != "sealed"])


def _flip(folder: Path) -> None:
    path = folder / f"pictures/{_TARGET}.png"
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    status = path.stat()
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


TAMPERINGS: dict[str, Tamper] = {
    "one-byte-edited": lambda f: _cut(f, lambda lines: [*lines[:4], lines[4].replace(b"127", b"128", 1), *lines[5:]]),
    "last-line-cut-off": lambda f: _cut(f, lambda lines: lines[:-1]),
    "all-lines-cut-off": lambda f: (f / "audit.jsonl").write_bytes(b""),
    "two-lines-swapped": lambda f: _cut(f, lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]]),
    "a-line-doubled": lambda f: _cut(f, lambda lines: [*lines[:5], lines[4], *lines[5:]]),
    "row-removed-chain-anew": lambda f: _chain(f, _without_row(f), head=False),
    "row-removed-chain-and-head-anew": lambda f: _chain(f, _without_row(f)),
    "picture-replaced-all-anew": _replace_picture,
    "picture-replaced": lambda f: _other_picture(f),
    "picture-deleted": lambda f: (f / f"pictures/{_TARGET}.png").unlink(),
    "sidecar-edited": _rewrite(f"pictures/{_TARGET}.json", "{}"),
    "manifest-edited": _rewrite("manifest.csv", "x"),
    "ledger-row-edited": lambda f: _sql(f, "UPDATE items SET inputs = '{}', sku = 'EVIL' WHERE item_id = ?", _TARGET),
    "line-in-the-past-chain-anew": _age,
    "ledger-deleted-audit-forged": _forget_ledger,
    "verdict-forged": _edit_verdicts(_forged_verdict),
    # Siblings of these.
    "proofs-taken-out-chain-anew": lambda f: _chain(f, _unsealed(f)),
    "seals-taken-out-chain-anew": _sealed_lines_gone,
    "line-added-at-the-end": _append_line,
    "signed-anew-by-somebody": _sign_anew,
    "one-bit-of-a-picture-same-time": _flip,
    "picture-cut": lambda f: os.truncate(f / f"pictures/{_TARGET}.png", 9),
    "picture-emptied": lambda f: os.truncate(f / f"pictures/{_TARGET}.png", 0),
    "sidecar-deleted": lambda f: (f / f"pictures/{_TARGET}.json").unlink(),
    "sheet-edited": _rewrite("index.html", "<p>all good"),
    "sheet-added": _rewrite("index-2.html", "<p>more"),
    "workflow-copy-edited": _rewrite("workflow.app.json", "{}"),
    "ledger-sku-edited": lambda f: _sql(f, "UPDATE items SET sku = 'EVIL' WHERE item_id = ?", _TARGET),
    "ledger-title-edited": lambda f: _sql(f, "UPDATE items SET title = 'EVIL' WHERE item_id = ?", _TARGET),
    "ledger-row-deleted": lambda f: _sql(f, "DELETE FROM items WHERE item_id = ?", _TARGET),
    "ledger-row-failed": lambda f: _sql(f, "UPDATE items SET state = 'failed' WHERE item_id = ?", _TARGET),
    "ledger-host-edited": lambda f: _sql(f, "UPDATE attempts SET host = 'x' WHERE item_id = ?", _TARGET),
    "ledger-facts-edited": lambda f: _sql(f, "UPDATE run SET value = '9' WHERE key = 'base_seed'"),
    "verdict-turned-round": _edit_verdicts(lambda items: items["S1"].update(verdict="approved")),
    "verdict-taken-out": _edit_verdicts(lambda items: items.pop("S1")),
    "verdict-moved": _edit_verdicts(lambda items: items.update(S3=items["S1"])),
    "verdicts-deleted": lambda f: (f / "approvals.json").unlink(),
}

# What is known of verdicts that are gone is kept by the run's folder: in a copy elsewhere they are not missed.
ONLY_IN_PLACE = {"verdict-taken-out", "verdicts-deleted"}


def _tampered(folder: Path) -> Iterator[Probe]:
    with user_of(folder / "user"):
        run = finished_run(folder / "run")
        with Ledger(run, read_only=True) as ledger:
            rows = dict(ledger.all("SELECT item_id, sha256 FROM items"))
        say(run, "S1", rows["S1"], "rejected", "too dark", by="Ada")
        untouched = verify_audit(run)
        yield Probe("untouched-run", untouched["ok"] and untouched["signer"] == "known", str(untouched["faults"]))
        for name, tamper in TAMPERINGS.items():
            shutil.copytree(run, folder / "copy")
            if name not in ONLY_IN_PLACE:
                yield _tried(f"{name}-in-a-copy", folder / "copy", tamper)
                shutil.rmtree(folder / "copy")
                shutil.copytree(run, folder / "copy")
            yield _tried(name, run, tamper)
            shutil.rmtree(run)
            (folder / "copy").rename(run)


def _tried(name: str, run: Path, tamper: Tamper) -> Probe:
    tamper(run)
    try:
        answer = verify_audit(run)
        return Probe(name, not answer["ok"], answer["faults"][0]["message"] if answer["faults"] else "missed")
    except PackshotError as error:
        return Probe(name, True, error.message)


def _private_keys(folder: Path) -> Iterator[Probe]:
    for mode in (0o600, 0o400, 0o640, 0o604, 0o666, 0o620):
        path = folder / f"key-{mode:o}"
        path.write_bytes(b"secret")
        path.chmod(mode)
        try:
            refused = not read_private(path)
        except KeyRefused:
            refused = True
        yield Probe(f"key-of-mode-{mode:04o}", refused == bool(mode & 0o077), "refused" if refused else "read")


def _texts() -> Iterator[Probe]:
    addresses = {
        "password": "https://ann:s3cret@shop.example/a.jpg",
        "password-with-slash": "https://ann:s3/cret@shop.example/a.jpg",
        "aws-signature": "https://b.example/a.jpg?w=300&X-Amz-Signature=s3cret",
        "azure-signature": "https://b.example/a.jpg?sv=s3cret&sig=s3cret",
        "token-in-fragment": "https://b.example/a.jpg#access_token=s3cret",
        "secret-without-a-name": "https://b.example/a.jpg?q=s3cretAbC123dEf456GhI789jKl",
    }
    for name, address in addresses.items():
        shown = public_address(f"cannot read '{address}'")
        yield Probe(f"address-with-{name}", "s3" not in shown and "/a.jpg" in shown, shown)
    for start in ("=", "\n=", "\u00a0=", "\uff1d", "\ufeff@", " +", "\t1", "\r1"):
        yield Probe(f"cell-that-begins-with-{start!r}", inert_cell(f"{start}1").startswith("'"), "made a text")
    for name, text in {
        "escape": "\x1b[2J",
        "csi": "\x9b2J",
        "bidi": "\u202e",
        "return": "a\rb",
        "bell": "\x07",
    }.items():
        yield Probe(f"terminal-{name}", printable(text).isprintable(), printable(text))


def probes(folder: Path, *, full: bool = False) -> Iterator[Probe]:  # noqa: ARG001 (nothing here is heavy)
    """Try all of it."""
    yield from _tampered(folder)
    yield from _private_keys(folder)
    yield from _texts()
