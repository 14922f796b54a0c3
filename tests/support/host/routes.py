"""The routes that the canvas extension asks."""

from __future__ import annotations

from typing import Any

import requests

from packshot.host.managed import HostStatus


def token(host: HostStatus) -> dict[str, str]:
    """The header that goes with what changes something."""
    answer: dict[str, str] = requests.get(f"{host.url}/packshot/boot", timeout=60).json()
    return {"X-Packshot-Token": answer["token"]}


def ask(host: HostStatus, path: str, content: Any = None, **headers: str) -> requests.Response:
    url = f"{host.url}/packshot/{path}"
    if content is None:
        return requests.get(url, headers=headers, timeout=60)
    return requests.post(url, json=content, headers={**token(host), **headers}, timeout=60)


def refused(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["error"]["message"]
    assert message
    return message
