"""Metadata of LoRAs: stamped, scrubbed, and the trigger words in them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from packshot.brand.lora.metadata import PRIVATE, Statement, scrubbed, stamp, trigger_words
from packshot.brand.lora.report import inspect_lora
from support import loras
from support.loras import METADATA, body_start, metadata


@pytest.mark.parametrize("algorithm", ["lora", "peft", "oft", "dora"])
def test_stamping_changes_no_tensor(tmp_path: Path, algorithm: str) -> None:
    make = {**loras.ADDITIVE, **loras.OTHERS}[algorithm]
    path = loras.write(tmp_path / "in.safetensors", make, metadata={**METADATA, "ss_dataset_dirs": '{"/home/ann": 1}'})
    before = inspect_lora(path)
    said = stamp(path, tmp_path / "out.safetensors", Statement(title="New", licence="own", trigger="a, b"))
    after = inspect_lora(tmp_path / "out.safetensors")
    assert after["autov3"] == before["autov3"]
    assert after["sha256"] != before["sha256"]
    assert {name: value.tobytes() for name, value in load_file(str(path)).items()} == {
        name: value.tobytes() for name, value in load_file(str(tmp_path / "out.safetensors")).items()
    }
    assert after["trigger_words"] == ["a", "b"]
    assert said == metadata(tmp_path / "out.safetensors") == after["metadata"]
    assert (said["modelspec.title"], said["modelspec.license"], said["custom.key"]) == ("New", "own", "kept")
    body = hashlib.sha256((tmp_path / "out.safetensors").read_bytes()[-before["size"] + body_start(path) :]).hexdigest()
    assert said["modelspec.hash_sha256"] == f"0x{body}"
    assert body[:12] == after["autov3"]
    assert "ss_dataset_dirs" in said, "nothing is taken out unasked"


def test_scrubbing_takes_out_what_is_private_and_keeps_the_trigger(tmp_path: Path) -> None:
    private = dict.fromkeys(PRIVATE, "x") | {
        "ss_datasets": json.dumps([{"subsets": [{"class_tokens": "tide style", "image_dir": "C:\\Users\\ann"}]}]),
        "other": "see /home/ann/pictures",
    }
    path = loras.write(tmp_path / "in.safetensors", metadata=private | {"ss_network_dim": "4"})
    stamp(path, path, Statement(), scrub=True)
    said = metadata(path)
    assert not set(PRIVATE) & said.keys()
    assert "other" not in said
    assert said["ss_network_dim"] == "4"
    assert said["modelspec.trigger_phrase"] == "tide style"
    assert said["modelspec.title"] == "in"
    assert said["modelspec.architecture"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"modelspec.trigger_phrase": "a, b ,a"}, ("a", "b")),
        ({"modelspec.trigger_phrase": " ", "modelspec.usage_hint": "say c"}, ("say c",)),
        ({"ss_datasets": json.dumps([{"subsets": [{"class_tokens": "d"}, {"class_tokens": None}]}])}, ("d",)),
        ({"ss_tag_frequency": json.dumps({"10_x": {"e": 20, "mug": 3}}), "ss_num_train_images": "20"}, ("e",)),
        ({"ss_tag_frequency": json.dumps({"10_x": {"mug": 3, "e": 20}}), "ss_num_train_images": "20"}, ()),
        ({"ss_datasets": "[1, {}", "ss_tag_frequency": "[]"}, ()),
        ({"ss_datasets": "[" * 100_000}, ()),
        ({}, ()),
    ],
)
def test_trigger_words_come_from_the_first_that_names_any(said: dict[str, str], words: tuple[str, ...]) -> None:
    assert trigger_words(said) == words


@pytest.mark.parametrize(
    "value",
    [r"C:\Users\ann\set", "D:/pictures", r"\\server\share", "/home/ann/x", "dir=/mnt/set", "~/set", '{"a": "/data/x"}',
     "file:///x", "/Volumes/disk/x"],
)  # fmt: skip
def test_paths_of_a_machine_are_scrubbed(value: str) -> None:
    assert scrubbed({"note": value}) == {}


@pytest.mark.parametrize(
    "value", ["https://example.org/home/x", "data:image/jpeg;base64,/9j/4AAQ", "1.0.1", "a/b", "8:2", "Flux.2-dev/lora"]
)
def test_what_is_no_path_stays(value: str) -> None:
    assert scrubbed({"note": value}) == {"note": value}
