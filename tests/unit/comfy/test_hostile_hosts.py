"""Hosts that send too much, too slowly, or something else than was asked for; the modes are those of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.hosts import MODES, Mode, attack, serve

from packshot import Client
from packshot.errors import OutputDamaged

# The rest differ in what is sent, and not in what holds against it; `python bench/trust.py hosts` tries them all.
_TRIED = [
    *("honest", "head-trickled", "definitions-unfolding", "brackets", "record-trickled", "outputs-many"),
    *("record-of-other-work", "text-for-a-picture", "picture-is-html", "picture-trickled", "picture-cut-short"),
    *("frames-of-jobs-flooding", "frame-huge", "socket-redirected"),
]
_BY_NAME = {mode.name: mode for mode in MODES}


@pytest.mark.parametrize("name", _TRIED)
def test_a_job_ends_in_its_time_whatever_its_host_sends(name: str, tmp_path: Path) -> None:
    probe = attack(_BY_NAME[name], tmp_path)
    assert probe.held, probe.note


@pytest.mark.parametrize("name", ["upload-planted", "upload-half-there"])
def test_what_lies_under_the_name_of_an_upload_is_replaced(name: str) -> None:
    content = bytes(range(256))
    with serve(_BY_NAME[name]) as url, Client(url) as client:
        place = client.upload(content)
        stored = client.api.view(place.removeprefix("packshot/"), "packshot", "input")
        assert stored is not None
        assert b"".join(stored) == content


@pytest.mark.parametrize("name", ["upload-halved", "upload-exchanged"])
def test_an_upload_that_does_not_arrive_whole_is_refused(name: str) -> None:
    with serve(_BY_NAME[name]) as url, Client(url) as client, pytest.raises(OutputDamaged, match="it was sent"):
        client.upload(bytes(range(256)))


def test_an_upload_that_is_there_is_not_sent_again() -> None:
    content = bytes(range(256))
    refusing = Mode("refusing", "/nothing", lambda _: None, planted=content, keep=lambda _: b"")
    with serve(refusing) as url, Client(url) as client:
        assert client.upload(content).startswith("packshot/")
