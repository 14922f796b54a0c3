"""Thresholds and attestations."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.models.licensing.clauses import Duty, MonthlyUsersThreshold, RevenueThreshold
from packshot.models.licensing.licences import (
    Part,
    judge,
    licence_ids,
    load_licence,
)
from packshot.models.licensing.profile import Attestation
from support.profiles import profile


def test_every_attestation_lifts_some_clause() -> None:
    lifted = {
        clause.unless
        for licence in map(load_licence, licence_ids())
        for clause in licence.clauses
        if not isinstance(clause, Duty)
    }
    assert lifted - {None} == set(get_args(Attestation))


THRESHOLDS = [
    (licence, clause)
    for licence in licence_ids()
    for clause in load_licence(licence).clauses
    if isinstance(clause, RevenueThreshold | MonthlyUsersThreshold)
]


@pytest.mark.parametrize(("licence", "clause"), THRESHOLDS, ids=lambda value: str(getattr(value, "id", value)))
@given(off=st.integers(-2, 2) | st.integers(-(10**5), 10**9))
def test_a_threshold_is_exact(licence: str, clause: RevenueThreshold | MonthlyUsersThreshold, off: int) -> None:
    money = isinstance(clause, RevenueThreshold)
    limit = clause.usd if isinstance(clause, RevenueThreshold) else clause.users
    stated = profile(**{"annual_revenue_usd" if money else "monthly_active_users": limit + off})
    reasons = judge([Part("model", licence, "test")], stated).reasons
    refused = off > 0 if clause.over == "more-than" else off >= 0
    assert (clause.id in {reason.clause_id for reason in reasons}) == refused
