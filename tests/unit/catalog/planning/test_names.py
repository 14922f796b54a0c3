"""Names of files from SKUs."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pathvalidate import validate_filename

from packshot.catalog.planning.names import safe_names

SKUS = st.one_of(
    st.text(max_size=200),
    st.text(st.sampled_from('./\\:*?"<>| -_aAäÄ\u0308\u202e\r\n\t\0'), max_size=12),
    st.sampled_from(
        ["CON", "con.txt", "nul", "COM1 .x", "CONIN$", "aux.tar.gz", "..", ".", "", "item", "lpt¹", "a" * 400]
    ),
)


@given(st.lists(SKUS, max_size=12))
def test_names_never_leave_the_folder_and_never_meet(skus):
    names = safe_names(skus)
    assert set(names) == set(skus)
    for name in names.values():
        validate_filename(f"{name}.png", platform="universal", max_len=255)
        assert Path("out", f"{name}.png").resolve().parent == Path("out").resolve()
        assert 0 < len(name.encode()) <= 185
        assert name == unicodedata.normalize("NFC", name)
        assert name[0] not in ".- "
        assert name.partition(".")[0].strip().upper() not in {"CON", "NUL", "AUX", "PRN", "COM1", "LPT1", "CONIN$"}
    folded = {unicodedata.normalize("NFKD", name).casefold() for name in names.values()}
    assert len(folded) == len(names)
    assert safe_names(reversed(skus)) == names


def test_good_names_stay_as_they_are():
    for sku in ["AQ-MUG-01", "Blütenvase 3", "急須", "a.b_c"]:
        assert safe_names([sku, "other"])[sku] == sku


def test_changed_names_carry_a_hash_of_the_sku():
    for sku, stem in [("../../x", "x"), ("a/b", "a-b"), ("CON", "CON_"), ("", "item"), ("x.", "x")]:
        assert safe_names([sku])[sku] == f"{stem}-{hashlib.sha256(sku.encode()).hexdigest()[:8]}"


def test_skus_that_differ_in_case_only_both_get_a_hash_whatever_their_order():
    names = safe_names(["A-1", "a-1"])
    assert {name[:4] for name in names.values()} == {"A-1-", "a-1-"}
    taken = safe_names(["a/b"])["a/b"]
    both = safe_names(["a/b", taken])
    assert len({name.casefold() for name in both.values()}) == 2
