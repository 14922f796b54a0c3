"""What a card says of commercial use."""

import make_models

from packshot.models.describe import commercial_use

CARDS = make_models.shipped_cards()


def test_models_under_other_terms_than_often_said() -> None:
    use = {card.id: commercial_use(card) for card in CARDS}
    assert use["flux2-klein-4b"] == use["flux1-schnell"] == use["qwen-image-2512"] == "yes"
    assert use["flux2-klein-9b"] == use["flux2-dev"] == use["flux1-dev"] == "no"
    assert use["sd3.5-large"] == use["hunyuanimage-2.1"] == use["ltx-2"] == use["playground-v2.5"] == "limited"
    assert use["sdxl"] == use["sd15"] == "duties"
