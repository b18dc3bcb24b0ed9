"""Bytes made text, whatever their sender called the charset.

Reads a label and bytes, writes valid Unicode without U+0000. A label is a claim: what people
mean by it counts (Encoding Standard §4.2, which browsers keep to), a wrong or unknown one is
replaced by a guess, and nothing here fails. RFC 2045, RFC 2978.
"""

import codecs
import re
from functools import cache

import charset_normalizer

GUESSED_FROM_BYTES = 4_096  # more costs time and tells little
LEAST_GUESSED_FROM_BYTES = 64  # less tells nothing

# What senders mean when they say so: the larger charset that contains it.
_MEANT = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "cp950",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "x-user-defined": "cp1252",
}
# Of Python's codecs only those of charsets: others decode escapes, or need quadratic time.
_CHARSET = re.compile(
    r"(?:utf[-_]?(?:7|8|16|32)(?:[-_]?[bl]e)?|iso[-_]?8859[-_]?\d{1,2}|iso[-_]?2022[-_]?\w{2,8}"
    r"|windows[-_]?\d{3,4}|cp[-_]?\d{3,5}|ibm[-_]?\d{3}|koi8[-_]?[rtu]|gb\d{4,5}|hz(?:-gb-2312)?"
    r"|big5[-_]?\w*|euc[-_]?\w{2,10}|mac[-_]?\w{4,12}|ptcp154|johab|viscii|latin\d{1,2}|kz1048)"
    r"(?:-\d)?"
)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_UNMARKED = ("cp1252", "utf-8")


def decode(content: bytes, label: str) -> tuple[str, str]:
    """Return *content* as text, and what was wrong with it (empty: nothing).

    Args:
        content: Of any kind.
        label: The charset as declared; empty if it was not.
    """
    codec = _codec(label)
    if content.isascii() and codec in (*_UNMARKED, ""):
        text, defect = content.decode("ascii"), "" if codec else _unknown(label)
    else:
        text, defect = _decoded(content, codec, label)
    if _NO_TEXT.search(text):
        text = _NO_TEXT.sub("\ufffd", text)
        defect = defect or "the text holds characters that are none"
    return text, defect


def _decoded(content: bytes, codec: str, label: str) -> tuple[str, str]:
    if codec and codec != "cp1252":
        try:
            return content.decode(codec), ""
        except (UnicodeError, ValueError):
            pass
    # Unlabelled and mislabelled text is UTF-8 if it can be: that is no accident.
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        is_fine = codec == "cp1252" or not label
        return text, "" if is_fine else _unknown(label) if not codec else _unfit(label)
    if codec == "cp1252":
        return content.decode("cp1252", "replace"), ""
    if codec:
        return content.decode(codec, "replace"), _unfit(label)
    return content.decode(_guess(content), "replace"), _unknown(label)


def _guess(content: bytes) -> str:
    if len(content) < LEAST_GUESSED_FROM_BYTES:
        return "cp1252"
    best = charset_normalizer.from_bytes(content[:GUESSED_FROM_BYTES]).best()
    return best.encoding if best is not None else "cp1252"


def _unknown(label: str) -> str:
    return f"unknown charset {label[:40]!r}" if label else ""


def _unfit(label: str) -> str:
    return f"text that is no {label[:40]}"


@cache
def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _codec(label: str) -> str:
    name = label.strip().strip("\"'").lower()
    if not name:
        return ""
    if (meant := _MEANT.get(name)) is not None:
        return meant
    if not _CHARSET.fullmatch(name):
        return ""
    known = _known(name)
    return "cp1252" if known in ("iso8859-1", "ascii") else known
