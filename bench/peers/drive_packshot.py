"""Packshot: submits the file that the canvas opens; the picture lies on disk, with its sha256, before it is read."""

from __future__ import annotations

import sys
from pathlib import Path

from _serve import HANG, Harvest, serve

from packshot import Client

_WORKFLOW = Path(__file__).resolve().parents[1] / "plain.app.json"


def main(url: str, scratch: str) -> None:
    with Client(url, out=scratch) as client:

        def submit(color: int) -> Harvest:
            job = client.submit(_WORKFLOW, color=color)
            return lambda: job.result(HANG).outputs[0].read()

        serve(submit)


if __name__ == "__main__":
    main(*sys.argv[1:])
