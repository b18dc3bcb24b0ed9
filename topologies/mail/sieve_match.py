"""How Sieve compares texts: match types and comparators (RFC 5228 §2.7, RFC 5231, RFC 4790).

Pure. What is compared is written by strangers on both sides, so it is charged for, character by
character, and ends when the purse is empty.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

MOST_CHARACTERS = 5_000_000  # that one run may look at
EACH_COSTS = 100  # characters, however short what is compared
MOST_CAPTURES = 10  # RFC 5229 §3.2: ${0} to ${9} at least

_ANY = object()


class Exhausted(Exception):
    """The script asks for more than one mail is worth."""


@dataclass(slots=True)
class Purse:
    """What a run may still spend."""

    left: int = MOST_CHARACTERS

    def pay(self, characters: int) -> None:
        """Take *characters* out.

        Raises:
            Exhausted: It is empty.
        """
        self.left -= characters + EACH_COSTS
        if self.left < 0:
            raise Exhausted("the script compares too much")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two texts are compared.

    Attributes:
        relation: For ``value`` and ``count``.
    """

    match: str = "is"
    comparator: str = "i;ascii-casemap"
    relation: str = ""

    def first(
        self, values: Sequence[str], keys: Sequence[str], purse: Purse
    ) -> tuple[str, ...] | None:
        """Return what the wildcards of the first match stand for; None if nothing matches.

        Raises:
            Exhausted: That takes too long.
        """
        if self.match == "count":
            return () if self._counted(len(values), keys) else None
        for value in values:
            for key in keys:
                found = self._compared(value, key, purse)
                if found is not None:
                    return found
        return None

    def _counted(self, count: int, keys: Sequence[str]) -> bool:
        compare = _RELATIONS[self.relation]
        return any(compare(_number(str(count)), _number(key)) for key in keys)

    def _compared(self, value: str, key: str, purse: Purse) -> tuple[str, ...] | None:
        if self.match == "matches":
            purse.pay(len(value) * (1 + (len(key) if "?" in key else key.count("*"))))
            return matched(self._folded(value), self._folded(key), value)
        purse.pay(len(value) + len(key))
        if self.comparator == "i;ascii-numeric":
            relation = self.relation or "eq"
            return () if _RELATIONS[relation](_number(value), _number(key)) else None
        mine, wanted = self._folded(value), self._folded(key)
        if self.match == "value":
            is_so = _RELATIONS[self.relation](mine.encode(), wanted.encode())
        else:
            is_so = wanted in mine if self.match == "contains" else mine == wanted
        return () if is_so else None

    def _folded(self, text: str) -> str:
        return casemapped(text) if self.comparator == "i;ascii-casemap" else text


def casemapped(text: str) -> str:
    """Return *text* with the letters of ASCII, and no others, in lower case."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def matched(value: str, pattern: str, shown: str) -> tuple[str, ...] | None:
    """Return what the wildcards of *pattern* stand for in *value*, the whole first; None: not.

    Each ``*`` takes as little as it can (RFC 5229 §3.2). What is returned is cut from *shown*,
    which is *value* before its letters were folded.
    """
    pieces = _pieces(pattern)
    spans: list[tuple[int, int]] = []
    at = 0
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        start = _place(value, piece, at, is_first=number == 0, is_last=is_last)
        if start < 0:
            return None
        if number:
            spans.append((at, start))
        spans += [(start + offset, start + offset + 1) for offset in piece.single]
        at = start + piece.length
    if at != len(value):
        return None
    return (shown, *(shown[begin:end] for begin, end in spans[: MOST_CAPTURES - 1]))


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two ``*``; None among its characters is a ``?``."""

    text: str
    single: tuple[int, ...]  # where its ``?`` are
    length: int
    pattern: re.Pattern[str] | None


@lru_cache(maxsize=1_024)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    characters: list[str | object] = []
    escaped = False
    for character in pattern:
        if escaped or character not in "\\*?":
            characters.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "?":
            characters.append(_ANY)
        else:
            pieces.append(_piece(characters))
            characters = []
    pieces.append(_piece(characters))
    return tuple(pieces)


def _piece(characters: Sequence[str | object]) -> _Piece:
    single = tuple(n for n, character in enumerate(characters) if character is _ANY)
    text = "".join(c if isinstance(c, str) else "?" for c in characters)
    written = "".join(re.escape(c) if isinstance(c, str) else "." for c in characters)
    pattern = re.compile(written, re.DOTALL) if single else None
    return _Piece(text, single, len(characters), pattern)


def _place(value: str, piece: _Piece, at: int, *, is_first: bool, is_last: bool) -> int:
    """Return where *piece* stands in *value* from *at* on; -1 if nowhere it may."""
    if is_first or is_last:
        start = at if is_first else len(value) - piece.length
        if start < at:
            return -1
        fits = (
            piece.pattern.match(value, start) is not None
            if piece.pattern
            else value.startswith(piece.text, start)
        )
        return start if fits else -1
    if piece.pattern is None:
        return value.find(piece.text, at)
    found = piece.pattern.search(value, at)
    return found.start() if found else -1


def _number(text: str) -> float:
    # RFC 4790 §9.1: what begins with no digit is larger than any number, and all such are equal.
    digits = re.match(r"[0-9]{1,18}", text)
    return int(digits[0]) if digits else float("inf")


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_RELATIONS: dict[str, Callable[[float | bytes, float | bytes], bool]] = {
    "gt": lambda a, b: a > b,  # type: ignore[operator]
    "ge": lambda a, b: a >= b,  # type: ignore[operator]
    "lt": lambda a, b: a < b,  # type: ignore[operator]
    "le": lambda a, b: a <= b,  # type: ignore[operator]
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
