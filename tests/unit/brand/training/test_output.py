"""Where a trained LoRA may be written."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from packshot.brand.training.output import is_replaceable, numbered, planned_steps


def write_lora(path: Path, **metadata: str) -> Path:
    save_file({"x": np.zeros(2, np.float32)}, path, metadata)
    return path


OURS = {"packshot.version": "0.1.0", "ss_max_train_steps": "12"}


def test_names_follow_each_other() -> None:
    names = [path.name for path in islice(numbered(Path("a/kiln.v1.safetensors")), 3)]
    assert names == ["kiln.v1.safetensors", "kiln.v1-2.safetensors", "kiln.v1-3.safetensors"]


def test_a_lora_that_lacks_its_last_steps_is_written_again_and_a_finished_one_is_not(tmp_path: Path) -> None:
    file = write_lora(tmp_path / "kiln.safetensors", **OURS, ss_steps="5")
    assert (is_replaceable(file), planned_steps(file)) == (True, None)
    file = write_lora(tmp_path / "done.safetensors", **OURS, ss_steps="12")
    assert (is_replaceable(file), planned_steps(file)) == (False, 12)
    assert is_replaceable(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize(
    "metadata",
    [{}, {"ss_steps": "5", "ss_max_train_steps": "12"}, OURS, OURS | {"ss_steps": "many"}],
    ids=["bare", "another trainer's", "no steps", "no number"],
)
def test_a_file_of_unknown_origin_is_not_written_over(tmp_path: Path, metadata: dict[str, str]) -> None:
    assert not is_replaceable(write_lora(tmp_path / "kiln.safetensors", **metadata))


def test_what_is_no_lora_at_all_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_text("notes")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "gone")
    assert not any(is_replaceable(path) for path in tmp_path.iterdir())
