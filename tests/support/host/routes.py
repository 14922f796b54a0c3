"""The routes that the canvas extension asks."""

from __future__ import annotations

from typing import Any

import requests

from packshot.host.managed import HostStatus


def ask(host: HostStatus, path: str, content: Any = None, **headers: str) -> requests.Response:
    url = f"{host.url}/packshot/{path}"
    if content is None:
        return requests.get(url, headers=headers, timeout=60)
    return requests.post(url, json=content, headers=headers, timeout=60)


def refused(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["error"]["message"]
    assert message
    return message
