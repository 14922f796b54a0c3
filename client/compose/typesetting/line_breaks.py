"""Where a line may break: by UAX #14, and between the words of the scripts that are written without spaces."""

from __future__ import annotations

import functools
import gzip
import itertools
import unicodedata
from pathlib import Path

from uniseg.linebreak import LineBreak, line_break, line_break_boundaries

# Scripts of UAX #14's class SA that a dictionary is here for; of the others no word is known, and none is broken.
_BLOCKS = {
    "thai": range(0x0E00, 0x0E80),
    "lao": range(0x0E80, 0x0F00),
    "burmese": range(0x1000, 0x10A0),
    "khmer": range(0x1780, 0x1800),
}
# Vowels that are written before their consonant, and signs that stack the next consonant below: no word ends in them.
_OPENERS = frozenset("เแโใไເແໂໃໄ\u1039\u17d2")
# Vowels that stand beside their consonant, and marks of repetition and abbreviation: no word begins with them.
_CLOSERS = frozenset("ะาำๅๆฯະາຳຽໆຯៗ។៕")
_REPEATS = ("ๆ", "ໆ", "ៗ")
_SILENCERS = frozenset("์\u103a\u17cb")  # a consonant under one of these ends a word
_WORD, _UNKNOWN, _LETTER = 10, 11, 5  # costs of a word, of a piece that is none, and of each letter of it
_LONGEST_UNKNOWN = 40  # letters in one piece


@functools.lru_cache(maxsize=256)
def line_breaks(text: str) -> tuple[int, ...]:
    """Give the offsets after which a new line may begin, rising, the end of the text among them."""
    breaks = set(line_break_boundaries(text))
    for name, start, end in _runs_without_spaces(text):
        breaks.update(start + offset for offset in _word_ends(text[start:end], _dictionary(name)))
    # A mark of repetition stands with its word, also where a space is written before it.
    return tuple(offset for offset in sorted(breaks) if text[offset : offset + 1] not in _REPEATS)


def _runs_without_spaces(text: str) -> list[tuple[str, int, int]]:
    """Dictionary, start and end of each run of class SA in one script."""
    runs = []
    for name, group in itertools.groupby(enumerate(text), lambda pair: _dictionary_name(pair[1])):
        offsets = [offset for offset, _ in group]
        if name:
            runs.append((name, offsets[0], offsets[-1] + 1))
    return runs


def _dictionary_name(character: str) -> str:
    if line_break(character) is not LineBreak.SA:
        return ""
    return next((name for name, block in _BLOCKS.items() if ord(character) in block), "")


def _word_ends(run: str, words: frozenset[str]) -> list[int]:
    """Cut a run into as few words as there can be, by the dynamic programme of the shortest path.

    What no word explains costs more than a word, and more the longer it is: names and loan words stay in one piece,
    and are not cut into the short words that happen to stand in them. Returns the inner ends alone, rising.
    """
    longest = max(map(len, words))
    cuts = [0, *(offset for offset in range(1, len(run)) if _may_cut(run, offset)), len(run)]
    best: dict[int, tuple[int, int]] = {0: (0, 0)}  # for each cut: the cost up to it, and the cut before it
    for number, cut in enumerate(cuts[1:], 1):
        best[cut] = min(
            (best[start][0] + (_WORD if run[start:cut] in words else _UNKNOWN + _LETTER * (cut - start)), start)
            for start in cuts[:number]
            if cut - start <= max(longest, _LONGEST_UNKNOWN)
        )
    ends: list[int] = []
    cut = best[len(run)][1]
    while cut:
        ends.append(cut)
        cut = best[cut][1]
    return ends[::-1]


def _may_cut(run: str, offset: int) -> bool:
    before, after, following = run[offset - 1], run[offset], run[offset + 1 : offset + 2]
    if run.startswith("ฯลฯ", offset):  # "and so on", a word of its own
        return True
    return not (
        before in _OPENERS or after in _CLOSERS or unicodedata.category(after)[0] == "M" or following in _SILENCERS
    )


@functools.lru_cache(maxsize=len(_BLOCKS))
def _dictionary(name: str) -> frozenset[str]:
    packed = (Path(__file__).parent / "dictionaries" / f"{name}.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split())
