"""What came of a call: its answer, or the slug of its refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from packshot.errors import PackshotError

T = TypeVar("T")


def look(make: Callable[[], T]) -> T | str:
    """What came of it, or the slug of the refusal; nothing else may happen."""
    try:
        return make()
    except PackshotError as refusal:
        return refusal.slug
