"""The captions of a data set, and the trigger that stands in each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .faults import Fault, Picture

_LIMIT = 64 * 1024  # bytes of a caption file
_TRIGGER = re.compile(r"[^\W_][\w-]*(?: [^\W_][\w-]*)*")
_SHORTEST, _LONGEST = 3, 40  # characters of a trigger
_REPEATED = 0.5  # share of pictures that one caption may have

# Everyday words, which make bad triggers: English and German, and the words of product photography.
_WORDS = """
a an and are art artist as at back background bag bags beautiful beauty best big black blue book bottle bottles box
brand bright brown camera car cat catalog catalogue ceramic chair chairs child city clean clear close closeup cloth
clothes clothing cold color colorful colors colour colours company cool copper cotton cream cup cups dark day deep
design detail detailed device dog door dress drink earth elegant elements face fashion feet film fine fire flat floor
flower flowers food for form frame fresh front fruit furniture garden gift girl glass glasses gold golden good gray
great green grey hair hand hands hat heart high home hot house illustration image images in indoor interior iron is it
item jacket jar jewelry kitchen label lamp large leather left lid light lighting line linen lit little logo long look
love low luxury macro made man marble mark material matt matte metal minimal minimalist model modern morning mug mugs
natural nature new night number object of office old on one orange outdoor pack package packaging packshot pan paper
park pastel pattern people perfume person photo photograph photographer photography photos picture pictures pink plain
plant plastic plate portrait poster pot premium print product products professional purple quality red render rendering
right ring rings room rose round rug rustic scene sea set shadow shadows sharp shelf shirt shirts shoe shoes shop shot
side silver simple sky small sneaker soft sofa spring square stand steel stone street studio style styled suit summer
sun surface table tan tea texture the thing top toy tree vase view vintage violet wall warm watch water white wide
window winter with woman wood wooden wool work world yellow young
auf aus bild blau braun das der die ein eine flasche foto gelb glas grau gross haus hell holz im ist kanne klein lampe
licht marke mit neu orange produkt rosa rot schal schale schatten schuh schwarz sofa stil stuhl tasche tasse teller
tisch und unter uhr vase von weiss weiß wolle
"""
COMMON = frozenset(_WORDS.split())


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
