"""What an SMTP server answers: replies of one or more lines, with or without enhanced codes.

Reads bytes as they come (RFC 5321 §4.2), and the enhanced status code in them (RFC 2034). A
server may be hostile: what is held is bounded, and nothing it says can be mistaken for two lines.
"""

import re
from dataclasses import dataclass

LINE_BYTES = 2048  # §4.5.3.1.5 says 512; some say more
REPLY_LINES = 200
REPLY_BYTES = 32 * 1024
TEXT_CHARACTERS = 1000  # kept of one reply

_LINE = re.compile(rb"([2-5]\d\d)(?:([- ])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)")


class BadReply(ValueError):
    """It is no reply, or one beyond all bounds."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply.

    Attributes:
        lines: Without codes and line ends.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def is_positive(self) -> bool:
        """2xx: it was done."""
        return 200 <= self.code < 300

    @property
    def is_permanent(self) -> bool:
        """5xx: it shall not be tried again."""
        return self.code >= 500

    @property
    def enhanced(self) -> str:
        """The enhanced code of the first line that has one of the reply's class, or nothing."""
        for line in self.lines:
            found = _ENHANCED.match(line)
            if found and int(found[1]) == self.code // 100:
                return f"{found[1]}.{int(found[2])}.{int(found[3])}"
        return ""

    @property
    def text(self) -> str:
        """The words of all lines, without enhanced codes and without what is not to be shown."""
        words = (_ENHANCED.sub("", line, count=1) for line in self.lines)
        text = " ".join(filter(None, (word.strip() for word in words)))
        return "".join(c if c.isprintable() else "?" for c in text[:TEXT_CHARACTERS])


class ReplyReader:
    """Cuts what comes into replies."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._lines: list[str] = []
        self._code = 0
        self._size = 0

    @property
    def has_left(self) -> bool:
        """Whether something was received that is no whole reply yet."""
        return bool(self._data or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """Take *data* and return the replies that are whole now.

        Raises:
            BadReply: That is no SMTP.
        """
        self._data += data
        replies: list[Reply] = []
        while (end := self._data.find(b"\n")) >= 0:
            line = bytes(self._data[:end]).removesuffix(b"\r")
            del self._data[: end + 1]
            reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        if len(self._data) > LINE_BYTES:
            raise BadReply(f"a line of more than {LINE_BYTES} bytes")
        return replies

    def _take(self, line: bytes) -> Reply | None:
        found = _LINE.fullmatch(line)
        if found is None or len(line) > LINE_BYTES:
            raise BadReply(f"no SMTP reply: {line[:80]!r}")
        code = int(found[1])
        if self._lines and code != self._code:
            raise BadReply(f"a reply that begins with {self._code} goes on with {code}")
        self._code = code
        self._size += len(line)
        self._lines.append((found[3] or b"").decode("utf-8", "replace"))
        if len(self._lines) > REPLY_LINES or self._size > REPLY_BYTES:
            raise BadReply("a reply without end")
        if found[2] == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines, self._size = [], 0
        return reply
