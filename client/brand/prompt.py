"""The prompt of a brand: its words around the product's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputInvalid, nearest
from .kit import BrandKit
from .sections import Prompt, Term


@dataclass(frozen=True, slots=True)
class BrandPrompt:
    """What the model is told, and which words of the text the glossary replaced: (found, put in its place)."""

    positive: str
    negative: str
    replaced: tuple[tuple[str, str], ...]


def compose(
    kit: BrandKit, product: str, *, locale: str = "", triggers: Sequence[str] = (), negative: str = ""
) -> BrandPrompt:
    """Trigger words, prefix, the product's text, the palette and suffix; and what pictures must not show.

    The order is that of catalogue runs. What the text says already is not said twice: a catalogue's prompts have the
    brand's words, and go through a workflow that adds them.

    Args:
        product: what the product is, in the language of ``locale``.
        locale: an IETF tag; ``de-AT`` falls back to ``de``, and that to the kit's own words. Empty: the kit's own.
        triggers: words that call LoRAs up.
        negative: what this picture must not show, beside what the brand's must not.

    Raises:
        InputInvalid: the kit has locales, and none of them is for this language.
    """
    own, glossary = _words(kit, locale)
    given = product.strip()
    text, replaced = replace_terms(given, glossary)
    named = kit.palette if kit.prompt.colours else ()
    colours = f"colour palette of {', '.join(colour.name for colour in named)}" if named else ""
    prefix = "" if given.casefold().startswith(own.prefix.strip().casefold()) else own.prefix
    after = [part for part in (colours, own.suffix) if part and part.strip().casefold() not in given.casefold()]
    said = ", ".join(part for part in (f"{prefix} {text}".strip(), *after) if part)
    missing = [word for word in dict.fromkeys(triggers) if not _said(word, said)]
    wanted = negative.strip()
    never = own.negative if wanted.casefold() in own.negative.casefold() else wanted
    if own.negative.strip().casefold() not in never.casefold():
        never = f"{own.negative}, {wanted}"
    return BrandPrompt(", ".join(part for part in (*missing, said) if part), never, replaced)


def replace_terms(text: str, glossary: Iterable[Term]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """``text`` with the brand's own terms in place of the words that stand for them, the longest first.

    Returns:
        The text, and each word that was found with what took its place.
    """
    terms = {word.casefold(): term.term for term in glossary for word in term.instead_of}
    if not terms:
        return text, ()
    replaced: dict[tuple[str, str], None] = {}

    def put(match: re.Match[str]) -> str:
        term = terms.get(match[0].casefold(), match[0])
        if term != match[0]:
            replaced[match[0], term] = None
        return term

    # Longest first, so that "dark green" is found before "green". Scripts without spaces have no word borders:
    # \b asks for a border only where the word begins or ends in a letter of a script that has them.
    words = sorted(terms, key=len, reverse=True)
    pattern = "|".join(f"{_border(word[0])}{re.escape(word)}{_border(word[-1])}" for word in words)
    return re.sub(pattern, put, text, flags=re.IGNORECASE), tuple(replaced)


def _border(char: str) -> str:
    return r"\b" if char.isalnum() and ord(char) < _FIRST_OF_CJK else ""


_FIRST_OF_CJK = 0x2E80  # Chinese, Japanese and Korean blocks of Unicode begin here


def _said(word: str, text: str) -> bool:
    return re.search(f"(?<!\\w){re.escape(word)}(?!\\w)", text, flags=re.IGNORECASE) is not None


def _words(kit: BrandKit, locale: str) -> tuple[Prompt, list[Term]]:
    tag = locale.strip()
    if not tag or not kit.locales:
        return kit.prompt, list(kit.glossary)
    tags = {known.casefold(): known for known in kit.locales}
    wanted = tag.casefold()
    while wanted not in tags and "-" in wanted:
        wanted = wanted.rpartition("-")[0]
    if wanted not in tags:
        raise InputInvalid(
            f"the kit of {kit.name} has no words for '{locale}'",
            place="input 'locale'",
            remedy=nearest(locale, kit.locales),
        )
    found = kit.locales[tags[wanted]]
    own = Prompt(
        prefix=found.prompt.prefix or kit.prompt.prefix,
        suffix=found.prompt.suffix or kit.prompt.suffix,
        negative=found.prompt.negative or kit.prompt.negative,
    )
    return own, [*found.glossary, *kit.glossary]
