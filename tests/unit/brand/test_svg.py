"""Logos in SVG show themselves, and nothing else."""

from __future__ import annotations

import pytest
from hostile.files import SVGS

from packshot.brand.svg import svg_fault

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- Generator: a drawing program -->\n'
_PUBLIC = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'


@pytest.mark.parametrize("name", SVGS)
def test_an_svg_that_does_more_is_refused(name: str) -> None:
    assert svg_fault(SVGS[name].encode())


@pytest.mark.parametrize(
    "body",
    [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 40"><path d="M0 0h9"/></svg>',
        _HEAD + _PUBLIC + '<svg xmlns="http://www.w3.org/2000/svg" width="595.28px" height="841.89px"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="12mm"><defs><linearGradient id="a"/></defs>'
        '<style>.b{fill:url(#a)}</style><use href="#b"/><rect style="fill: url( \'#a\' )"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<image xlink:href="data:image/png;base64,AAAA"/><a xlink:href="https://example.com"><text>x</text></a></svg>',
        "<svg/>",
    ],
)
def test_what_drawing_programs_write_is_accepted(body: str) -> None:
    assert svg_fault(body.encode()) == ""
