"""What an audit proves, line by line: who signed it, and what became of each item."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..ledger.audit import proven_bytes
from .anchors import Anchor
from .key import AuditKey, signature_holds

#: ``known``: by the user's key or one that was named. ``unknown``: by another. ``unsigned``: no line is signed.
Signer = Literal["known", "unknown", "unsigned"]


@dataclass(frozen=True, slots=True)
class AuditFault:
    """What is wrong, and in which line; 0 where that is about none."""

    line: int
    message: str

    def as_dict(self) -> dict[str, Any]:
        return {"line": self.line, "message": self.message}


@dataclass(frozen=True, slots=True)
class Ending:
    """What the audit says of an item's picture: in which line, and where and how it was left.

    ``record`` is the SHA-256 of the file beside it; empty in audits of earlier versions.
    """

    line: int
    event: str
    file: str
    sha256: str
    record: str
    prompt_id: str


@dataclass(slots=True)
class AuditTrail:
    """Takes the lines of an audit in their order.

    Attributes:
        trusted: public keys whose signatures are known: the user's own, and those that were named.
        user: the user's key, where there is one.
    """

    trusted: Collection[str]
    user: AuditKey | None = None
    faults: list[AuditFault] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    keys: dict[str, int] = field(default_factory=dict)  # public key -> last line that it signed
    sealed: int = 0  # the last line that a signature covers
    closing: Mapping[str, Any] | None = None  # the last line, where it seals the whole run
    lines: int = 0
    hashes: dict[int, str] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)
    rows: dict[str, tuple[str, str]] = field(default_factory=dict)  # job -> hash of its row, and of its workflow
    _items: dict[str, str] = field(default_factory=dict)  # job -> item
    _unproven: int = 0  # the first line after the last seal that the user's key did not write

    def take(self, number: int, record: Mapping[str, Any]) -> None:
        """Take a line; its number counts from 1."""
        self.lines, self.closing = number, None
        self.hashes[number] = str(record.get("hash"))
        event = record.get("event")
        if event == "sealed":
            self._take_seal(number, record)
        elif self.user is not None and not self._unproven:
            code = str(record.get("code", ""))
            if not hmac.compare_digest(code.encode(), self.user.code(proven_bytes(record)).encode()):
                self._unproven = number
        if event == "sent":
            job = str(record.get("prompt_id"))
            self._items[job] = str(record.get("item_id"))
            self.rows[job] = (str(record.get("row", "")), str(record.get("workflow", "")))
        elif event in ("accepted", "quarantined"):
            self._take_ending(number, str(event), record)

    def _take_seal(self, number: int, record: Mapping[str, Any]) -> None:
        key, signature = str(record.get("key")), str(record.get("signature"))
        self.runs.add(str(record.get("run")))
        if not signature_holds(key, signature, proven_bytes(record)):
            self.faults.append(AuditFault(number, "its signature does not hold"))
            return
        self.keys[key] = number
        self.sealed, self._unproven = number, 0
        self.closing = record if "ledger" in record else None

    def _take_ending(self, number: int, event: str, record: Mapping[str, Any]) -> None:
        job = str(record.get("prompt_id"))
        item = str(record.get("item_id") or self._items.get(job, ""))
        file, sha256, sidecar = (str(record.get(name) or "") for name in ("file", "sha256", "record"))
        self.endings[item] = Ending(number, event, file, sha256, sidecar, job)

    @property
    def signer(self) -> Signer:
        """Who signed it."""
        if not self.keys:
            return "unsigned"
        return "known" if self.keys.keys() <= set(self.trusted) else "unknown"

    def judge(self, anchors: Sequence[Anchor], required: Collection[str]) -> list[AuditFault]:
        """Say what is wrong with its signatures, once every line was taken.

        Args:
            anchors: ends of it that were kept outside the folder.
            required: public keys of which one must have signed each part.
        """
        faults = list(self.faults)
        for anchor in anchors:
            if self.hashes.get(anchor.seq) != anchor.hash:
                message = f"line {anchor.seq}, which was kept outside the folder, is not there as it was"
                faults.append(AuditFault(min(anchor.seq, self.lines), message))
        if self.signer == "unknown" and (anchors or required):
            key, line = next(pair for pair in self.keys.items() if pair[0] not in self.trusted)
            message = f"the lines up to {line} are signed with the key {key}, which is neither yours nor was named"
            faults.append(AuditFault(line, message))
        if self.signer == "unsigned" and required:
            faults.append(AuditFault(self.lines, "no line is signed"))
        if self._unproven and self.user is not None and self.user.public in self.keys:
            faults.append(AuditFault(self._unproven, "it was not written with the key that signed the lines before it"))
        return faults
