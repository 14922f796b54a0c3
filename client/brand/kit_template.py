"""A kit to begin with: ``brand.yaml`` with a comment for each section that is still to be filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping


def template(name: str, colours: Mapping[str, str], logo: str = "", logo_sha256: str = "") -> str:
    """Write the text of a new ``brand.yaml``.

    Args:
        colours: name -> a colour as CSS writes it.
        logo: file of the logo below the kit's folder; empty: none yet.
        logo_sha256: of its content, in hex.
    """
    roles = ["background", "surface", "primary", "secondary", "accent"]
    swatches = [
        f"  - {{name: {_quoted(colour)}, hex: {_quoted(code)}, role: {roles[min(number, len(roles) - 1)]}}}"
        for number, (colour, code) in enumerate(colours.items())
    ]
    logos = f"""
logos:
  - name: logo
    file: {_quoted(logo)}
    sha256: "{logo_sha256}"
    clear_space: 0.25    # kept free on every side, in heights of the logo
    min_width: 120       # pixels
"""
    return _TEMPLATE.format(
        name=_quoted(name), palette="\n".join(["palette:", *swatches] if swatches else ["palette: []"]),
        logos=logos if logo else "\n# logos: - {name: logo, file: logo.png}\n",
    )  # fmt: skip


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a YAML string


_TEMPLATE = """\
name: {name}
version: "0.1.0"

# name: the word for it in prompts. role: background, surface, primary, secondary, accent or text.
{palette}
{logos}
photography:
  background: ""   # "seamless paper, no horizon"
  light: ""        # "one large window from the left, soft shadow"
  camera: ""       # "eye level, 85 mm"

prompt:
  prefix: studio packshot of
  suffix: ""       # what every picture has: background, light, lens
  negative: text, watermark

products:
  keep_pixels: true   # the product's own photograph stays as it is; only what is around it is made
"""
