"""Seeds from SKUs."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.seeds import SEED_LIMIT, item_seed

UTF8 = st.text(st.characters(codec="utf-8"))


@given(UTF8, UTF8, st.integers())
def test_seeds_lie_where_the_canvas_keeps_them(sku, variant, base):
    seed = item_seed(sku, variant, base)
    assert 0 <= seed < SEED_LIMIT
    assert int(float(seed)) == seed


def test_seeds_are_what_the_formula_says_and_differ():
    digest = hashlib.sha256('["Tasse-ü","Rot",7]'.encode()).digest()
    assert item_seed("Tasse-ü", "Rot", 7) == int.from_bytes(digest[:8], "big") % 2**50
    seeds = {item_seed(*key) for key in [("a", "b", 0), ("ab", "", 0), ("", "ab", 0), ("a", "b", 1), ("a", "b", 10)]}
    assert len(seeds) == 5
