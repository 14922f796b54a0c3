"""Which encoding a table's text is in, decided over the whole file; two plausible readings are none.

UTF-8, and whatever begins with a byte order mark, is told by its form. Anything else is read in each encoding that
shops and spreadsheets write. A reading is plausible where no sign stands where none belongs (``f³r``, ``schÃ¶n``), and
every word is of a language: Polish has ``ł`` and ``ż``, French has ``è`` and ``ç``, none has both ``ü`` and ``þ``. A
reading that needs two languages more than another is not plausible. Readings that give the same text are one.
"""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import CatalogInvalid
from .files import Source

UTF8 = "utf-8"

# fmt: off
# By how common they are: of encodings that give the same text, the first is named.
_SINGLE = (
    "cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp1257", "cp1255", "cp1256", "cp874", "cp1258", "iso8859-15",
    "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-13", "koi8-r", "koi8-u", "mac-roman", "mac-latin2",
    "mac-turkish", "mac-cyrillic", "mac-greek", "cp850", "cp852", "cp857", "cp866", "cp737", "cp775",
)
_EAST_ASIAN = {"cp932": "euc_jp", "euc_jp": "euc_jp", "gb18030": "gb2312", "cp950": "big5", "cp949": "euc_kr"}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

# The letters beyond a to z that the words of a language have.
_LETTERS = {
    "German": "äöüß", "French": "àâæçéèêëîïôœùûü", "Spanish": "áéíóúüñ¿¡", "Portuguese": "ãáàâçéêíóôõú",
    "Italian": "àèéìíòóù", "Dutch": "éëïöü", "Danish": "æøåé", "Swedish": "åäöé", "Icelandic": "áðéíóúýþæö",
    "Catalan": "àçèéíïòóúü", "Polish": "ąćęłńóśźż", "Czech": "áčďéěíňóřšťúůýž", "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű", "Romanian": "ăâîșțşţ", "Croatian": "čćđšž", "Turkish": "çğıöşüâîû\u0307",
    "Estonian": "äõöüšž", "Latvian": "āčēģīķļņšūž", "Lithuanian": "ąčęėįšųūž",
    "Russian": "абвгдежзийклмнопрстуфхцчшщъыьэюяё", "Ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "Bulgarian": "абвгдежзийклмнопрстуфхцчшщъьюя", "Belarusian": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "Serbian": "абвгдђежзијклљмнњопрстћуфхцчџш", "Macedonian": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",
    "Hebrew": "".join(map(chr, range(0x5B0, 0x5EB))), "Arabic": "".join(map(chr, range(0x621, 0x653))) + "پچژگکیےہ",
    "Thai": "".join(map(chr, range(0xE01, 0xE4F))),
    "Vietnamese": "àáâãèéêìíòóôõùúýăđĩũơư" + "".join(map(chr, range(0x1EA0, 0x1EFA))),
}
# What the words of a language do not have, such as `ń` before a vowel in Polish: `mańana` is no word of it.
_FOREIGN = {
    language: re.compile(pattern)
    for language, pattern in {
        "Polish": "[qvx]|ń[aeiouyąęó]|^[ąęń]|[ćńśź]i", "Czech": "[qwx]|^[ůě]|(?<![bpvmdtnf])ě",
        "Slovak": "[qwx]|(?:^|[aeiouyáéíóúýäô])[ĺŕ]|[ĺŕ](?:$|[aeiouyáéíóúýäô])", "Hungarian": "[qwx]|(?<![glnt])y",
        "Croatian": "[qwxy]", "Turkish": "[qwx]", "Lithuanian": "[qwx]|ų(?!$|[sšzžtk])", "Latvian": "[qwxy]",
        "Estonian": "[qwxy]", "Icelandic": "[cqwz]", "Romanian": "[qwy]", "Italian": "[jkwxy]|[àèéìíòóù](?!$)",
        "Thai": "^[ะ-ฺๅ็-๎]", "Portuguese": "[kwy]", "Spanish": "[kw]", "Catalan": "[kw]", "Vietnamese": "[fjwz]",
    }.items()
}
# fmt: on
_LANGUAGES = {language: frozenset(letters) for language, letters in _LETTERS.items()}
_WORDS_OF_ONE_LETTER = frozenset("àèéóåöøæíáвиоскуаяйзієўηοή")
_VOWELS = frozenset("aeiouyæøœıаеёиоуыэюяіїєўαεηιουω")
_VOWELLESS_SHARE = 0.1  # of words with four letters or more

