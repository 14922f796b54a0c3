"""What the nodes of a job say, as warnings of its picture."""

from __future__ import annotations

from packshot import Result
from packshot.run.picture_warnings import picture_warnings


def test_a_lora_that_did_less_than_expected_is_a_warning() -> None:
    whole = {"file": "whole.safetensors", "matched": 12, "total": 12, "left_out": [], "changes": True}
    partly = {
        **whole,
        "file": "partly.safetensors",
        "matched": 11,
        "left_out": ["blocks.9 (no such layer)"],
    }
    untrained = {**whole, "file": "untrained.safetensors", "changes": False}
    look = ({"positive": "a mug"}, {"loras": [whole, partly]}, {"loras": [untrained]})
    warnings = picture_warnings(Result("job", "host", [], None, {}, look=look))
    assert [warning.slug for warning in warnings] == ["lora-partly-loaded", "lora-no-effect"]
    assert "11 of 12 tensors of partly.safetensors" in warnings[0].message
    assert "blocks.9" in warnings[0].message


def test_what_speaks_against_a_matte_is_a_warning_once_a_node() -> None:
    lost = {"id": "matte.parts", "slug": "parts-lost", "message": "parts are lost", "sound": False}
    kept = {"id": "matte.halo", "slug": "halo", "message": "no halo", "sound": True}
    mattes = ({"node": "2", "findings": [lost, kept]}, {"node": "2", "findings": [lost]})
    warnings = picture_warnings(Result("job", "host", [], None, {}, mattes=mattes))
    assert [(warning.slug, warning.node) for warning in warnings] == [("parts-lost", "2")]
