"""Sieve scripts cut into tokens, each with its place (RFC 5228 §2).

Pure and linear. What a token means is the parser's work; what is none is told with its line and
column, which count from 1, a column in characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_BYTES = 32 * 1024  # of a script
MOST_NUMBER = 2**31 - 1  # RFC 5228 §2.4.1 asks for this many at least

Kind = Literal["word", "tag", "number", "string", "mark", "end"]

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*|/\*.*?\*/)+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")
_NUMBER = re.compile(r"([0-9]+)([KkMmGg]?)(?![A-Za-z0-9_])")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TEXT = re.compile(r"text:[ \t]*(?:#[^\n]*)?\r?\n", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MARKS = frozenset("{}()[];,")


class SieveError(ValueError):
    """A script, or what it does to a mail, is not as it should be.

    Attributes:
        line: Where, from 1.
        column: In that line, from 1.
        reason: In words for its author.
    """

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is a string's content, a word or tag in lower case."""

    kind: Kind
    text: str
    line: int
    column: int
    number: int = 0


def tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of *source*, the last of kind ``end``.

    Raises:
        SieveError: Something is no token, or the script is too long.
    """
    if len(source) > MOST_BYTES or len(source.encode("utf-8", "replace")) > MOST_BYTES:
        raise SieveError(f"a script has at most {MOST_BYTES // 1024} KiB", 1, 1)
    at, line, line_start = 0, 1, 0
    while True:
        if space := _SPACE.match(source, at):
            line, line_start = _after(source, at, space.end(), line, line_start)
            at = space.end()
        column = at - line_start + 1
        if at == len(source):
            yield Token("end", "", line, column)
            return
        token, end = _token(source, at, line, column)
        yield token
        line, line_start = _after(source, at, end, line, line_start)
        at = end


def _token(source: str, at: int, line: int, column: int) -> tuple[Token, int]:
    if source[at] in _MARKS:
        return Token("mark", source[at], line, column), at + 1
    if source[at] == '"':
        if match := _QUOTED.match(source, at):
            # §2.4.2: a backslash before any other character is not there.
            text = _ESCAPED.sub(r"\1", match[1])
            return Token("string", text, line, column), match.end()
        raise SieveError("this text has no closing quote", line, column)
    if match := _TEXT.match(source, at):
        return _lines(source, match.end(), line, column)
    if match := _TAG.match(source, at):
        return Token("tag", match[1].lower(), line, column), match.end()
    if match := _WORD.match(source, at):
        return Token("word", match[0].lower(), line, column), match.end()
    if match := _NUMBER.match(source, at):
        digits = match[1]
        number = int(digits) if len(digits) <= 12 else MOST_NUMBER + 1
        number *= {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2].lower()]
        if number > MOST_NUMBER:
            raise SieveError(f"numbers go up to {MOST_NUMBER}", line, column)
        return Token("number", match[0], line, column, number), match.end()
    if source.startswith("/*", at):
        raise SieveError("this comment has no end", line, column)
    raise SieveError(f"{source[at]!r} does not belong here", line, column)


def _lines(source: str, at: int, line: int, column: int) -> tuple[Token, int]:
    """Return the text of several lines that begins at *at* and ends with a lone dot."""
    kept: list[str] = []
    while at < len(source):
        end = source.find("\n", at)
        end = len(source) if end < 0 else end
        written = source[at:end].removesuffix("\r")
        at = min(end + 1, len(source))
        if written == ".":
            text = "".join(f"{each}\r\n" for each in kept)
            return Token("string", text, line, column), at
        kept.append(written[1:] if written.startswith("..") else written)  # dot-stuffed
    raise SieveError('this text has no end: a line with "." alone', line, column)


def _after(source: str, begin: int, end: int, line: int, line_start: int) -> tuple[int, int]:
    breaks = source.count("\n", begin, end)
    return (line + breaks, source.rfind("\n", begin, end) + 1) if breaks else (line, line_start)
