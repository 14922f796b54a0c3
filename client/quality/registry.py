"""The registry of checks: those that ship, and those that a user has registered."""

from __future__ import annotations

from ..errors import InputInvalid, nearest
from . import measures  # noqa: F401  registers those that ship
from .checks import REGISTERED, Check


def all_checks() -> dict[str, Check]:
    """Every check by id, in the order in which reports show them."""
    return dict(REGISTERED)


def find_check(check_id: str) -> Check:
    """The check of an id.

    Raises:
        InputInvalid: there is none.
    """
    known = all_checks()
    if check_id not in known:
        raise InputInvalid(f"there is no check '{check_id}'", remedy=nearest(check_id, known))
    return known[check_id]
