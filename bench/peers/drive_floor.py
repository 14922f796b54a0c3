"""The floor: the least that a client can do for a picture with the libraries that Packshot uses.

One kept-open ``requests`` session and one socket; no checks, no recovery, one thread, nothing written to disk.
"""

from __future__ import annotations

import json
import sys
import uuid

import requests
import websocket
from _serve import HANG, Harvest, plain, serve


class Floor:
    """POST the graph, read frames until its last one, GET the record, GET the file."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # no look at proxies and .netrc for each request
        self._client = uuid.uuid4().hex
        self._over: set[str] = set()
        self._socket = websocket.create_connection(f"ws{url.removeprefix('http')}/ws?clientId={self._client}", HANG)

    def submit(self, color: int) -> Harvest:
        body = {"prompt": plain(color), "client_id": self._client}
        answer = self._session.post(f"{self._url}/prompt", json=body, timeout=HANG)
        job = answer.json()["prompt_id"]
        return lambda: self._harvest(job)

    def _harvest(self, job: str) -> bytes:
        while job not in self._over:
            frame = json.loads(self._socket.recv())
            if frame["type"] == "executing" and frame["data"]["node"] is None:
                self._over.add(frame["data"]["prompt_id"])
        self._over.remove(job)
        record = self._session.get(f"{self._url}/history/{job}", timeout=HANG).json()[job]
        picture = record["outputs"]["2"]["images"][0]
        query = {key: picture[key] for key in ("filename", "subfolder", "type")}
        return self._session.get(f"{self._url}/view", params=query, timeout=HANG).content


if __name__ == "__main__":
    serve(Floor(sys.argv[1]).submit)
