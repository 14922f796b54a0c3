"""A console of rich on which no foreign text acts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ..secrets import printable, public_address


class PrintableConsole(Console):
    """Prints texts without secrets of addresses and without what a terminal would act on.

    What rich itself writes to colour a text or to move the cursor stays.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(public_address(text)), style, control)
