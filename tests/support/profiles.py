"""Licence profiles."""

from __future__ import annotations

from typing import Any

from packshot.models.licensing.profile import Profile

SHOP = {
    "annual_revenue_usd": 500000, "monthly_active_users": 20000, "publish_territories": ["US"],
    "server_territory": "US", "purpose": "production", "hosted_for_others": False, "trains_on_outputs": False,
}  # fmt: skip


def profile(**changes: Any) -> Profile:
    return Profile.model_validate({**SHOP, **changes})
