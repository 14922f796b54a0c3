"""XMP packets: a statement as RDF, as Adobe's and IPTC's schemas have it, and back.

Properties: ``dc:title``, ``dc:rights``, ``dc:creator``, ``xmp:CreatorTool``, ``Iptc4xmpExt:DigitalSourceType`` (IPTC
Photo Metadata Standard 2023.2) and, in a namespace of our own, ``packshot:Recipe``: JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from ..errors import InputInvalid
from .marking import Statement

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "packshot": "urn:packshot:xmp:1.0#",
}
_XML = "http://www.w3.org/XML/1998/namespace"
_LIMIT = 60_000  # bytes: a JPEG's segment holds 65,502
_READ_LIMIT = 1_000_000
_PACKET = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{}\n<?xpacket end="r"?>'

for _prefix, _uri in _NAMESPACES.items():
    ElementTree.register_namespace(_prefix, _uri)


@dataclass(frozen=True, slots=True)
class Read:
    """What a packet says. Texts are empty where it says nothing."""

    source_type: str = ""
    title: str = ""
    rights: str = ""
    creator: str = ""
    tool: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)


def write_xmp(statement: Statement, tool: str) -> bytes:
    """A packet that says a statement.

    Args:
        tool: what made the picture, with its version.

    Raises:
        InputInvalid: a text holds what XML cannot, or all of it is too long for a JPEG.
    """
    meta = ElementTree.Element(_name("x:xmpmeta"))
    description = ElementTree.SubElement(
        ElementTree.SubElement(meta, _name("rdf:RDF")), _name("rdf:Description"), {_name("rdf:about"): ""}
    )
    for name, text in (("dc:title", statement.title), ("dc:rights", statement.rights)):
        if text:
            alternatives = ElementTree.SubElement(ElementTree.SubElement(description, _name(name)), _name("rdf:Alt"))
            ElementTree.SubElement(alternatives, _name("rdf:li"), {f"{{{_XML}}}lang": "x-default"}).text = text
    if statement.creator:
        creators = ElementTree.SubElement(ElementTree.SubElement(description, _name("dc:creator")), _name("rdf:Seq"))
        ElementTree.SubElement(creators, _name("rdf:li")).text = statement.creator
    ElementTree.SubElement(description, _name("xmp:CreatorTool")).text = tool
    ElementTree.SubElement(description, _name("Iptc4xmpExt:DigitalSourceType")).text = statement.source_type
    if statement.recipe:
        recipe = json.dumps(dict(statement.recipe), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        ElementTree.SubElement(description, _name("packshot:Recipe")).text = recipe
    packet = _PACKET.format(ElementTree.tostring(meta, encoding="unicode")).encode("utf-8", "replace")
    if len(packet) > _LIMIT:
        raise InputInvalid(
            f"the metadata has {len(packet):,} bytes; a JPEG holds {_LIMIT:,}",
            place="recipe, title and rights",
            remedy="keep long texts out of the recipe",
        )
    try:
        ElementTree.fromstring(packet)
    except ElementTree.ParseError as error:
        raise InputInvalid(
            "a text holds a character that XML cannot", place="recipe, title, rights or creator", remedy="remove it"
        ) from error
    return packet


def read_xmp(packet: bytes) -> Read:
    """What a packet says, whoever wrote it.

    Raises:
        InputInvalid: it is not XML, too long, or declares entities, which no XMP does.
    """
    try:
        text = packet[: _READ_LIMIT + 1].decode("utf-8-sig").strip("\0 \t\r\n\ufeff")
        if len(packet) > _READ_LIMIT or "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ValueError("it is too long or declares entities")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError) as error:
        raise InputInvalid(f"the XMP cannot be read: {error}", place="XMP", remedy="write it anew") from error
    found = {name: _text(root, name) for name in _READ}
    try:
        recipe = json.loads(found["packshot:Recipe"] or "{}")
    except (ValueError, RecursionError):
        recipe = None
    return Read(
        source_type=found["Iptc4xmpExt:DigitalSourceType"],
        title=found["dc:title"],
        rights=found["dc:rights"],
        creator=found["dc:creator"],
        tool=found["xmp:CreatorTool"],
        recipe=recipe if isinstance(recipe, dict) else {},
    )


_READ = ("Iptc4xmpExt:DigitalSourceType", "dc:title", "dc:rights", "dc:creator", "xmp:CreatorTool", "packshot:Recipe")


def _text(root: ElementTree.Element, name: str) -> str:
    """A property's text, which RDF allows as an element, as its first item, or as an attribute."""
    for description in root.iter(_name("rdf:Description")):
        attribute = description.get(_name(name))
        if attribute is not None:
            return attribute
        element = description.find(_name(name))
        if element is not None:
            item = element.find(f".//{_name('rdf:li')}")
            return ((element if item is None else item).text or "").strip()
    return ""


def _name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"
