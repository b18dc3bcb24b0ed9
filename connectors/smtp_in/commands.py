"""A line of SMTP read: which command it is, and its argument (RFC 5321 §2.4, §4.1.1, §4.5.3.1).

Decides what is a line at all: it ends with CRLF and nothing else, is text, and has no more
octets than its command may have.
"""

from dataclasses import dataclass

from connectors.smtp_in import replies

COMMAND_BYTES = 512  # RFC 5321 §4.5.3.1.4, with CRLF
# What the parameters of extensions add to it.
MORE_BYTES = {
    # SIZE (RFC 1870 §3), BODY (RFC 3030 §3), SMTPUTF8 (RFC 6531 §3.1), RET, ENVID (RFC 3461 §4.4),
    # REQUIRETLS (RFC 8689 §2)
    "MAIL": 26 + 17 + 10 + 9 + 107 + 11,
    # NOTIFY, ORCPT (RFC 3461 §4.2)
    "RCPT": 29 + 507,
    # The initial response (RFC 4954 §4)
    "AUTH": 12_288 - 512,
}


@dataclass(frozen=True, slots=True)
class Command:
    """What a client wants: the name in upper case, and the rest of the line."""

    name: str
    argument: str | None


def read(line: bytes | None) -> Command | str:
    """Return the command in *line*, or the reply to what is none.

    Args:
        line: As ``Wire.line`` returns it.
    """
    if line is None:
        return replies.LINE_TOO_LONG
    if not line.endswith(b"\r\n") or line.count(b"\r") + line.count(b"\n") != 2:
        return replies.NO_CRLF
    try:
        text = line[:-2].decode()
    except UnicodeDecodeError:
        return replies.NOT_UTF8
    name, _, argument = text.partition(" ")
    command = name.upper()
    if len(line) > COMMAND_BYTES + MORE_BYTES.get(command, 0):
        return replies.LINE_TOO_LONG
    return Command(command, argument.strip(" ") or None)
