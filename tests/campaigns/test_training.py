"""Trainings that are killed and cancelled go on to the same weights."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from packshot.errors import JobCancelled
from packshot.host.managed import ManagedHost
from support.host.training import STEPS, client_of, lora_file, same_weights, steps_done, submit, tensors, wait_for_step


def test_killed_in_the_middle_it_leaves_whole_files_and_goes_on_to_the_same_weights(
    training_host: ManagedHost, training_pictures: Path, trained: dict[str, Any], tmp_path: Path
) -> None:
    with client_of(training_host, tmp_path) as found:
        submit(found, training_pictures, output_name="killed")
        wait_for_step(training_host, "killed", 3)
        pid = training_host.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)
    left = steps_done(training_host, "killed")
    assert 3 <= left < STEPS
    assert tensors(lora_file(training_host, "killed")).keys() == tensors(Path(trained["file"])).keys()
    assert not same_weights(lora_file(training_host, "killed"), Path(trained["file"]))
    training_host.up()
    with client_of(training_host, tmp_path) as found:
        submit(found, training_pictures, output_name="killed").result(300)
    assert steps_done(training_host, "killed") == STEPS
    assert same_weights(lora_file(training_host, "killed"), Path(trained["file"]))


def test_cancelled_it_keeps_the_last_step_and_goes_on_to_the_same_weights(
    training_host: ManagedHost, training_pictures: Path, trained: dict[str, Any], tmp_path: Path
) -> None:
    with client_of(training_host, tmp_path) as found:
        # Only the cancel itself can have written a checkpoint beyond the beginning.
        job = submit(found, training_pictures, output_name="cancelled", checkpoint_interval=0)
        for event in job.events(240):
            if getattr(event, "value", 0) >= 12 + 3 + 3:  # pictures, captions with the empty one, and some steps
                job.cancel()
                break
        with pytest.raises(JobCancelled):
            job.result(120)
        assert 0 < steps_done(training_host, "cancelled") < STEPS
        submit(found, training_pictures, output_name="cancelled").result(300)
    assert same_weights(lora_file(training_host, "cancelled"), Path(trained["file"]))
