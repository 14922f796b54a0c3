"""Where a line may break: by UAX #14, and between the words of the scripts that are written without spaces."""

from __future__ import annotations

import functools
import itertools

from uniseg.linebreak import line_break_boundaries

try:
    from icu4py.breakers import LineBreaker
except ImportError:  # Python 3.10 has no build of it: Thai, Lao, Khmer and Burmese break at their spaces there
    LineBreaker = None  # type: ignore[assignment,misc]

_REPEATS = ("ๆ", "ໆ", "ៗ")


@functools.lru_cache(maxsize=256)
def line_breaks(text: str) -> tuple[int, ...]:
    """Give the offsets after which a new line may begin, rising, the end of the text among them.

    ICU finds them: by UAX #14, and by its dictionaries for Thai, Lao, Khmer and Burmese.
    """
    if LineBreaker is None:
        breaks = list(line_break_boundaries(text))
    else:
        breaks = list(itertools.accumulate(map(len, LineBreaker(text, "root"))))
    # A mark of repetition stands with its word, also where a space is written before it.
    return tuple(offset for offset in breaks if text[offset : offset + 1] not in _REPEATS)
