"""The socket type that carries a brand kit from Packshot Brand to the nodes that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

Brand = io.Custom("PACKSHOT_BRAND")


class Triggers(str):
    """Trigger words, separated by commas, and what was applied with them.

    The host does not run Packshot Brand LoRA again for the next product, and so it says nothing then; Packshot Brand
    Prompt, which has that product's words and does run, says it in its place.

    Attributes:
        look: what the picture's record keeps of the LoRAs.
    """

    look: Mapping[str, Any]
