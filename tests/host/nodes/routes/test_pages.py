"""The table of hostile requests, paths, pages and ledgers, on a real host; ``bench/trust.py pages`` prints it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import pages
from hostile.probe import Probe

from packshot.catalog.known_runs import remember_run, run_id
from packshot.comfy.http import HostApi
from packshot.host.managed import HostStatus


@pytest.fixture
def site(host: HostStatus) -> pages.Site:
    return pages.open_site(str(host.url))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = pages.plant_run(tmp_path / "run")
    remember_run(folder)
    return folder


def broken(probes: Iterator[Probe]) -> list[Probe]:
    rows = list(probes)
    assert rows
    return [row for row in rows if not row.held]


def test_no_request_of_another_page_or_name_or_without_the_token_is_answered(site: pages.Site, run: Path) -> None:
    assert broken(pages.refusal_probes(site, run)) == []
    assert not (run / "approvals.json").exists()


def test_no_path_leads_out_of_what_a_run_shows(site: pages.Site, run: Path) -> None:
    assert broken(pages.path_probes(site, run)) == []


def test_what_lies_in_a_run_is_sandboxed_or_a_download(site: pages.Site, run: Path) -> None:
    assert broken(pages.page_probes(site, run)) == []


def test_an_uploaded_run_is_none(site: pages.Site, run: Path) -> None:
    assert broken(pages.planted_probes(site, run)) == []


def test_to_look_at_a_run_does_not_change_its_time(site: pages.Site, run: Path) -> None:
    assert broken(pages.changed_probes(site, run)) == []


def test_no_ledger_of_a_stranger_keeps_the_host_from_answering(site: pages.Site, tmp_path: Path) -> None:
    for number, (name, statements) in enumerate(pages.LEDGERS.items()):
        run = pages.write_ledger(tmp_path / f"run{number}", statements)
        remember_run(run)
        assert pages.ledger_probe(site, run, name).held, name


def test_others_are_answered_while_large_ledgers_are_read(site: pages.Site, tmp_path: Path) -> None:
    run = pages.write_rows(tmp_path / "rows", 150_000)
    remember_run(run)
    path = f"runs/{run_id(run)}/items?words=nothing"
    threads = [threading.Thread(target=site.ask, args=("GET", path)) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert [site.ask("GET", other).status for other in ("memory", "brands", "cards/starter", "/queue")] == [200] * 4
    assert any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()


def test_a_program_is_answered_by_whatever_name_it_asks(site: pages.Site) -> None:
    program = {"Sec-Packshot-Program": "1"}
    for path in ("boot", "memory", "runs"):
        assert site.ask("GET", path, program, host="render.cluster.example:8188").status == 200
    for name in ("localhost", "[::1]:8188", f"LOCALHOST.:{site.port}", site.address):
        assert site.ask("GET", "boot", host=name).status == 200


def test_the_client_is_answered_by_a_name_that_the_host_does_not_know(host: HostStatus) -> None:
    api = HostApi(str(host.url), headers={"Host": "render.cluster.example"})
    assert api.boot()
    api.close()


def test_a_page_of_its_own_may_change_something_with_the_token(site: pages.Site) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{site.authority}", pages.TOKEN_HEADER: site.token}
    answered = site.ask(
        "POST", "brands/aldern-quay/check", {**pages.JSON, **own}, b'{"type": "output", "filename": "x"}'
    )
    assert answered.status == 404  # it went as far as looking for the picture
