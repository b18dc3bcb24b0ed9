"""Reading Authentication-Results fields, and knowing those that pretend to be ours (RFC 8601).

Pure, and linear in the length of the field. Comments may stand wherever the grammar allows them
(§2.2); what others write a little beside the grammar is read, too.
"""

import re

from topologies.mail.authres import AuthResults, MethodResult, Property

LONGEST_FIELD_BYTES = 64 * 1024
VERSION = "1"

_WHITE = re.compile(r"[ \t\r\n]+")
_KEYWORD = re.compile(r"[A-Za-z0-9_-]+")
_DIGITS = re.compile(r"[0-9]+")
_UNQUOTED = re.compile(r'[^ \t\r\n;()"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_OF_COMMENT = re.compile(r"[^()\\]+|\\.", re.DOTALL)


class AuthResultsSyntaxError(ValueError):
    """It can't be read, and so says nothing."""


def parse(value: str) -> AuthResults:
    """Return what the *value* of a field says.

    Raises:
        AuthResultsSyntaxError: It is none, or of a version that we do not know.
    """
    if len(value) > LONGEST_FIELD_BYTES:
        raise AuthResultsSyntaxError("it is too long")
    reader = _Reader(_unfolded(value))
    authserv_id = reader.authserv_id()
    results: list[MethodResult] = []
    while reader.next_part():
        if (result := reader.result()) is not None:
            results.append(result)
    return AuthResults(authserv_id, tuple(results))


def is_named(value: str, authserv_id: str) -> bool:
    """Return whether a field claims to be written by *authserv_id*.

    What can't be read counts as such if it names us anywhere: somebody may read it otherwise.
    """
    own = authserv_id.lower()
    try:
        parts = _Reader(_unfolded(value[:LONGEST_FIELD_BYTES])).first_words()
    except AuthResultsSyntaxError:
        return own in value.lower()
    # Joined, too: a reader that drops comments before all else takes "mail.(x)example" as a name.
    named = re.compile(rf"{re.escape(own)}\.?[0-9]*")
    names = (parts[0], "".join(parts)) if parts else ()
    return any(named.fullmatch(name.lower()) for name in names)


def _unfolded(value: str) -> str:
    return value.replace("\r\n", "")


class _Reader:
    """A place in a value, and steps from there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def first_words(self) -> list[str]:
        """Read what stands before the first ";"."""
        found: list[str] = []
        self._skip()
        while self._peek() not in ("", ";"):
            found.append(self._value())
            self._skip()
        return found

    def authserv_id(self) -> str:
        """Read who says it, and in which version."""
        self._skip()
        name = self._value()
        self._skip()
        version = self._match(_DIGITS)
        if version and version.lstrip("0") != VERSION:  # §2.2: others are to be ignored
            raise AuthResultsSyntaxError(f"version {version[:20]} is unknown")
        return name

    def next_part(self) -> bool:
        """Step over ";"; return whether there is something behind."""
        self._skip()
        if self._at == len(self._text):
            return False
        self._expect(";")
        self._skip()
        return self._at < len(self._text)

    def result(self) -> MethodResult | None:
        """Read what a method found; None where it says "none"."""
        if self._peek() == ";":
            return None
        method = self._keyword()
        self._skip()
        if method.lower() == "none" and self._peek() in ("", ";"):
            return None
        if self._accept("/"):
            self._skip()
            self._match(_DIGITS)
            self._skip()
        self._expect("=")
        self._skip()
        found = self._keyword()
        reason = ""
        properties: list[Property] = []
        while True:
            self._skip()
            if self._peek() in ("", ";"):
                return MethodResult(method.lower(), found.lower(), tuple(properties), reason)
            kind = self._keyword().lower()
            self._skip()
            names: list[str] = []
            while self._accept("."):
                self._skip()
                names.append(self._keyword().lower())
                self._skip()
            self._expect("=")
            self._skip()
            value = "" if self._peek() in ("", ";") else self._value()
            if names:
                properties.append(Property(kind, ".".join(names), value))
            elif kind == "reason":
                reason = value

    def _value(self) -> str:
        """Read a token, a quoted string, or both joined as in an address."""
        parts: list[str] = []
        while True:
            if self._peek() == '"':
                quoted = _QUOTED.match(self._text, self._at)
                if not quoted:
                    raise AuthResultsSyntaxError("a quoted string does not end")
                self._at = quoted.end()
                parts.append(_PAIR.sub(r"\1", quoted[1]))
            elif part := self._match(_UNQUOTED):
                parts.append(part)
            elif parts:
                return "".join(parts)
            else:
                raise AuthResultsSyntaxError("a value is missing")

    def _skip(self) -> None:
        """Step over white space and comments."""
        while True:
            self._match(_WHITE)
            if self._peek() != "(":
                return
            depth = 0
            while True:
                if self._accept("("):
                    depth += 1
                elif self._accept(")"):
                    depth -= 1
                    if not depth:
                        break
                elif not self._match(_OF_COMMENT):
                    raise AuthResultsSyntaxError("a comment does not end")

    def _keyword(self) -> str:
        if word := self._match(_KEYWORD):
            return word
        raise AuthResultsSyntaxError(f"no keyword: {self._text[self._at :][:20]!r}")

    def _match(self, pattern: re.Pattern[str]) -> str:
        matched = pattern.match(self._text, self._at)
        if not matched:
            return ""
        self._at = matched.end()
        return matched[0]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _accept(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._accept(character):
            raise AuthResultsSyntaxError(f"{character!r} is missing")
