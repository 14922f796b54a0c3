"""Hostile hubs, and what lies in wait in a shared models folder: ``packshot models fetch`` of a card of our own."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import random
import resource
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import yaml

from hostile.probe import Probe
from hostile.server import serving
from packshot.models.cards import load_card

CONTENT = random.Random(7).randbytes(1 << 20)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
_OTHER = CONTENT[::-1]
_NAME = "planted.safetensors"
_PART = f".{_NAME}.{SHA256[:16]}.part"
_LIMIT = 30.0  # seconds
_ADDRESS_SPACE = 4 << 30


class HostileHub(BaseHTTPRequestHandler):
    """The hub as far as ``models fetch`` asks it, honest but for its trick."""

    protocol_version = "HTTP/1.1"
    trick: Trick

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_HEAD(self) -> None:
        if self.path.startswith("/api/"):
            self.head(404, Content_Length="0")
        else:
            self.trick.look(self)

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self.do_HEAD() if self.path.startswith("/api/") else self.trick.send(self)

    def head(self, code: int, etag: str = SHA256, **headers: str) -> None:
        """Begin an answer."""
        self.send_response(code)
        for name, value in {"ETag": f'"{etag}"', "X-Repo-Commit": "0" * 40, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    def honest(self, content: bytes = CONTENT) -> None:
        """Send the file, or the rest of it."""
        start = self.start
        ranges = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self.head(206 if start else 200, Content_Length=str(len(content) - start), **ranges)
        self.wfile.write(content[start:])

    def endless(self, parts: Iterator[bytes], **headers: str) -> None:
        """Send what does not end."""
        self.close_connection = True
        self.head(200, Connection="close", **headers)
        for part in parts:
            self.wfile.write(part)

    def trickle_head(self) -> None:
        """Begin an answer, for ever."""
        for byte in _slowly():
            self.wfile.write(byte)

    def a_byte_and_break(self) -> None:
        """Send one byte and break off."""
        start, self.close_connection = self.start, True
        self.head(206, Content_Length=str(len(CONTENT) - start), Content_Range=f"bytes {start}-{len(CONTENT) - 1}/*")
        self.wfile.write(CONTENT[start : start + 1])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def _sized(size: int, etag: str = SHA256) -> Callable[[HostileHub], None]:
    return lambda hub: hub.head(200, etag, Content_Length=str(size))


def _redirected(to: str) -> Callable[[HostileHub], None]:
    return lambda hub: hub.head(302, Location=to, Content_Length="0")


def _slowly() -> Iterator[bytes]:
    for byte in CONTENT:
        yield bytes([byte])
        time.sleep(0.3)


def _unfolding() -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    yield from (packer.compress(bytes(1 << 20)) for _ in range(2000))


@dataclass(frozen=True, slots=True)
class Trick:
    """How a hub deviates, or what lies in the models folder.

    Attributes:
        name: of the probe.
        send: how it answers GET.
        look: how it answers HEAD.
        plant: puts something into the models folder; gives the file that must stay as it is.
        file: changes to the file of the card.
        comes: whether the file must come all the same.
    """

    name: str
    send: Callable[[HostileHub], None] = HostileHub.honest
    look: Callable[[HostileHub], None] = field(default_factory=lambda: _sized(len(CONTENT)))
    plant: Callable[[Path], Path] | None = None
    file: dict[str, Any] = field(default_factory=dict)
    comes: bool = False


def _link(name: str) -> Callable[[Path], Path]:
    """Plant a link in place of a file that is written, to a file of the user's."""

    def plant(models: Path) -> Path:
        victim, link = models.parent / "victim", models / name
        victim.write_text("precious")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(victim)
        return victim

    return plant


def _second_name(models: Path) -> Path:
    victim, link = models.parent / "victim", models / "diffusion_models" / _PART
    victim.write_text("precious")
    link.parent.mkdir(parents=True)
    link.hardlink_to(victim)
    return victim


def _pipe(models: Path) -> Path:
    pipe = models / "diffusion_models" / _PART
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    return models.parent / "card.yaml"


def _spoilt(models: Path) -> Path:
    part = models / "diffusion_models" / _PART
    part.parent.mkdir(parents=True)
    part.write_bytes(_OTHER[:500_000])
    return models.parent / "card.yaml"


_BLANKS = bytes(1 << 18)
_CHUNK = b"%x\r\n%b\r\n" % (len(_BLANKS), _BLANKS)

