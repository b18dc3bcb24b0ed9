"""What we know of a mail's way, put in front of it where it leaves us (RFC 5321 §4.4, RFC 8601).

Pure. The raw message is kept as it came (ADR 4), so nothing is added when it is stored. Where a
reader asks for it, Return-Path, Authentication-Results and Received go in front, and
Authentication-Results that carry our name but were there before are left out: they are forged,
as we write none into what we keep (RFC 8601 §5). Every other byte stays what it is.
"""

import re
from collections.abc import AsyncIterator
from email.utils import format_datetime

from topologies.mail import authres, authres_reader
from topologies.ports.mailboxes import Email

LONGEST_FIELD_BYTES = 64 * 1024  # an Authentication-Results beyond is left out

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")
_NAME = authres.NAME.lower().encode()
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>]")


def front(email: Email, hostname: str) -> bytes:
    """Return the header fields that go in front of *email*.

    Received tells no client: that belongs to the event of its reception, not to the mailbox.
    """
    found = authres.known(email.authentication, authserv_id=hostname, mail_from=email.mail_from)
    received = [f"by {hostname}", f"id {_safe(email.mail_id)}"]
    if recipient := _safe(email.recipient):
        received.append(f"for <{recipient}>")
    received[-1] += ";"
    received.append(format_datetime(email.summary.created_at))
    fields = [authres.field(found), authres.folded("Received:", received)]
    if email.mail_from or found.results:  # brought along by its owner, it has no sender known to us
        fields.insert(0, authres.folded("Return-Path:", [f"<{_safe(email.mail_from)}>"]))
    return b"".join(fields)


async def with_trace(
    email: Email, chunks: AsyncIterator[bytes], hostname: str
) -> AsyncIterator[bytes]:
    """Yield *email* as it leaves us.

    Args:
        email: What is kept of it.
        chunks: Its raw message.
        hostname: Our name, which nobody else may use.
    """
    yield front(email, hostname)
    header = _Header(hostname)
    async for chunk in chunks:
        if kept := header.kept(chunk):
            yield kept
    if rest := header.rest():
        yield rest


class _Header:
    """A header as it comes in pieces, without the fields in our name.

    Lines are taken to end at a lone CR or LF, too: some reader will, and must not be misled.
    """

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname
        self._line = bytearray()  # without its end so far
        self._results = bytearray()  # a field of results that may go on
        self._is_results = False  # the field that goes on is one of results
        self._is_after_crlf = True  # else an empty line is none to whom CRLF alone ends lines
        self._is_over = False

    def kept(self, chunk: bytes) -> bytes:
        """Return what of *chunk*, and of what was held back before, is part of the message."""
        if self._is_over:
            return chunk
        begin = max(0, len(self._line) - 1)
        self._line += chunk
        # What ends the last line is not known before the next byte, so it is held back.
        end = max(self._line.rfind(b"\r", begin, -1), self._line.rfind(b"\n", begin, -1)) + 1
        if end < 1:
            return b""
        if self._line.startswith(b"\r\n", end - 1):
            end += 1
        whole = bytes(self._line[:end])
        del self._line[:end]
        out: list[bytes] = []
        at = 0
        for line in _LINE.finditer(whole):
            told = self._of_line(line[0])
            out.append(told)
            at = line.end()
            # Behind what is left, not behind what was there: so do those read who are told it.
            before = told.removesuffix(line[0])
            is_after_crlf = before.endswith(b"\r\n") if before else self._is_after_crlf
            if told:
                self._is_after_crlf = told.endswith(b"\r\n")
            if line[0] == b"\r\n" and is_after_crlf:
                self._is_over = True
                out.append(whole[at:] + bytes(self._line))
                self._line.clear()
                break
        return b"".join(out)

    def rest(self) -> bytes:
        """Return what was held back, at the end of the message."""
        return self._of_line(bytes(self._line)) + self._ended()

    def _of_line(self, line: bytes) -> bytes:
        if self._is_results and line[:1] in (b" ", b"\t"):
            if len(self._results) <= LONGEST_FIELD_BYTES:
                self._results += line
            return b""
        before = self._ended()
        if line.partition(b":")[0].strip(b" \t").lower() == _NAME:
            self._is_results = True
            self._results += line
            return before
        return before + line

    def _ended(self) -> bytes:
        """Return the field of results that has ended, unless it is in our name."""
        field = bytes(self._results)
        self._results.clear()
        self._is_results = False
        value = field.partition(b":")[2].decode("utf-8", "replace")
        if len(field) > LONGEST_FIELD_BYTES or authres_reader.is_named(value, self._hostname):
            return b""
        return field


def _safe(text: str) -> str:
    return _UNSAFE.sub("", text)[:320]
