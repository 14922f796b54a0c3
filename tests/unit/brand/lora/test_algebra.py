"""The algebra of factors is that of matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.brand.lora.algebra import difference, inner, joined, norm, spectrum, truncated
from packshot.brand.lora.changes import Change

sizes = st.integers(1, 9)


@given(sizes, sizes, sizes, sizes, st.integers(0, 2**32 - 1))
def test_the_algebra_of_factors_is_that_of_matrices(out: int, into: int, first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (
        Change(rng.standard_normal((out, rank)).astype("f4"), rng.standard_normal((rank, into)).astype("f4"))
        for rank in (first, second)
    )
    full_a, full_b = (x.up.astype("f8") @ x.down.astype("f8") for x in (a, b))
    size = np.linalg.norm(full_a) + np.linalg.norm(full_b)
    assert inner(a, b) == pytest.approx((full_a * full_b).sum(), rel=1e-5, abs=1e-5 * size**2)
    assert norm(a) == pytest.approx(np.linalg.norm(full_a), rel=1e-5)
    assert np.allclose(joined([(a, 0.5), (b, -2.0)]).dense(), 0.5 * full_a - 2 * full_b, atol=1e-4 * size)
    values = np.linalg.svd(full_a, compute_uv=False)
    assert np.allclose(spectrum(a).values[: len(values)], values[: len(spectrum(a).values)], atol=1e-4 * size)
    whole = truncated(a)
    assert difference(a, whole) < 1e-4 * size
    kept = truncated(a, rank=1)
    assert kept.up.shape[1] == 1
    assert difference(a, kept) == pytest.approx(np.sqrt((values[1:] ** 2).sum()), abs=1e-3 * size)


def test_energy_keeps_the_smallest_rank_that_has_it() -> None:
    values = np.array([8.0, 4.0, 2.0, 1.0], "f4")
    a = Change(np.diag(values), np.eye(4, dtype="f4"))
    shares = np.cumsum(values**2) / (values**2).sum()
    for rank, share in enumerate(shares[:-1], start=1):
        assert truncated(a, energy=float(share) - 1e-4).up.shape[1] == rank
        assert truncated(a, energy=float(share) + 1e-4).up.shape[1] == rank + 1