TRICKS: tuple[Trick, ...] = (
    Trick("hub-honest", comes=True),
    Trick("hub-endless", lambda hub: hub.endless(itertools.repeat(_BLANKS))),
    Trick("hub-endless-in-chunks", lambda hub: hub.endless(itertools.repeat(_CHUNK), Transfer_Encoding="chunked")),
    Trick("hub-unfolding", lambda hub: hub.endless(_unfolding(), Content_Encoding="gzip")),
    Trick("hub-trickled", lambda hub: hub.endless(_slowly())),
    Trick("hub-breaks-after-each-byte", HostileHub.a_byte_and_break),
    Trick("hub-other-content", lambda hub: hub.honest(_OTHER)),
    Trick("hub-other-range", lambda hub: hub.head(206, Content_Length="9", Content_Range="bytes 9-17/18")),
    Trick("hub-size-negative", look=_sized(-5)),
    Trick("hub-size-beyond-any-disk", look=_sized(10**18)),
    Trick("hub-head-trickled", look=HostileHub.trickle_head),
    Trick("hub-redirected-to-a-file", _redirected("file:///etc/hostname")),
    Trick("hub-redirected-in-a-circle", _redirected("/again")),
    Trick("etag-with-a-slash", look=_sized(len(CONTENT), "W/a/b/../c"), file={"sha256": None}, comes=True),
    Trick("repository-that-leads-out", file={"repo": "../../x"}),
    Trick("repository-of-dashes", file={"repo": "acme/a--b"}),
    Trick("path-that-leads-out", file={"path": "../../../etc/hostname"}),
    Trick("name-that-leads-out", file={"name": "../up.safetensors"}),
    Trick("name-with-a-nul", file={"name": "a\0.safetensors"}),
    Trick("part-is-a-link", plant=_link(f"diffusion_models/{_PART}")),
    Trick("part-has-a-second-name", plant=_second_name),
    Trick("part-is-a-pipe", plant=_pipe),
    Trick("part-is-spoilt", plant=_spoilt),
    Trick("lock-is-a-link", plant=_link(".packshot-fetch.lock")),
)


def fetch(trick: Trick, folder: Path) -> Probe:
    """Fetch the card's file from one hub into a folder of its own."""
    models, home = folder / "models", folder / "home"
    models.mkdir(parents=True)
    cards = home / "packshot" / "cards"
    cards.mkdir(parents=True)
    (cards / "planted.yaml").write_text(yaml.safe_dump(_card(trick.file)))
    (folder / "card.yaml").write_text("precious")
    victim = trick.plant(models) if trick.plant is not None else None
    with serving(type("Handler", (HostileHub,), {"trick": trick})) as url:
        environment = {**os.environ, "HF_ENDPOINT": url, "XDG_CONFIG_HOME": str(home), "HF_HOME": str(home)}
        line = [sys.executable, "-m", "packshot", "models", "fetch", "planted", "--models", str(models), "--json"]
        begun = time.monotonic()
        try:
            done = subprocess.run(
                line, capture_output=True, text=True, timeout=60, check=False, env=environment, preexec_fn=_limit
            )
        except subprocess.TimeoutExpired:
            return Probe(trick.name, False, "no end within 60 s")
    seconds = time.monotonic() - begun
    try:
        slug = json.loads(done.stdout).get("error", {}).get("slug", "")
    except ValueError:
        return Probe(trick.name, False, done.stderr.strip().rpartition("\n")[2][:120])
    whole = models / "diffusion_models" / _NAME
    came = whole.is_file() and whole.read_bytes() == CONTENT
    poison = [part for part in models.rglob("*.part") if part.is_file() and part.lstat().st_size > len(CONTENT)]
    safe = victim is None or victim.read_text() == "precious"
    held = came == trick.comes and bool(slug) != trick.comes and safe and not poison and seconds < _LIMIT
    return Probe(trick.name, held, f"{slug or 'the file'} after {seconds:.1f} s")


def _card(changes: dict[str, Any]) -> dict[str, Any]:
    """A card of one checkpoint that is on the hub."""
    card: dict[str, Any] = json.loads(load_card("z-image-turbo").model_dump_json(exclude_defaults=True))
    card |= {"id": "planted", "memory": [], "controls": [], "capabilities": ["text-to-image"]}
    for component in card["components"]:
        component["files"] = component["files"][:1]
        component["files"][0] |= {
            "repo": "acme/planted",
            "path": "a.safetensors",
            "size": len(CONTENT),
            "sha256": SHA256,
        }
        component["files"][0] |= {"name": f"{component['slot']}.safetensors", "size_is": "primary"}
    (diffusion,) = (component for component in card["components"] if component["slot"] == "diffusion_model")
    diffusion["files"][0] |= {"name": _NAME, **changes}
    return card


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def hub_probes(folder: Path) -> Iterator[Probe]:
    """Fetch from every hostile hub, three at a time."""
    with ThreadPoolExecutor(3) as pool:
        yield from pool.map(lambda trick: fetch(trick, folder / trick.name), TRICKS)
