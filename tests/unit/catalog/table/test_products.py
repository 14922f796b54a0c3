"""Plain text of markup."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.table.products import plain_text

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(CELLS)
def test_plain_text_of_any_markup_has_no_blank_lines(markup):
    lines = plain_text(markup).split("\n")
    assert lines == [""] or all(line == " ".join(line.split()) and line for line in lines)


def test_plain_text_leaves_out_scripts_and_decodes_entities():
    assert plain_text("<style>p{}</style><ul><li>a&nbsp;b</li><li>c</li></ul><script>x()</script>") == "a b\nc"
    assert plain_text("Salt &amp; juniper") == "Salt & juniper"
