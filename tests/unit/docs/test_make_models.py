"""The page of the models is that of the cards."""

import make_models

from support.places import ROOT

CARDS = make_models.shipped_cards()


def test_page_is_up_to_date() -> None:
    assert (ROOT / "docs/models.md").read_text() == make_models.render(CARDS), "make docs"
