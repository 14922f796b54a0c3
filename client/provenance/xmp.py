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
        found = {name: _text(root, name) for name in _READ}
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputInvalid(f"the XMP cannot be read: {error}", place="XMP", remedy="write it anew") from error
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
    """A property's text, of the first description of the picture that has it.

    Only what stands at the top describes the picture; further down it may be an ingredient's or an earlier version's.
    """
    nodes = [node for rdf in root.iter(_name("rdf:RDF")) for node in rdf] or list(root.iter(_name("rdf:Description")))[
        :1
    ]
    for node in nodes:
        texts = [node.get(_name(name), "").strip(), *map(_value, node.findall(_name(name)))]
        text = next(filter(None, texts), "")
        if text:
            return text
    return ""


def _value(element: ElementTree.Element) -> str:
    """The text or address of a property, in any form that RDF/XML has for it (W3C, RDF 1.1 XML Syntax, section 2).

    Those are text, ``rdf:resource``, a node or ``rdf:parseType="Resource"`` with an ``rdf:value``, a node of that
    address, and a list, of which the entry of the default language or else the first counts.
    """
    for attribute in ("rdf:resource", "rdf:value", "rdf:about"):
        if element.get(_name(attribute)):
            return element.get(_name(attribute), "").strip()
    children = {child.tag: child for child in reversed(element)}  # the first of each kind
    for kind in _LISTS:
        if kind in children:
            entries = sorted(children[kind], key=lambda entry: entry.get(f"{{{_XML}}}lang") != "x-default")
            return next(filter(None, map(_value, entries)), "")
    for kind in (_name("rdf:value"), _name("rdf:Description")):
        if kind in children:
            return _value(children[kind])
    return (element.text or "").strip()


def _name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


_LISTS = tuple(map(_name, ("rdf:Alt", "rdf:Seq", "rdf:Bag")))
