"""Brands: the kit that every picture of a brand is made with."""

from __future__ import annotations

from .kit import BrandKit
from .sections import BrandLora, Colour, Prompt

__all__ = ["BrandKit", "BrandLora", "Colour", "Prompt"]
