"""What is no file of weights, and how a header is found."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from packshot.errors import ModelMissing
from packshot.models.files.read import read_header
from support.weights import refused, write_gguf, write_safetensors


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"abc", "is no model file: it has 3 bytes"),
        (pickle.dumps({"a": 1}, protocol=2), "is a pickle"),
        (b"PK\x03\x04" + b"\0" * 100, "is a pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page or an answer in XML"),
        (b'\xef\xbb\xbf{"detail": "Not found."}', 'is an answer in JSON, saved in place of the model: {"detail"'),
        (b'[\n  {"message": "' + "é".encode() * 400 + b'"}]', "is an answer in JSON"),
        ('{"error": "Gated"}'.encode("utf-16"), "is an answer in JSON"),
        (b'{"metadata": {}, "weight_map": {"a": "model-00001.safetensors"}}', "the index (JSON) of a model in several"),
        (b"Entry not found", "is text, and no file of weights: Entry not found"),
        (b"/annex/objects/MD5E-s123--0.safetensors\n", "git-annex pointer"),
        (b"\x1f\x8b\x08" + b"\0" * 100, "a gzip archive"),
        (b"\0" * 4096, "begins with zeros"),
        (random.Random(7).randbytes(7) + b"\xff" + random.Random(8).randbytes(500), "neither safetensors nor GGUF"),
    ],
    ids=[
        "empty",
        "short",
        "pickle",
        "zip",
        "lfs",
        "page",
        "xml",
        "json",
        "json-long",
        "json-utf16",
        "index",
        "words",
        "annex",
        "gzip",
        "zeros",
        "noise",
    ],  # fmt: skip,
)
def test_what_is_no_file_of_weights(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(content)
    assert says in refused(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # nobody writes into it: to open it would wait for ever
    assert "no regular file" in refused(tmp_path / "pipe")
    assert "no regular file" in refused(Path("/dev/zero"))
    with pytest.raises(ModelMissing, match="no such file"):
        read_header(tmp_path / "absent.safetensors")
    (tmp_path / "link.safetensors").symlink_to(write_safetensors(tmp_path / "real.safetensors", {"w": (2,)}))
    assert read_header(tmp_path / "link.safetensors").tensors.keys() == {"w"}


Write = Callable[[Path], Path]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_safetensors(path, {f"{i}.weight": (1 << 20, 1 << 14) for i in range(3)}),
        lambda path: write_gguf(path, {f"{i}.weight": (1 << 20, 1 << 14) for i in range(3)}),
    ],
)
def test_the_size_of_the_body_does_not_matter(tmp_path: Path, write: Write) -> None:
    header = read_header(write(tmp_path / "large"))
    assert header.size > 100e9
    assert len(header.tensors) == 3
