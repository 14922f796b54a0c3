"""By which names this host goes, and whether a request comes from a page of its own.

A page of another site can have its own name answer with this machine's address (DNS rebinding). The browser then takes
the page for one of this host's: nothing but the name, in ``Host``, tells. See "DNS rebinding" in docs/security.md.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALLOWED_VARIABLE = "PACKSHOT_ALLOWED_HOSTS"

_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://(.+)")
_ENTRY = re.compile(r"(?:(https?)://)?(\*\.)?(.+)")
_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Authority:
    """A host and its port, as in an address.

    Attributes:
        host: a name in lower case without a dot at its end, or an IP address as it is usually written.
        port: None where none is written.
    """

    host: str
    port: int | None


def read_authority(text: str) -> Authority | None:
    """Read what ``Host`` says, or an address says after its scheme; None where it is anything but a host and a port."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host, port = match[1].casefold(), int(match[2]) if match[2] else None
    address = read_address(host.strip("[]"))
    if (address is None and host.startswith("[")) or (port or 0) > 65535:
        return None
    return Authority(str(address) if address else host.removesuffix("."), port)


def read_address(text: str) -> Address | None:
    """Read an IP address; one of IPv4 that is written as IPv6 is the same one. None where it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A name that the user allows, as in ``https://*.pictures.example:8443``.

    Attributes:
        scheme: None for http and https.
        suffix: whether every name below it is meant.
        authority: the name, and the port where one is written.
    """

    scheme: str | None
    suffix: bool
    authority: Authority

    def names(self, host: str) -> bool:
        """Tell whether a host is meant, whatever its port."""
        own = self.authority.host
        return host.endswith(f".{own}") if self.suffix else host == own


def read_allowed(text: str) -> Iterator[AllowedHost]:
    """Read names that are separated by commas.

    Raises:
        ValueError: one is no name.
    """
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = _ENTRY.fullmatch(entry)
        authority = read_authority(match[3]) if match else None
        if match is None or authority is None:
            raise ValueError(f"'{entry[:80]}' in {ALLOWED_VARIABLE} is no name of a host")
        yield AllowedHost(match[1], bool(match[2]), authority)


class HostNames:
    """The names that this host goes by.

    Args:
        names: its own, and what ComfyUI's ``--listen`` says.
        allowed: what the user allows besides, see :func:`read_allowed`.
    """

    def __init__(self, names: Iterable[str], allowed: Iterable[AllowedHost]) -> None:
        authorities = (read_authority(f"[{name}]" if ":" in name else name) for name in names)
        self._names = {"localhost", *(authority.host for authority in authorities if authority)}
        self._allowed = tuple(allowed)

    def learn(self) -> None:
        """Ask the system for this machine's full name, in a thread: the system may ask the network for it."""

        def ask() -> None:
            self._names.add(socket.getfqdn().casefold().removesuffix("."))

        threading.Thread(target=ask, daemon=True).start()

    def admit(self, host: Authority, local: str) -> bool:
        """Tell whether this host goes by a name.

        Of addresses, these are its own: that on which the request came in, and those of the loopback. Where the request
        came in from the network, a private address is one too: a container, or a machine behind a router, does not see
        the address that it was asked by. No site can have an address for its name.

        Args:
            local: the IP address on which the request came in.
        """
        address, came_in = read_address(host.host), read_address(local)
        if address is not None and not address.is_unspecified:
            from_network = came_in is not None and not came_in.is_loopback
            if address.is_loopback or address == came_in or (from_network and address.is_private):
                return True
        return host.host in self._names or any(entry.names(host.host) for entry in self._allowed)

    def own_page(self, origin: str, scheme: str, host: Authority) -> bool:
        """Tell whether an origin is this host's own: scheme, name and port.

        A proxy may speak https where this host speaks http. That it does is known of names that the user allows.

        Args:
            scheme, host: as the request has them.
        """
        match = _ORIGIN.fullmatch(origin)
        page = read_authority(match[2]) if match else None
        if match is None or page is None or page.host != host.host:
            return False
        shown = page.port or _PORTS[match[1]]
        if match[1] == scheme and shown == (host.port or _PORTS[scheme]):
            return True
        return any(
            entry.names(host.host)
            and entry.scheme in (None, match[1])
            and shown == (entry.authority.port or host.port or _PORTS[match[1]])
            for entry in self._allowed
        )


def machine_names() -> list[str]:
    """Tell by which names other machines of the network may know this one, without asking the network."""
    name = socket.gethostname()
    short = name.partition(".")[0]
    return [name, short, f"{short}.local"]
