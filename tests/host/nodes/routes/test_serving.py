"""Whom the routes answer, what they refuse, and files of the host."""

from __future__ import annotations

import pytest
import requests

from packshot.host.managed import HostStatus
from support.host.routes import ask, refused, token

# -- whom they answer


@pytest.mark.parametrize("path", ["memory", "brands", "runs", "cards/starter"])
def test_only_pages_of_this_host_and_programs_are_answered(host: HostStatus, path: str) -> None:
    assert ask(host, path).ok
    assert ask(host, path, **{"Sec-Fetch-Site": "same-origin"}).ok
    assert ask(host, path, **{"Sec-Fetch-Site": "none"}).ok
    refused(ask(host, path, **{"Sec-Fetch-Site": "same-site"}), 403)
    assert ask(host, path, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403  # core is there first


def test_a_body_that_does_not_say_what_it_is_is_refused(host: HostStatus) -> None:
    body = requests.post(f"{host.url}/packshot/workflow/contract", data="{}", headers=token(host), timeout=30)
    refused(body, 415)


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 100_000, '"\\ud800"', "NaN"])
def test_a_body_that_is_no_object_is_refused(host: HostStatus, body: str) -> None:
    answer = requests.post(
        f"{host.url}/packshot/workflow/contract",
        data=body,
        headers={"Content-Type": "application/json", **token(host)},
        timeout=30,
    )
    refused(answer, 400)


def test_a_body_that_is_too_large_is_refused(host: HostStatus) -> None:
    answer = requests.post(
        f"{host.url}/packshot/workflow/contract",
        data=b'{"workflow": "' + b"x" * (33 << 20) + b'"}',
        headers={"Content-Type": "application/json", **token(host)},
        timeout=60,
    )
    refused(answer, 413)


@pytest.mark.parametrize("path", ["brands/none", "brands/..%2f..", "cards/none", "cards/..%2fsd15", "runs/x/items"])
def test_what_is_not_there_is_not_found(host: HostStatus, path: str) -> None:
    refused(ask(host, path), 404)
