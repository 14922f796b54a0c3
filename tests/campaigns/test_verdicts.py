"""A sample of the verdict campaign of ``bench/client.py``: what the client says of a job is how the job ended."""

from __future__ import annotations

from pathlib import Path

from _common import PLAIN, picture_fault
from _verdicts import Case, campaign

from packshot import Client
from packshot.host.managed import HostStatus


def test_three_hundred_short_jobs_and_no_wrong_verdict(host: HostStatus, tmp_path: Path) -> None:
    done = campaign(host.url or "", 300, tmp_path)
    assert done.wrong == []
    assert done.kinds == {"picture": 240, "repeat": 30, "text": 15, "failure": 15}
    assert list(tmp_path.iterdir()) == [], "every output was looked at, and nothing half-written stays"


def test_the_campaign_sees_each_kind_of_wrong_verdict(host: HostStatus, tmp_path: Path) -> None:
    with Client(host.url or "", out=tmp_path) as client:
        picture = client.submit(PLAIN, color=0x102030, width=20, height=30)
        path = picture.result(30).outputs[0].file
        data = path.read_bytes()
        assert picture_fault(data, 0x102030, 20, 30) == ""
        assert "102030, not 102031" in picture_fault(data, 0x102031, 20, 30)
        assert "20 x 30 pixels" in picture_fault(data, 0x102030, 30, 20)
        assert "not a picture" in picture_fault(data[: len(data) // 2], 0x102030, 20, 30)

        # A verdict that belongs to another job.
        number = 900_000
        assert "colour" in Case(number, "picture").fault(Case(number + 256 * 48 * 48, "picture").submit(client))
        assert "not reused" in Case(number, "repeat").fault(Case(number, "picture").submit(client))
        assert "said to be reused" in Case(number, "picture").fault(Case(number, "repeat").submit(client))
        assert "false success" in Case(number, "failure").fault(Case(number, "text").submit(client))
        assert "false failure" in Case(number, "text").fault(Case(number, "failure").submit(client))
        assert "the text is" in Case(number, "text").fault(Case(number + 1, "text").submit(client))