# Signs that a text has; any other one makes a reading none.
_SIGNS = frozenset(
    "\u00a0\u00ad\u200e\u200f‘’‚“”„‹›«»–—…•·§©®™°€£¥¢₪₫฿†‡‰×÷±¼½¾²³¹¿¡ªºµ´№≥≤≈،؛؟ـ׳״־"
    "、。〃々〆〇「」『』【】〒〔〕〜・ー！？（），．：；／＋－＝％＆～＂＇＊＜＞［］｛｝｜＠＃★☆●○◎◇◆□■△▲▽▼→←↑↓※＿℃￥"
)
_LETTER = r"[^\W\d_²³¹¼½¾]"  # to Python, these signs are parts of words
_MISPLACED = re.compile(
    rf"(?<={_LETTER})[×÷°•½¼¾²³¹£¥¢€©®™“”„«»¿¡№](?={_LETTER})"
    rf"|(?<={_LETTER})[±§†‡‰≥≤≈¼½¾¿¡£¥¢€©№]|[±§†‡‰≥≤≈£¥¢€©®™№](?={_LETTER})"
    rf"|(?<![0-9mtn)])[²³¹]|[²³¹](?=[^\W_])|(?<![0-9nNMDmd.])[ªº]|[ªº](?={_LETTER})"
    rf"|´(?!{_LETTER})|(?<!{_LETTER})´"
    r"|(?<=[A-Za-z])[\u200e\u200f]|[\u200e\u200f](?=[A-Za-z])"
    r"|(?<![aeiouyăâêôơưAEIOUYĂÂÊÔƠƯ])[\u0300\u0301\u0303\u0309\u0323]"
)
_DIGIT_INSIDE = re.compile(r"[^\W\d_\x00-\x7f][0-9][^\W\d_\x00-\x7f]")
_WORD = re.compile(rf"(?:{_LETTER}|[¿¡\u0300-\u036f\u05b0-\u05c7\u064b-\u0652\u0e31-\u0e4e])+")
_FULLWIDTH = re.compile("[\u3000-\u30ff\uff00-\uff60\uffe0-\uffe6]")
_HAN_OR_HANGUL = re.compile("[\u3400-\u9fff\uac00-\ud7a3]")
_HAN_BY_LATIN = re.compile("[\u3400-\u9fff\uac00-\ud7a3][a-z]|[a-z][\u3400-\u9fff\uac00-\ud7a3]")
_TOKEN = re.compile(rb"[0-9@-\x7f]*[\x80-\xff][0-9@-\xff]*")  # no encoding has a part of a character below 0x30
_COMMON = {"euc_jp": (0xB0, 0xCF), "gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "euc_kr": (0xB0, 0xC8)}
_COMMON_SHARE = 0.9
_FEW, _MANY = 8, 40  # ideographs: too few to say whether they are common ones, and too many to be so by chance
_MOST_LANGUAGES = 3
_MOST_SHOWN = 5  # readings in a message
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class TableEncoding:
    """What a table is read in.

    Attributes:
        codec: Python's name, with which the file is opened.
        name: for people.
        note: what is unusual about it; empty for UTF-8 and what the user chose.
    """

    codec: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    codec: str
    text: str
    languages: int


def decide_encoding(source: Source, chosen: str | None) -> TableEncoding:
    """Tell the encoding of a table, or take the one that the user chose.

    Raises:
        CatalogInvalid: it is not in the one chosen; no encoding fits it, or two that give different texts do.
    """
    if chosen is not None:
        return _chosen(source, chosen)
    data = source.data
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked is not None:
        _refuse_undecodable(source, marked)
        codec = "utf-8-sig" if marked == UTF8 else marked
        return TableEncoding(codec, marked, "" if marked == UTF8 else f"not UTF-8 but {marked}, and read as that")
    offset = _undecodable(data, UTF8)
    if offset is None and b"\x1b$" in data and _undecodable(data, "iso2022_jp") is None:
        return TableEncoding("iso2022_jp", "iso2022_jp", "not UTF-8 but iso2022_jp, and read as that")
    if b"\0" in data:
        return _wide(source)
    return TableEncoding(UTF8, UTF8) if offset is None else _other(source, offset)


def _chosen(source: Source, name: str) -> TableEncoding:
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # refuses codecs that are none of texts, such as base64
    except LookupError as error:
        raise CatalogInvalid(
            f"there is no encoding '{name}'",
            place=source.where,
            remedy="name one that Python knows, such as cp1250, iso8859-2, shift_jis or utf-16",
        ) from error
    _refuse_undecodable(source, codec)
    return TableEncoding("utf-8-sig" if codec == UTF8 else codec, codec)


def _undecodable(data: bytes, codec: str) -> int | None:
    """The offset of the first byte that is not in an encoding; by pieces, as a whole text may need far more memory."""
    decoder = codecs.getincrementaldecoder(codec)()
    for start in range(0, len(data), _PIECE):
        state = decoder.getstate()
        pending = len(state[0]) if isinstance(state[0], bytes) else 0
        try:
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            return start - pending + error.start
        except UnicodeError:  # UTF-16 and UTF-32 without an offset
            return start
    return None


def _refuse_undecodable(source: Source, codec: str) -> None:
    offset = _undecodable(source.data, codec)
    if offset is not None:
        raise CatalogInvalid(
            f"not {codec}: byte {source.data[offset]:#04x} at offset {offset}",
            place=_place(source, offset),
            remedy="choose another encoding, or save the table as 'CSV UTF-8'",
        )


def _place(source: Source, offset: int) -> str:
    line = source.data.count(b"\n", 0, offset) + 1
    return f"{source.where}, line {line}"


def _wide(source: Source) -> TableEncoding:
    """The encoding of a file with NUL bytes: UTF-16 or UTF-32 without a mark, or none."""
    fitting = [codec for codec in _WIDE if _is_wide(codec, source.data)]
    if len(fitting) == 1:
        codec = fitting[0]
        return TableEncoding(codec, codec, f"not UTF-8 but {codec} without a byte order mark, and read as that")
    offset = source.data.find(b"\0")
    raise CatalogInvalid(
        f"a NUL byte stands at offset {offset}",
        place=_place(source, offset),
        remedy="the file is damaged or binary; export the products again as CSV UTF-8",
    )


def _is_wide(codec: str, data: bytes) -> bool:
    """Whether a file is text with ends of lines; in the other order of bytes these are no characters."""
    try:
        chars = set(data.decode(codec))
    except UnicodeError:
        return False
    return "\n" in chars and all(unicodedata.category(char) not in _NO_TEXT or char in "\t\r\n" for char in chars)


def _other(source: Source, offset: int) -> TableEncoding:
    """The one encoding besides UTF-8 that fits a file.

    Args:
        offset: of the first byte that is not UTF-8.
    """
    data = source.data
    tokens = sorted(set(_TOKEN.findall(data)))
    words = b"\n".join(tokens)
    utf8 = sum(line.isprintable() for line in words.decode(UTF8, "surrogateescape").split("\n"))
    readings: dict[str, _Reading] = {}
    if utf8 * 2 < len(tokens):  # else most of the file is UTF-8, and a part of it damaged
        for codec in (*_SINGLE, *_EAST_ASIAN):
            if (reading := _read(codec, words)) is not None:
                readings.setdefault(reading.text, reading)
    if any(reading.codec == "cp949" and _is_long(reading.text) for reading in readings.values()):
        readings = {text: r for text, r in readings.items() if r.codec not in _EAST_ASIAN or r.codec == "cp949"}
    fewest = min((reading.languages for reading in readings.values()), default=0)
    plausible = [reading for reading in readings.values() if reading.languages <= fewest + 1]
    if len(plausible) == 1:
        codec = plausible[0].codec
        shown = _around(data, offset).decode(codec, "replace")
        line = data.count(b"\n", 0, offset) + 1
        return TableEncoding(
            codec, codec, f"not UTF-8 but {codec}, and read as that: line {line}, {' '.join(shown.split())!r}"
        )
    raise _undecided(source, offset, plausible, tokens)


def _undecided(source: Source, offset: int, plausible: list[_Reading], tokens: list[bytes]) -> CatalogInvalid:
    message = f"not UTF-8: byte {source.data[offset]:#04x} at offset {offset}"
    if not plausible:
        return CatalogInvalid(
            f"{message}, and no other encoding fits the whole file",
            place=_place(source, offset),
            remedy="save the table as 'CSV UTF-8'; if you know its encoding, name it: --encoding cp1252",
        )
    texts = [reading.text.split("\n") for reading in plausible]
    differ = next(at for at in range(len(tokens)) if len({lines[at] for lines in texts}) > 1)
    pairs = list(zip(plausible, texts, strict=True))[:_MOST_SHOWN]
    shown = ", or ".join(f"'{lines[differ]}' in {reading.codec}" for reading, lines in pairs)
    at = source.data.find(tokens[differ])
    return CatalogInvalid(
        f"{message}; it may read {shown}",
        place=_place(source, at),
        remedy=f"choose what is right, such as --encoding {plausible[0].codec} (encoding: in a catalog.yaml),"
        " or save the table as 'CSV UTF-8'",
    )


def _around(data: bytes, offset: int) -> bytes:
    """The line of a byte, at most some twenty bytes before and after it."""
    begin = max(data.rfind(b"\n", 0, offset) + 1, offset - 20)
    end = data.find(b"\n", offset)
    return data[begin : min(end if end >= 0 else len(data), offset + 20)]


def misread(text: str) -> str | None:
    """What is wrong with a text whose letters were lost, or read in a wrong encoding before; None where nothing is."""
    if text.isascii():
        return None
    if "\ufffd" in text:
        return f"letters of '{text}' were lost when it was written"
    for codec in ("cp1252", "cp1250", "cp1251"):
        try:
            right = text.encode(codec).decode()
        except UnicodeError:
            continue
        if _languages(text) is None:  # of NESCAFÉ®, too, the bytes would be UTF-8
            return f"'{text}' is '{right}', read in a wrong encoding when it was written"
    return None


def _read(codec: str, data: bytes) -> _Reading | None:
    """A reading of the words of a file; None where it is not plausible."""
    try:
        text = data.decode(codec)
    except UnicodeError:
        return None
    if codec in _EAST_ASIAN and not _strange(text) and _is_east_asian(text, _EAST_ASIAN[codec]):
        return _Reading(codec, text, 1)
    languages = _languages(text)
    return None if languages is None else _Reading(codec, text, languages)


def _strange(text: str) -> bool:
    """Whether a text has signs or controls that no table has."""
    chars = set(text)
    if any(char not in _SIGNS and not _is_mark(char) for char in chars if _is_sign(char)):
        return True
    return any(char < " " and char not in "\t\r\n" for char in chars)


def _languages(text: str) -> int | None:
    """How many languages the words of a text need; None where it has something that no text of any has."""
    if _strange(text) or _DIGIT_INSIDE.search(text) or (any(map(_is_sign, set(text))) and _MISPLACED.search(text)):
        return None
    words = {unicodedata.normalize("NFC", word) for word in _WORD.findall(text.translate(_NO_LETTERS))}
    return _languages_needed(word for word in words if not word.isascii())


def _is_sign(char: str) -> bool:
    return char > "\x7f" and (char in "ªº" or not char.isalpha())


_NO_TEXT = ("Cc", "Cn", "Co", "Cs")  # controls, unassigned, private use, halves
_NO_LETTERS = dict.fromkeys(map(ord, "ªºµ"), " ")  # letters to Unicode, signs to a shop


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn"


def _languages_needed(words: Iterable[str]) -> int | None:
    """How many languages cover all words, each word by one; None where more than three would be needed."""
    covers: set[frozenset[str]] = set()
    long, vowelless = 0, 0
    for word in words:
        lowered = word.lower()
        if _is_miscased(word):
            return None
        if len(lowered) == 1 and lowered not in _WORDS_OF_ONE_LETTER:
            return None
        letters = {char for char in lowered if char > "\x7f"}
        cover = frozenset(name for name in _LANGUAGES if _is_word_of(name, lowered, letters))
        if not cover:
            return None
        covers.add(cover)
        if len(lowered) > (3 if lowered[0] < "\u0370" else 2) and lowered[0] < "\u0590":  # Hebrew leaves vowels out
            long += 1
            vowelless += _VOWELS.isdisjoint(unicodedata.normalize("NFD", lowered))
    if vowelless > long * _VOWELLESS_SHARE:
        return None
    names = sorted(set().union(*covers))
    for count in range(_MOST_LANGUAGES + 1):
        if any(
            all(not cover.isdisjoint(chosen) for cover in covers) for chosen in itertools.combinations(names, count)
        ):
            return count
    return None


def _is_word_of(language: str, word: str, letters: set[str]) -> bool:
    """Whether a word in lower case may be of a language, by its letters and what stands beside what."""
    if not letters <= _LANGUAGES[language] or (language in _FOREIGN and _FOREIGN[language].search(word)):
        return False
    latin = any("a" <= char <= "z" for char in word)
    return not (latin and any("\u0370" <= char < "\u1e00" for char in letters))  # no language mixes two scripts


def _is_miscased(word: str) -> bool:
    """Whether a capital stands inside of a word, or a small letter in one of capitals, and is no plain letter."""
    accented = [char for char in word[1:] if char > "\x7f"]
    plain = [char for char in word if char <= "\x7f"]
    if any(char.isupper() for char in accented) and any(char.islower() for char in word):
        return True
    return len(plain) > 1 and all(map(str.isupper, plain)) and any(char.islower() for char in accented)


def _is_east_asian(text: str, reference: str) -> bool:
    """Whether a text has the common characters of a language of East Asia, and the signs that go with them."""
    chars = [char for char in text if char > "\x7f"]
    ideographs = _HAN_OR_HANGUL.findall(text)
    if len(_HAN_BY_LATIN.findall(text)) * 3 > len(ideographs) and ideographs:
        return False
    kana = sum("\u3040" <= char <= "\u30ff" and char not in "・ー" for char in chars)
    if reference != "euc_jp" and kana * 20 > len(chars) and len(ideographs) >= _MANY:
        return False  # Chinese and Korean have none; but a few characters may be anything
    if len(ideographs) < _FEW:
        return bool(ideographs) and all(map(_is_east_asian_char, chars))
    common = sum(_FULLWIDTH.match(char) is not None or _is_common(char, reference) for char in chars)
    return common >= len(chars) * _COMMON_SHARE


def _is_east_asian_char(char: str) -> bool:
    return _FULLWIDTH.match(char) is not None or _HAN_OR_HANGUL.match(char) is not None


def _is_long(text: str) -> bool:
    """Whether a reading has so many syllables of Korean that it cannot be by chance.

    Their bytes are those of 25 of the 40 rows of Chinese characters in use, and of the 32 of Japanese ones.
    """
    return len(_HAN_OR_HANGUL.findall(text)) >= _MANY


def _is_common(char: str, reference: str) -> bool:
    if "\u0370" <= char < "\u0530":
        return True  # each of these encodings has Greek and Cyrillic letters, too
    try:
        packed = char.encode(reference)
    except UnicodeError:
        return False
    first, last = _COMMON[reference]
    return len(packed) == 2 and first <= packed[0] <= last
