"""The captions of a data set: read from their files, and judged one by one and together."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from .encoding import decode_text
from .faults import Fault, Picture
from .listing import Sidecars
from .trigger import find_trigger

_LIMIT = 64 * 1024  # bytes of a caption file
_REPEATED = 0.5  # share of pictures that one caption may have


def read_caption(name: str, sidecars: Sidecars, text: str | None) -> tuple[str, list[Fault]]:
    """Read a picture's caption: the table's, or that of the text file beside it; empty with a fault if there is none.

    Args:
        name: of the picture.
        sidecars: the files beside it.
        text: the table's; None: it has no column for it.

    Returns:
        The caption in Unicode's composed form (NFC), with single spaces; and what is wrong with it.
    """
    if text is not None:
        return _checked(name, text)
    file = sidecars.caption
    if file is None:
        if sidecars.others:
            other = sidecars.others[0].name
            message = f"it has no caption, and {other} is not read as one"
            return "", [Fault("caption-missing", message, f"save the caption as {sidecars.stem}.txt", name)]
        return "", [Fault("caption-missing", "it has no caption", f"write {sidecars.stem}.txt beside it", name)]
    try:
        data = file.read_bytes()
    except OSError as error:
        message = f"its caption cannot be read: {error.strerror}"
        return "", [Fault("caption-missing", message, f"check {file.name}", name)]
    if len(data) > _LIMIT:
        return "", [Fault("caption-too-long", f"its caption has more than {_LIMIT:,} bytes", "shorten it", name)]
    try:
        return _checked(name, decode_text(data))
    except UnicodeDecodeError:
        return "", [Fault("caption-not-utf8", "its caption is not UTF-8", f"save {file.name} as UTF-8", name)]


def _checked(name: str, text: str) -> tuple[str, list[Fault]]:
    caption = " ".join(unicodedata.normalize("NFC", text).split())
    return caption, [] if caption else [Fault("caption-empty", "its caption is empty", "say what it shows", name)]


def check_caption(name: str, caption: str, trigger: str, tokens: int) -> list[Fault]:
    """Find what is wrong with one caption.

    Args:
        tokens: that the text encoder reads.
    """
    faults = []
    presence = find_trigger(trigger, caption)
    if presence == "absent":
        faults.append(Fault("trigger-missing", f"its caption does not hold '{trigger}'", "put the trigger first", name))
    elif presence == "inside":
        message = f"its caption holds '{trigger}' only inside another word"
        faults.append(Fault("trigger-missing", message, "write it as a word of its own", name))
    elif presence == "variant":
        message = f"its caption has '{trigger}' in other characters, which a text encoder may read as another word"
        remedy = "write it with the characters of the trigger"
        faults.append(Fault("trigger-variant", message, remedy, name, "warning"))
    # No tokenizer makes fewer tokens than there are words and marks, so this many are sure.
    least = len(re.findall(r"\w+|[^\w\s]", caption)) + 2
    if least > tokens:
        faults.append(
            Fault(
                "caption-too-long",
                f"its caption has at least {least} tokens, and the text encoder reads {tokens}",
                "shorten it: say what varies, not what the LoRA is to learn",
                name,
                "warning",
            )
        )
    return faults


def check_captions(pictures: Sequence[Picture]) -> list[Fault]:
    """Find out whether the captions tell the pictures apart."""
    counts = Counter(picture.caption.casefold() for picture in pictures if picture.caption)
    most = max(counts.values(), default=0)
    if len(pictures) < 3 or most <= _REPEATED * len(pictures):
        return []
    return [
        Fault(
            "caption-repeated",
            f"{most} of {len(pictures)} pictures have the same caption",
            "say what each shows: what is not said is learnt as part of the trigger",
            "",
            "warning",
        )
    ]
