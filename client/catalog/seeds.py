"""The seeds of items and of their further tries: the same for every run."""

from __future__ import annotations

import hashlib
import json

SEED_LIMIT = 2**50
"""Seeds lie in [0, 2**50): the range in which ComfyUI's canvas draws its own random seeds. A seed widget takes up to
2**64 - 1, but JavaScript keeps integers exactly only below 2**53, and the canvas must show the seed that was used."""


def item_seed(sku: str, variant: str, base_seed: int) -> int:
    """The seed of one item: the first 50 bits of SHA-256 over ``[sku, variant, base_seed]`` as JSON in UTF-8."""
    key = json.dumps([sku, variant, base_seed], ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT


def seed_of_try(seed: int, tries: int) -> int:
    """The seed with which an item is made after so many of its pictures failed; the first is its own.

    The same for every run: the first 50 bits of SHA-256 over ``[seed, tries]`` as JSON.
    """
    if not tries:
        return seed
    digest = hashlib.sha256(json.dumps([seed, tries], separators=(",", ":")).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT
