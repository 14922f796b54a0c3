"""Names of files from templates, and GTINs."""

from __future__ import annotations

import string
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import InputInvalid
from packshot.provenance.names import file_name, gtin14

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
