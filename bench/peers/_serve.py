"""What the drivers share: commands in, timed pictures out, one JSON object a line. Standard library only.

A driver runs one client in a process and an environment of its own. It gives :func:`serve` a function that submits a
job and returns a function that waits for its picture; when those two are called is the same for every client.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

HANG = 30.0  # seconds after which a job counts as hung

Harvest = Callable[[], bytes]
Submit = Callable[[int], Harvest]


def plain(color: int) -> dict[str, Any]:
    """``bench/plain.app.json`` in API format, for the clients that take that: a 64 x 64 PNG of one colour, 0xRRGGBB."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": color},
            "_meta": {"title": "Plain colour"},
        },
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "packshot/plain"},
            "_meta": {"title": "Save"},
        },
    }


def serve(submit: Submit) -> None:
    """Answer commands until standard input ends.

    A command is ``{"mode": "sequential" | "pipelined", "colors": [int, …]}``. Its answer is ``{"wall": seconds, "jobs":
    [{"color", "seconds", "picture": base64 or null, "error": str}, …]}``; ``seconds`` counts from the call that submits
    to the picture's bytes in hand, or to the error, and is null where jobs overlap. ``{"ready": true}`` comes first.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a client prints must not get between the answers
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        colors = command["colors"]
        started = time.perf_counter()
        jobs = _one_by_one(submit, colors) if command["mode"] == "sequential" else _all_at_once(submit, colors)
        print(json.dumps({"wall": time.perf_counter() - started, "jobs": jobs}), file=answers, flush=True)


def _one_by_one(submit: Submit, colors: list[int]) -> list[dict[str, Any]]:
    jobs = []
    for color in colors:
        started = time.perf_counter()
        picture, error = _attempt(partial(_run, submit, color))
        jobs.append(_job(color, time.perf_counter() - started, picture, error))
    return jobs


def _all_at_once(submit: Submit, colors: list[int]) -> list[dict[str, Any]]:
    submitted = [_attempt(partial(submit, color)) for color in colors]
    jobs = []
    for color, (harvest, error) in zip(colors, submitted, strict=True):
        picture, error = _attempt(harvest) if harvest else (None, error)
        jobs.append(_job(color, None, picture, error))
    return jobs


def _run(submit: Submit, color: int) -> bytes:
    return submit(color)()


def _attempt(action: Callable[[], Any]) -> tuple[Any, str]:
    """What the action returns and an empty string, or None and what it raised: the verdict under test."""
    try:
        return action(), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _job(color: int, seconds: float | None, picture: bytes | None, error: str) -> dict[str, Any]:
    encoded = base64.b64encode(picture).decode() if picture is not None else None
    return {"color": color, "seconds": seconds, "picture": encoded, "error": error}
