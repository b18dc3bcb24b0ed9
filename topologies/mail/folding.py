"""Text cut into the words that search compares: the same for what is indexed and what is asked.

Reads any text, writes folded words. Decides what counts as equal: case, diacritics,
width and compatibility forms do not matter (Unicode Standard Annex 15, NFKD; §3.13 default
caseless matching), punctuation separates words, and scripts that are written
without spaces are cut into characters, so that a phrase of them finds any part.
"""

import re
import sys
import unicodedata
from functools import cache

LONGEST_WORD = 64  # characters; what goes beyond is cut off, alike in index and question

# Written without spaces between words: each character is a word of its own. Hangul is
# written with spaces, but its particles and compounds hide what people look for.
_CHARACTERWISE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai Lao Myanmar Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # radicals, 々 〇
    "\u3041-\u309f\u30a1-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff"  # Han, Yi, Hangul
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
# Marks that only colour a letter: Latin, Greek and Cyrillic accents, Hebrew points, Arabic
# vowel signs, and characters nobody sees. Kana's voicing marks and Indic vowel signs are not
# among them: without those it is another word.
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]+"
)
# Letters with a stroke or joined ones, which have no decomposition in Unicode.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n", "ĸ": "k"}
)
_HAS_SPECIAL = re.compile("[øłđðħŧıæœþŋĸ]")
_PUNCTUATION = re.compile(
    "[\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u2000-\u206f\u2190-\u2bff\u3000-\u3003\U0001f000-\U0001faff]+"
)
_SIMPLE = re.compile(r"[^\W_]+")
_ASCII_WORDS = "".join(chr(c).lower() if chr(c).isalnum() else " " for c in range(128))


def fold(text: str) -> str:
    """Return *text* in the form in which equal words are equal strings."""
    if text.isascii():
        return text.lower()
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", text))
    if bare.isascii():
        return bare.lower()
    # Case folding may decompose anew, so marks are dropped once more.
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", bare.casefold()))
    if _HAS_SPECIAL.search(bare):
        bare = bare.translate(_PLAIN)
    return unicodedata.normalize("NFC", bare)


def words(text: str) -> list[str]:
    """Return the folded words of *text* in order; each is letters, digits and marks only."""
    # Most of mail is ASCII but for an accent or a curly quote: what is left then is cut fast.
    folded = text if text.isascii() else _PUNCTUATION.sub(" ", fold(text))
    if folded.isascii():
        found = folded.translate(_ASCII_WORDS).split()
    elif _unusual().search("".join(set(folded))):
        found = _pattern().findall(folded)
    else:
        found = _SIMPLE.findall(folded)
    if len(max(found, key=len, default="")) > LONGEST_WORD:
        return [word[:LONGEST_WORD] for word in found]
    return found


@cache
def _pattern() -> re.Pattern[str]:
    letters, marks = rf"[^\W_{_CHARACTERWISE}]", f"[{_marks()}]"
    return re.compile(
        rf"[{_CHARACTERWISE}](?<=[\w{_marks()}])|{letters}+(?:{marks}+{letters}*)*|{marks}+"
    )


@cache
def _unusual() -> re.Pattern[str]:
    return re.compile(f"[{_CHARACTERWISE}{_marks()}]")


@cache
def _marks() -> str:
    # `\w` knows letters and digits but not the vowel signs that Indic words consist of.
    # Beyond the BMP there are rare scripts only, and many ranges that would slow every match.
    marks = (c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c) in ("Mn", "Mc"))
    return _ranges("".join(marks))


def _ranges(characters: str) -> str:
    """Return *characters*, which are sorted, as the inside of a regex class."""
    out: list[str] = []
    start = end = ord(characters[0])
    for code in [*map(ord, characters[1:]), sys.maxunicode + 2]:
        if code == end + 1:
            end = code
            continue
        out.append(f"{chr(start)}-{chr(end)}")
        start = end = code
    return "".join(out)
