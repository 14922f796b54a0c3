"""The socket type that carries a brand kit from Packshot Brand to the nodes that follow it."""

from __future__ import annotations

from comfy_api.latest import io

Brand = io.Custom("PACKSHOT_BRAND")
