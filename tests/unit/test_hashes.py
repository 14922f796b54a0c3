"""Hashes of files, remembered until they change."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from packshot.hashes import HashCache


def test_hashes_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    file, memory = tmp_path / "model.safetensors", tmp_path / "cache" / "hashes.json"
    file.write_bytes(b"weights")
    cache = HashCache(memory)
    assert cache.sha256(file) == hashlib.sha256(b"weights").hexdigest()
    cache.save()

    known = json.loads(memory.read_text())
    known[str(file)][2] = "remembered"
    memory.write_text(json.dumps(known))
    assert HashCache(memory).sha256(file) == "remembered"

    file.write_bytes(b"Weights")
    os.utime(file, ns=(1, 1))
    assert HashCache(memory).sha256(file) == hashlib.sha256(b"Weights").hexdigest()
    file.write_bytes(b"more weights")
    os.utime(file, ns=(known[str(file)][1], known[str(file)][1]))
    assert HashCache(memory).sha256(file) == hashlib.sha256(b"more weights").hexdigest()


@pytest.mark.parametrize("text", ["", "[]", "null", '{"x": 1}', "\x00"])
def test_a_memory_that_is_broken_is_forgotten(text: str, tmp_path: Path) -> None:
    file, memory = tmp_path / "x", tmp_path / "hashes.json"
    file.write_bytes(b"x")
    memory.write_text(text.replace("x", str(file)))
    assert HashCache(memory).sha256(file) == hashlib.sha256(b"x").hexdigest()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"x")
    cache = HashCache(file / "hashes.json")
    assert cache.sha256(file) == hashlib.sha256(b"x").hexdigest()
    cache.save()
