"""How a picture is marked, by what happened to it."""

from __future__ import annotations

from packshot.provenance.marking import Statement, making_of, meaning


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
