"""Checks of text, read by optical character recognition: what must be there, and what must not."""

from __future__ import annotations

from ..checks import Limit, Subject, Value, measure
from ..reading import Line, edit_share, plain, read_lines


@measure(
    "text.expected",
    unit="share",
    definition=(
        "Character error rate of the expected text against the best matching part of all that was read, without regard"
        " to case, spaces and punctuation: edits by the expected text's length. 0 where no text is expected."
    ),
    source="Levenshtein 1966; reading by RapidOCR (PP-OCR)",
    need="ocr",
    default=Limit(maximum=0.05),
    above="text-wrong",
)
def _expected(subject: Subject) -> Value:
    expected = plain(subject.given.text)
    if not expected:
        return 0.0
    return edit_share(expected, "".join(plain(line.text) for line in _lines(subject)))


@measure(
    "text.unexpected",
    unit="characters",
    definition=(
        "Letters and digits that were read outside of the product and are not part of the expected text. What is"
        " printed on the product is the product's; without a plain background to tell it by, all text counts."
    ),
    source="Amazon and Google Merchant Center: no text, logos or watermarks over the product; reading by RapidOCR",
    need="ocr",
    default=Limit(maximum=0),
    above="text-unexpected",
)
def _unexpected(subject: Subject) -> Value:
    expected = plain(subject.given.text)
    found = 0
    for line in _lines(subject):
        said = plain(line.text)
        if expected and said and edit_share(said, expected) <= 0.2:
            continue
        found += 0 if line.on_product else len(said)
    return found


def _lines(subject: Subject) -> list[Line]:
    if "text" not in subject.notes:
        subject.notes["text"] = read_lines(subject.pixels, subject.region)
    lines: list[Line] = subject.notes["text"]
    return lines
