"""Text that may be shown: without the secrets of addresses, without what a terminal or a spreadsheet would act on.

What a table, a host, a kit or a file says goes into records, logs, reports and terminals. Each of these has one way to
be abused: a password that stands in an address, an escape sequence, a formula. The functions here take any text and
change no text that has none of it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter

MASK = "***"

# Parameters that sign an address or let somebody in, by name: AWS, Google, Azure (sv, se, sp, …), Alibaba, Akamai,
# CloudFront (Policy, Key-Pair-Id), and what shops and services call their tokens.
_SECRET_NAME = re.compile(
    r"x-(?:amz|goog|ms|oss|cos|bce|obs)-.*|.*(?:token|secret|passw|signature|credential|api[-_]?key|auth|session).*"
    r"|.*access[-_]?key.*|sig|key|pwd|pass|policy|key-pair-id|expires|googleaccessid|jwt|hmac|sid|code"
    r"|hdnts|hdnea|s[evprt]|spr|sk(?:oid|tid|[etsv])",
    re.IGNORECASE,
)
_QUOTES = r"\"'<>\\`"
_USER = re.compile(
    rf"//[^/?#\s{_QUOTES}]*@"
    # What was meant as a password holds a slash or a question mark, so that nothing parses it as one.
    rf"|//[^/?#\s@{_QUOTES}]*:(?!\d*(?:[/?#\s{_QUOTES}]|$))[^\s{_QUOTES}]*@"
)
_PARAMETER = re.compile(rf"([?&;#]|&amp;)([\w.~%-]+)=([^&;#\s{_QUOTES}]+)")
_WORD = re.compile(r"[A-Za-z0-9+/=%]{20,}")
_ENTROPY = 3.2  # bits a character; hexadecimal digits at random have 4 at most, words of a language about 3

_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # embeddings, overrides and isolates (Unicode TR 9)
_CONTROLS = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_BIDI)
    if chr(code) not in "\n\t"
}

# OWASP, "CSV Injection"; a spreadsheet takes some full-width letters for the plain ones.
_FORMULA = frozenset("=+-@")
_UNSEEN = frozenset("\ufeff\u200b\u200c\u200d\u2060\u00ad")
_CELL_BREAKS = ("\t", "\r", "\n")


def public_address(text: str) -> str:
    """Take the secrets out of the addresses in a text; a text without any stays as it is.

    A name and password before the host are left out. A parameter after ``?``, ``&``, ``;`` or ``#`` keeps its name and
    loses its value where the name is one that signs or lets in (``X-Amz-Signature``, ``sig``, ``token``, ``Expires``,
    ``sv``, …), or where the value holds 20 letters and digits or more in a row that look drawn by chance. ``w=300``
    and ``v=1699999999`` stay. A secret that is part of a path cannot be told from a path, and stays.
    """
    if "//" in text:
        text = _USER.sub("//", text)
    return _PARAMETER.sub(_masked, text) if "=" in text else text


def _masked(parameter: re.Match[str]) -> str:
    mark, name, value = parameter.groups()
    secret = _SECRET_NAME.fullmatch(name) or any(map(_is_random, _WORD.findall(value)))
    return f"{mark}{name}={MASK}" if secret else parameter[0]


def _is_random(word: str) -> bool:
    """Whether letters and digits look drawn by chance."""
    if word.isdigit() or not any(letter.isdigit() for letter in word):
        return False
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares) >= _ENTROPY


def printable(text: str) -> str:
    r"""Write what a terminal would act on as JSON does, ``\u001b``: control characters and changes of direction.

    Line feeds and tabs stay.
    """
    return text.translate(_CONTROLS)


def inert_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet could take for a formula.

    That is one that begins with a tab or the end of a line, or with ``=``, ``+``, ``-`` or ``@``, plain or full-width,
    after whatever blanks and characters without a width.
    """
    start = next((letter for letter in text if not letter.isspace() and letter not in _UNSEEN), "")
    active = text.startswith(_CELL_BREAKS) or unicodedata.normalize("NFKC", start) in _FORMULA
    return f"'{text}" if active else text
