"""Malformed headers of every kind: each is read or refused, and nothing else happens.

``bench/headers.py --fuzz`` does the same ten thousand times, in a process of its own, and prints the memory it took.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import ModelCorrupt
from packshot.models.detect.detect import detect_header
from packshot.models.files.quantisation import summary
from packshot.models.files.read import read_header
from support.mutations import mutants
from support.weights import write_raw


def look(path: Path) -> bool:
    """Whether the file is accepted; everything that looks at a header is run over it."""
    refusal = None
    try:
        header = read_header(path)
    except ModelCorrupt as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert refusal.remedy
        return False
    assert 0 <= detect_header(header).confidence <= 1
    summary(header)
    assert all(isinstance(value, str) for value in header.metadata.values())
    return True


@pytest.mark.parametrize("seed", range(10))
def test_mutants_of_real_headers(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "mutant"
    accepted = sum(look(_written(path, content, size)) for content, size in mutants(random.Random(seed), 30))
    assert accepted < 30, "nothing was malformed"


json_text = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(
    tensors=st.dictionaries(
        st.text(max_size=20),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "BF16", "F4", "U8", "X"]) | json_text,
                "shape": st.lists(st.integers(-2, 2**65) | st.integers(0, 4), max_size=9) | json_text,
                "data_offsets": st.lists(st.integers(-1, 64), max_size=3) | json_text,
            }
        )
        | json_text,
        max_size=4,
    ),
    body=st.integers(0, 64),
)
def test_json_that_is_almost_a_header(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, object], body: int
) -> None:
    look(write_raw(tmp_path_factory.getbasetemp() / "almost", json.dumps(tensors).encode(), body))


@given(start=st.sampled_from([b"", b"GGUF", b"GGUF\3\0\0\0", b"\x40\0\0\0\0\0\0\0{"]), rest=st.binary(max_size=200))
def test_bytes(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(start + rest)
    look(path)


def _written(path: Path, content: bytes, size: int) -> Path:
    with path.open("wb") as file:
        file.write(content)
        file.truncate(size)
    return path
