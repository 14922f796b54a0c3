"""XMP packets: written, read, and not trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import InputInvalid
from packshot.provenance.marking import Statement, meaning
from packshot.provenance.xmp import read_xmp, write_xmp

XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=80)

VALUES = st.one_of(st.integers(-(2**53), 2**53), st.booleans(), st.none(), XML_TEXT)


@given(XML_TEXT, XML_TEXT, XML_TEXT, st.dictionaries(XML_TEXT, VALUES, max_size=6))
def test_xmp_comes_back(title: str, rights: str, creator: str, recipe: dict) -> None:
    statement = Statement("composite", title, rights, creator, recipe)
    read = read_xmp(write_xmp(statement, "Packshot 0"))
    assert (read.title, read.rights, read.creator) == (title.strip(), rights.strip(), creator.strip())
    assert read.recipe == recipe
    assert read.source_type == statement.source_type
    assert read.tool == "Packshot 0"


def test_a_text_that_xml_cannot_hold() -> None:
    with pytest.raises(InputInvalid, match="XML cannot"):
        write_xmp(Statement("generated", title="a\0b"), "Packshot")
    with pytest.raises(InputInvalid, match="60,000"):
        write_xmp(Statement("generated", recipe={"prompt": "x" * 70_000}), "Packshot")


def test_xmp_as_others_write_it() -> None:
    packet = b"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
    <x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- a comment --><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
    <rdf:Description rdf:about='' xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'
      e:DigitalSourceType='http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture'/>
    </rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""
    assert meaning(read_xmp(packet).source_type) == "photograph"


@pytest.mark.parametrize(
    "packet",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>",
        b"",
        b"\xff\xfe<",
        b"<a/>" + b" " * 1_100_000,
        "<!DOCTYPE a []><a/>".encode("utf-16"),
    ],
)
def test_xmp_that_is_not_trusted(packet: bytes) -> None:
    with pytest.raises(InputInvalid):
        read_xmp(packet)


@pytest.mark.parametrize("recipe", ["[1]", "{", "3", "[" * 100_000])
def test_a_recipe_that_is_none(recipe: str) -> None:
    packet = write_xmp(Statement("generated", recipe={"a": 1}), "t").replace(b'{"a":1}', recipe.encode())
    assert read_xmp(packet).recipe == {}
