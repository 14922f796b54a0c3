"""How a node says what is wrong: before the queue, while it runs, and beside a picture that is made all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from server import PromptServer

from ..client.errors import PackshotError


class Refused(Exception):
    """A node cannot run. The message is a :meth:`PackshotError.report`, from which a client makes the error again."""


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn a :class:`PackshotError` inside a node into :class:`Refused`, whose text the host carries to the client."""
    try:
        yield
    except PackshotError as error:
        raise Refused(error.report()) from error


def tell(node_id: str | None, warnings: Sequence[str]) -> dict[str, Any] | None:
    """Show warnings on a node and return them as its ``ui`` output, so that a client's record has them; None: none."""
    if not warnings:
        return None
    if node_id is not None:
        PromptServer.instance.send_progress_text("\n".join(warnings), node_id)
    return {"text": list(warnings)}
