"""The socket type that carries a model card from Packshot Load Model to the nodes that follow it."""

from __future__ import annotations

from comfy_api.latest import io

Card = io.Custom("PACKSHOT_CARD")
