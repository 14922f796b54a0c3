"""Packshot Text and Packshot Logo on a real host: what is written is there, or is refused by name."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

from packshot import Client
from packshot.comfy import protocol
from packshot.errors import InputInvalid
from support.host.picture_graphs import node, run, saved, texts, upload
from support.text_faces import faces_for

PLAIN_WORDS = {"font": "auto", "size": 0, "align": "centre", "vertical": "middle", "line_spacing": 1.0}
BOX = {"left": 0.05, "top": 0.05, "width": 0.9, "height": 0.4}


def words(text: str, **other: Any) -> dict[str, dict[str, Any]]:
    """A graph that sets text on white."""
    settings: dict[str, Any] = {"text": text, "colour": "#000000", **PLAIN_WORDS, **BOX, **other}
    return {
        "1": node("EmptyImage", width=640, height=320, batch_size=1, color=0xFFFFFF),
        "2": node("PackshotText", image=["1", 0], **settings),
        "3": node("PreviewImage", images=["2", 0]),
    }


def logo(client: Client, pixels: np.ndarray, **other: Any) -> dict[str, dict[str, Any]]:
    """A graph that puts a logo on grey."""
    rule = {"anchor": "centre", "width": 0.3, "smallest": 20, "clear_space": 0.2, "margin": 0.02}
    return {
        "1": node("EmptyImage", width=640, height=320, batch_size=1, color=0x808080),
        "2": node("LoadImage", image=upload(client, "logo", pixels)),
        "3": node("PackshotLogo", image=["1", 0], logo=["2", 0], **rule | other),
        "4": node("PreviewImage", images=["3", 0]),
    }


def ring() -> np.ndarray:
    """A blue ring, RGBA; black below what is transparent, as most programs write it."""
    rows, columns = np.mgrid[:120, :120]
    cover = np.clip(14 - np.abs(np.hypot(rows - 60, columns - 60) - 40), 0, 1)[..., None]
    return np.concatenate((cover * [0.1, 0.2, 0.8], cover), axis=2).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("🔥", True),
        ("Sale 🔥 -50 %", True),
        ("Tee 茶 شاي", False),
        ("นี่คือสินค้าใหม่ของเรา", False),
        ("नमस्ते Kiln", False),
        ("🇩🇪 1️⃣ 👩‍👩‍👧", True),
    ],
)
def test_text_in_any_script_is_there(client: Client, text: str, colours: bool) -> None:
    faces_for(text)
    record = run(client, graph := words(text))
    assert record.succeeded, protocol.failure(record, graph)
    picture = saved(client, record, "3").astype(int)
    assert (picture.min(axis=2) < 128).sum() > 200
    assert ((picture.max(axis=2) - picture.min(axis=2)) > 80).any() == colours
    assert not (picture[150:] < 255).any()
    note = texts(record, "2")
    assert "set" in note
    assert "read back" in note


def test_thai_fills_its_box(client: Client) -> None:
    text = "สินค้าใหม่ของเราทำจากวัสดุธรรมชาติคุณภาพสูงและออกแบบมาเพื่อการใช้งานในชีวิตประจำวันของทุกคนในครอบครัว"
    faces_for(text)
    record = run(client, words(text))
    ink = saved(client, record, "3")[..., 0] < 128
    assert np.count_nonzero(ink.any(axis=1)) > 60
    (size,) = (int(word) for word in texts(record, "2").split() if word.isdigit())
    assert size >= 25


@pytest.mark.parametrize("text", ["Sale \U0001fadd", "\ue000", "\u2800", "\u200b"])
def test_what_no_font_draws_is_refused_by_its_name(client: Client, text: str) -> None:
    record = run(client, graph := words(text))
    assert not record.succeeded
    error = protocol.failure(record, graph)
    assert isinstance(error, InputInvalid)
    assert error.remedy
    if text != "\u200b":
        assert f"U+{ord(text[-1]):04X}" in error.message


@pytest.mark.parametrize(
    "colour", ["red", "#f00", "FF0000", " #FF0000 ", "#FF0000FF", "rgb(255 0 0)", "hsl(0 100% 50%)"]
)
def test_a_colour_in_any_form_of_css_is_exact(client: Client, colour: str) -> None:
    record = run(client, graph := words("Sale", colour=colour))
    assert record.succeeded, protocol.failure(record, graph)
    picture = saved(client, record, "3")
    assert (picture == [255, 0, 0]).all(axis=2).sum() > 500


@pytest.mark.parametrize("colour", ["rot", "#12345", "", "currentColor", "color(display-p3 0 1 0)"])
def test_what_is_no_colour_is_refused_before_the_queue(client: Client, colour: str) -> None:
    graphs = [words("Sale", colour=colour)]
    product = {"width": 64, "height": 64, "placement": "fit", "fill": 0.8, "x": 0.5, "y": 0.5, "margin": 0.05}
    look = {"shadow": 0.0, "softness": 1.0, "edge": 2, "remove_spill": False, "solid": 0.95}
    graphs.append(
        {
            "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
            "2": node("SolidMask", value=1.0, width=64, height=64),
            "3": node("PackshotProductComposite", product=["1", 0], mask=["2", 0], colour=colour, **product, **look),
            "4": node("PreviewImage", images=["3", 0]),
        }
    )
    for graph in graphs:
        answer = client.api.submit({"prompt": graph, "prompt_id": str(uuid.uuid4()), "client_id": "x"})
        assert not answer.ok
        assert "colour" in answer.text
        assert "What to do" in answer.text


def test_a_logo_without_its_mask_is_never_a_black_box(client: Client) -> None:
    mark = ring()
    refused = {
        "mask not linked": logo(client, mark),
        "no alpha in the file": logo(client, mark[..., :3], transparency=["2", 1]),
    }
    inverted = logo(client, mark, transparency=["5", 0])
    refused["mask inverted"] = inverted | {"5": node("InvertMask", mask=["2", 1])}
    for name, graph in refused.items():
        record = run(client, graph)
        assert not record.succeeded, name
        error = protocol.failure(record, graph)
        assert isinstance(error, InputInvalid), name
        assert "as a box" in error.message
        assert "MASK" in error.remedy
    record = run(client, graph := logo(client, mark, transparency=["2", 1]))
    assert record.succeeded, protocol.failure(record, graph)
    picture = saved(client, record, "4")
    assert not (picture < 20).all(axis=2).any()
    assert (picture == np.round(np.array([0.1, 0.2, 0.8]) * 255)).all(axis=2).sum() > 500
    record = run(client, graph := logo(client, mark[..., :3], box=True))
    assert record.succeeded, protocol.failure(record, graph)
