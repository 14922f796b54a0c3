"""Names that lead nowhere else, and XMP that comes back as it was written."""

from __future__ import annotations

import string
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import InputInvalid
from packshot.provenance.marking import Statement, making_of, meaning
from packshot.provenance.names import file_name, gtin14
from packshot.provenance.xmp import read_xmp, write_xmp

RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(1, 10)), *(f"LPT{n}" for n in range(1, 10))}


@pytest.mark.parametrize(
    ("template", "fields", "name"),
    [
        ("{sku}.{variant}", {"sku": "MUG-1", "variant": "oat"}, "MUG-1.oat.jpg"),
        ("{asin}.MAIN", {"asin": "B0ABCDEFGH"}, "B0ABCDEFGH.MAIN.jpg"),
        ("{gtin14}_A1N1", {"gtin": "614141999996"}, "00614141999996_A1N1.jpg"),
        ("{gtin14}_A1N1", {"gtin": "0614141999996"}, "00614141999996_A1N1.jpg"),
        ("{sku}", {"sku": " Tasse grün "}, "Tasse-grün-"),
        ("{sku}", {"sku": "../../etc/passwd"}, ""),
        ("{sku}", {"sku": "a/b\\c:d"}, ""),
        ("{sku}", {"sku": "CON"}, ""),
        ("{sku}", {"sku": "x" * 300}, ""),
    ],
)
def test_names(template: str, fields: dict[str, str], name: str) -> None:
    made = file_name(template, fields, "jpg")
    assert made.startswith(name)
    assert made == file_name(template, fields, "jpg")
    assert made.endswith(".jpg")
    assert Path(made).name == made
    assert len(made.encode()) <= 200


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_a_name_never_leaves_its_folder(sku: str) -> None:
    made = file_name("{sku}", {"sku": sku}, "png")
    assert Path(made).name == made
    assert PureWindowsPath(made).name == made
    assert made.partition(".")[0].strip().upper() not in RESERVED
    assert not made.startswith((".", "-", " "))
    assert not set(made) & set('<>:"/\\|?*\0\n\r\t')
    assert len(made.encode()) <= 200


@given(
    st.lists(st.text(string.printable, min_size=1).filter(lambda text: text.strip()), unique_by=str.strip, min_size=2)
)
def test_two_products_never_share_a_name(skus: list[str]) -> None:
    assert len({file_name("{sku}", {"sku": sku}, "png") for sku in skus}) == len(skus)


@pytest.mark.parametrize(
    ("template", "fields", "message"),
    [
        ("{sku}.{variant}", {"sku": "a"}, "no 'variant'"),
        ("{sku}", {"sku": "  "}, "no 'sku'"),
        ("{sku!r}", {"sku": "a"}, "plain field"),
        ("{sku:>99999999}", {"sku": "a"}, "plain field"),
        ("{sku.__class__}", {"sku": "a"}, "plain field"),
        ("{}", {"sku": "a"}, "plain field"),
        ("{sku", {"sku": "a"}, "cannot be made"),
        ("{gtin14}", {"gtin": "614141999997"}, "should be 6"),
        ("{gtin14}", {"gtin": "12"}, "is no GTIN"),
        ("{gtin14}", {}, "no 'gtin14'"),
    ],
)
def test_templates_that_make_no_name(template: str, fields: dict[str, str], message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        file_name(template, fields, "jpg")


@pytest.mark.parametrize("code", ["4006381333931", "96385074", "036000291452", "00012345600012", "400 6381-333931"])
def test_check_digits(code: str) -> None:
    assert len(gtin14(code)) == 14
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    with pytest.raises(InputInvalid, match="check digit"):
        gtin14(wrong)


def test_what_happened_decides_the_marking() -> None:
    assert making_of(from_model=True, product_pixels=False) == "generated"
    assert making_of(from_model=True, product_pixels=True) == "composite"
    assert making_of(from_model=False, product_pixels=True) == "retouched"
    assert making_of(from_model=False, product_pixels=False) == "retouched"
    terms = {
        making: Statement(making).source_type.rpartition("/")[2] for making in ("generated", "composite", "retouched")
    }
    assert terms == {
        "generated": "trainedAlgorithmicMedia",
        "composite": "compositeWithTrainedAlgorithmicMedia",
        "retouched": "algorithmicallyEnhanced",
    }
    assert all(meaning(Statement(making).source_type) for making in terms)


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
