"""The trigger of a LoRA: whether a word can be one, and whether a caption holds it."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from .faults import Fault

Presence = Literal["written", "variant", "inside", "absent"]

_SHORTEST, _LONGEST = 3, 40  # characters of a trigger
_SHORTEST_SYLLABIC = 2  # where a character is a syllable or a word
_INSIDE = "-_'\u2019.&+"  # marks that a prompt takes as they are; brackets, colons and commas mean something there

# Scripts that put no space between words, by the first word of their characters' names in the Unicode database.
_UNSPACED = frozenset({
    "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "BOPOMOFO", "YI", "THAI", "LAO", "KHMER",
    "MYANMAR", "TIBETAN", "TAI", "JAVANESE", "BALINESE",
})  # fmt: skip
# Particles that are joined to a word of their own script, where that script does put spaces.
_JOINED_BEFORE = {
    "ARABIC": re.compile(r"(?<!\w)[وف]?[بكل]?(?:ال)?$"),
    "HEBREW": re.compile(r"(?<!\w)[ושכלבמה]{1,3}$"),
}
_JOINED_AFTER = {
    "HANGUL": re.compile(
        r"(?:은|는|이|가|을|를|의|에|에서|에게|께|와|과|랑|하고|도|만|로|으로|부터|까지|처럼|보다|마다|나|조차|밖에|다|입니다)+(?!\w)"
    ),
}
# Marks that keyboards and word processors put in the place of the ASCII ones.
_ASCII_MARKS = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-"})

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
    """Find what is wrong with a trigger: an everyday word would change pictures that were never meant."""
    characters = unicodedata.normalize("NFC", trigger)
    scripts = {_script(character) for character in characters}
    shortest = _SHORTEST if scripts.isdisjoint(_UNSPACED | {"HANGUL"}) else _SHORTEST_SYLLABIC
    if not all(map(_is_word, characters.split(" "))) or not shortest <= len(characters) <= _LONGEST:
        return [
            Fault(
                "trigger-invalid",
                f"'{trigger}' is no trigger: it takes words of letters and digits, with - _ ' . & + inside,"
                f" {shortest} to {_LONGEST} characters",
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


def find_trigger(trigger: str, caption: str) -> Presence:
    """Say how a caption holds the trigger.

    Capitals make no difference. A word ends at a space, a mark, or where another script begins. In scripts without
    spaces it may stand anywhere, and in Korean, Arabic and Hebrew particles may be joined to it.

    Returns:
        ``written``: as it is. ``variant``: only in another form of its characters, such as full-width letters or
        with an invisible character inside, which a text encoder may read as another word. ``inside``: only within
        another word. ``absent``: not at all.
    """
    if _stands(_composed(trigger), _composed(caption)):
        return "written"
    trigger, caption = _plain(trigger), _plain(caption)
    if _stands(trigger, caption):
        return "variant"
    return "inside" if trigger and trigger in caption else "absent"


def _composed(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().translate(_ASCII_MARKS).split())


def _plain(text: str) -> str:
    """Compatibility forms as plain characters (NFKC), and invisible ones (Unicode's category Cf) left out."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _composed(unicodedata.normalize("NFKC", visible))


def _stands(trigger: str, caption: str) -> bool:
    """Whether a word stands in a text, both composed."""
    if not any(map(str.isalnum, trigger)):
        return False
    return any(
        _begins(trigger, caption, place.start()) and _ends(trigger, caption, place.start() + len(trigger))
        for place in re.finditer(f"(?={re.escape(trigger)})", caption)
    )


def _begins(trigger: str, caption: str, start: int) -> bool:
    """Whether the word begins at ``start``: what stands before it is no part of it."""
    head = caption[:start]
    while head and _is_mark(head[-1]):  # it belongs to the letter before it
        head = head[:-1]
    joined = _JOINED_BEFORE.get(_script(_first_letter(trigger)))
    return not _continues(trigger, head[-1:]) or (joined is not None and joined.search(head) is not None)


def _ends(trigger: str, caption: str, end: int) -> bool:
    """Whether the word ends at ``end``: what stands after it is no part of it."""
    following = caption[end : end + 1]
    if following and _is_mark(following):  # it changes the trigger's last letter
        return False
    joined = _JOINED_AFTER.get(_script(_first_letter(trigger[::-1])))
    return not _continues(trigger[::-1], following) or (joined is not None and joined.match(caption, end) is not None)


def _continues(outward: str, neighbour: str) -> bool:
    """Whether a character makes another word of the one beside it.

    Args:
        outward: the word, from the end at which the character stands.
        neighbour: the character; empty: there is none.
    """
    if not neighbour or not (neighbour.isalnum() or neighbour == "_"):
        return False
    if neighbour.isdigit() and outward[0].isdigit():
        return True
    script = _script(_first_letter(outward))
    if script in _UNSPACED:
        return False
    return neighbour == "_" or neighbour.isdecimal() or _script(neighbour) == script


def _first_letter(text: str) -> str:
    """The first letter of a word; its first digit where it has no letter."""
    letters = [character for character in text if character.isalpha()]
    return (letters or [character for character in text if character.isalnum()])[0]


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _is_word(text: str) -> bool:
    return text[:1].isalnum() and all(
        character.isalnum() or character in _INSIDE or _is_mark(character) for character in text
    )
