"""What weights, sampling and decoding take in memory."""

from __future__ import annotations

import pytest

from packshot.errors import InputInvalid
from packshot.models.cards import card_ids, load_card
from packshot.models.memory.estimates import FAMILIES, GIB, decode_bytes, overhead, parse_size, sampling_bytes


def test_figures_are_cores_formulas() -> None:
    # 64 x 64 latent cells x 2 bytes x 0.01 x 14.63 MiB (FLUX.2 klein 4B), and 2178 numbers of 2 bytes per pixel.
    assert sampling_bytes(FAMILIES["flux2-klein-4b"], 1024, 1024) == pytest.approx(1198.4 * (1 << 20), rel=1e-4)
    assert decode_bytes(FAMILIES["flux2-klein-4b"], 1024, 1024) == 2178 * 2 * 1024 * 1024
    assert overhead("sd15", "text_encoder", 512, 512) == (400 << 20) + round(0.8 * GIB)


def test_every_family_of_the_cards_is_known() -> None:
    cards = [load_card(card_id) for card_id in card_ids()]
    assert {card.family for card in cards if card.supported_by_host} <= set(FAMILIES)
    for card in cards:
        if card.supported_by_host:
            assert FAMILIES[card.family].compression == card.latent.compression, card.id


@pytest.mark.parametrize(
    ("text", "size"),
    [("12GiB", 12 * GIB), ("12", 12 * GIB), ("12 GB", 12 * 10**9), ("11.5gib", 23 * GIB // 2), ("800MiB", 800 << 20)],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "12 apples", "1e9", "NaN", "12GiBs"])
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(InputInvalid, match="12GiB"):
        parse_size(text)
