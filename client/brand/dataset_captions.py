"""The captions of a data set, and the trigger that stands in each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .dataset_faults import Fault, Picture
from .dataset_words import COMMON

_LIMIT = 64 * 1024  # bytes of a caption file
_TRIGGER = re.compile(r"[^\W_][\w-]*(?: [^\W_][\w-]*)*")
_SHORTEST, _LONGEST = 3, 40  # characters of a trigger
_REPEATED = 0.5  # share of pictures that one caption may have


def check_trigger(trigger: str) -> list[Fault]:
    """What is wrong with a trigger: an everyday word would change pictures that were never meant."""
    if not _TRIGGER.fullmatch(trigger) or not _SHORTEST <= len(trigger) <= _LONGEST:
        return [
            Fault(
                "trigger-invalid",
                f"'{trigger}' is no trigger: it takes words of letters, digits and hyphens, {_SHORTEST} to {_LONGEST}"
                " characters",
                "invent a word, such as kilnharbor",
            )
        ]
    if all(word.casefold() in COMMON for word in re.split(r"[ -]", trigger)):
        return [
            Fault(
                "trigger-common",
                f"'{trigger}' is an everyday word, which the model knows with a meaning of its own",
                "invent a word, such as kilnharbor",
            )
        ]
    return []


def read_caption(name: str, path: Path, text: str | None) -> tuple[str, list[Fault]]:
    """A picture's caption: the table's, or that of the text file beside it; empty with a fault where there is none.

    Args:
        text: the table's; None: it has no column for it.
    """
    file = path.with_suffix(".txt")
    if text is not None:
        return text, [] if text else [Fault("caption-empty", "its caption is empty", "say what it shows", name)]
    if not file.is_file():
        return "", [Fault("caption-missing", "it has no caption", f"write {file.name} beside it", name)]
    try:
        data = file.read_bytes()[: _LIMIT + 1]
        caption = " ".join(data.decode("utf-8-sig").split())
    except OSError as error:
        return "", [Fault("caption-missing", f"its caption cannot be read: {error.strerror}", "check the file", name)]
    except UnicodeDecodeError:
        return "", [Fault("caption-not-utf8", "its caption is not UTF-8", f"save {file.name} as UTF-8", name)]
    if len(data) > _LIMIT:
        return "", [Fault("caption-too-long", f"its caption has more than {_LIMIT:,} bytes", "shorten it", name)]
    return caption, [] if caption else [Fault("caption-empty", "its caption is empty", "say what it shows", name)]


def check_caption(name: str, caption: str, trigger: str, tokens: int) -> list[Fault]:
    """What is wrong with one caption."""
    faults = []
    if not re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", caption, re.IGNORECASE):
        faults.append(Fault("trigger-missing", f"its caption does not hold '{trigger}'", "put the trigger first", name))
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
    """Whether the captions tell the pictures apart."""
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
