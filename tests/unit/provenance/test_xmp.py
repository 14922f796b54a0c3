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


SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

# A property in the forms of RDF/XML that programs write.
FORMS = {
    "attribute": f"<rdf:Description rdf:about='' e:DigitalSourceType='{SOURCE}'/>",
    "element": f"<rdf:Description rdf:about=''><e:DigitalSourceType>\n  {SOURCE}\n</e:DigitalSourceType>"
    "</rdf:Description>",
    "resource": f"<rdf:Description><e:DigitalSourceType rdf:resource='{SOURCE}'/></rdf:Description>",
    "node": f"<rdf:Description><e:DigitalSourceType><rdf:Description rdf:about='{SOURCE}'/></e:DigitalSourceType>"
    "</rdf:Description>",
    "bag": f"<rdf:Description><e:DigitalSourceType><rdf:Bag><rdf:li>{SOURCE}</rdf:li></rdf:Bag></e:DigitalSourceType>"
    "</rdf:Description>",
    "bag of resources": f"<rdf:Description><e:DigitalSourceType><rdf:Bag><rdf:li rdf:resource='{SOURCE}'/></rdf:Bag>"
    "</e:DigitalSourceType></rdf:Description>",
    "qualified": f"<rdf:Description><e:DigitalSourceType rdf:parseType='Resource'><e:q>by hand</e:q><rdf:value>{SOURCE}"
    "</rdf:value></e:DigitalSourceType></rdf:Description>",
    "qualified node": "<rdf:Description><e:DigitalSourceType><rdf:Description><rdf:value rdf:resource='"
    f"{SOURCE}'/></rdf:Description></e:DigitalSourceType></rdf:Description>",
    "qualified attribute": f"<rdf:Description><e:DigitalSourceType rdf:value='{SOURCE}' e:q='x'/></rdf:Description>",
    "typed node": f"<e:Photograph rdf:about=''><e:DigitalSourceType>{SOURCE}</e:DigitalSourceType></e:Photograph>",
    "second description": f"<rdf:Description rdf:about=''/><rdf:Description e:DigitalSourceType='{SOURCE}'/>",
    "empty before": f"<rdf:Description e:DigitalSourceType=''/><rdf:Description e:DigitalSourceType='{SOURCE}'/>",
    "CDATA": f"<rdf:Description><e:DigitalSourceType><![CDATA[{SOURCE}]]><!-- x --></e:DigitalSourceType>"
    "</rdf:Description>",
    "beside an ingredient": "<rdf:Description><e:Ingredients><rdf:Bag><rdf:li><rdf:Description e:DigitalSourceType='"
    f"other'/></rdf:li></rdf:Bag></e:Ingredients></rdf:Description><rdf:Description e:DigitalSourceType='{SOURCE}'/>",
}


def packet_of(rdf: str) -> bytes:
    return f"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
    <x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- a comment --><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'
    xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' xmlns:d='http://purl.org/dc/elements/1.1/'>{rdf}</rdf:RDF>
    </x:xmpmeta><?xpacket end='w'?>""".encode()


@pytest.mark.parametrize("form", FORMS)
def test_xmp_as_others_write_it(form: str) -> None:
    assert read_xmp(packet_of(FORMS[form])).source_type == SOURCE
    assert meaning(
        read_xmp(packet_of(FORMS[form].replace("trainedAlgorithmicMedia", "digitalCapture"))).source_type
    ) == ("photograph")


def test_xmp_without_its_wrapper() -> None:
    rdf = packet_of(FORMS["attribute"]).decode().partition("<!-- a comment -->")[2].partition("</x:xmpmeta>")[0]
    assert read_xmp(rdf.encode()).source_type == SOURCE


def test_a_property_of_an_ingredient_is_not_the_pictures_own() -> None:
    nested = FORMS["beside an ingredient"].partition("</rdf:Description><rdf:Description ")[0] + "</rdf:Description>"
    assert read_xmp(packet_of(nested)).source_type == ""


def test_the_default_language_of_a_list_counts() -> None:
    entries = "<rdf:li xml:lang='de'>Becher</rdf:li><rdf:li xml:lang='x-default'>Mug</rdf:li>"
    title = f"<rdf:Description><d:title><rdf:Alt>{entries}</rdf:Alt></d:title></rdf:Description>"
    assert read_xmp(packet_of(title)).title == "Mug"


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


def test_xmp_that_is_nested_without_end_is_not_trusted() -> None:
    deep = "<rdf:value>" * 20_000 + "</rdf:value>" * 20_000
    with pytest.raises(InputInvalid):
        read_xmp(packet_of(f"<rdf:Description><d:title>{deep}</d:title></rdf:Description>"))


@pytest.mark.parametrize("recipe", ["[1]", "{", "3", "[" * 100_000])
def test_a_recipe_that_is_none(recipe: str) -> None:
    packet = write_xmp(Statement("generated", recipe={"a": 1}), "t").replace(b'{"a":1}', recipe.encode())
    assert read_xmp(packet).recipe == {}
