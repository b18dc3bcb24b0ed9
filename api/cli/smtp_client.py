"""A client of SMTP and LMTP for commands: one connection, answers as the server gave them.

Line ends must be CRLF already. Speaks RFC 5321, with SMTPUTF8 (RFC 6531) where an address
needs it, and RFC 2033 for LMTP.
"""

import smtplib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said to one message.

    Attributes:
        reply: To the message; empty if it was not even asked to take it.
        accepted: Recipients that the message was taken for.
        refused: Recipients it was not taken for, each with the reply.
    """

    reply: str
    accepted: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


class Client:
    """A connection to a server."""

    def __init__(self, smtp: smtplib.SMTP, *, is_lmtp: bool) -> None:
        self._smtp = smtp
        self._is_lmtp = is_lmtp

    def send(self, raw: bytes, sender: str, recipients: Sequence[str]) -> Answer:
        """Hand over one message, all its commands in one go (RFC 2920)."""
        is_utf8 = not (sender + "".join(recipients)).isascii()
        options = f" SIZE={len(raw)}" if self._smtp.has_extn("size") else ""
        options += " SMTPUTF8" if is_utf8 else ""
        commands = [f"MAIL FROM:<{sender}>{options}", *(f"RCPT TO:<{to}>" for to in recipients)]
        self._put("".join(f"{command}\r\n" for command in commands).encode())
        sender_reply = self._reply()
        replies = [self._reply() for _ in recipients]
        answers = dict(zip(recipients, replies, strict=True))
        taken = [to for to in recipients if answers[to][:1] == "2"]
        if sender_reply[:1] != "2":
            answers = dict.fromkeys(recipients, sender_reply)
        reply = ""
        if sender_reply[:1] == "2" and taken:
            reply = self._data(raw, taken, answers)
        else:
            self._smtp.rset()
        return Answer(
            reply=reply,
            accepted=tuple(to for to in recipients if answers[to][:1] == "2"),
            refused=tuple((to, said) for to, said in answers.items() if said[:1] != "2"),
        )

    def _data(self, raw: bytes, taken: Sequence[str], answers: dict[str, str]) -> str:
        self._put(b"DATA\r\n")
        reply = self._reply()
        if reply[:1] != "3":
            answers.update(dict.fromkeys(taken, reply))
            return reply
        stuffed = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]  # RFC 5321 §4.5.2
        self._put(stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        if self._is_lmtp:  # RFC 2033 §4.2: one for each
            answers.update({to: self._reply() for to in taken})
            return answers[taken[0]]
        reply = self._reply()
        answers.update(dict.fromkeys(taken, reply))
        return reply

    def _put(self, data: bytes) -> None:
        self._smtp.send(data)

    def _reply(self) -> str:
        code, text = self._smtp.getreply()
        said = " ".join(text.decode("utf-8", "replace").split())
        if code == 421:  # it hangs up
            raise click.ClickException(f"the server hung up: {code} {said}")
        return f"{code} {said}"


@contextmanager
def connected(server: str, *, is_lmtp: bool = False) -> Generator[Client]:
    """Connect to *server*, ``host:port``, and say goodbye at the end.

    Raises:
        click.ClickException: Nobody is there, or it hangs up; says so in one sentence.
    """
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.UsageError(f"{server!r} is no server: write HOST:PORT")
    kind = smtplib.LMTP if is_lmtp else smtplib.SMTP
    try:
        with kind(host.strip("[]"), int(port), timeout=TIMEOUT_S) as smtp:
            code, text = smtp.ehlo()
            if code != 250:
                said = text.decode("utf-8", "replace")
                raise click.ClickException(f"{server} does not greet: {code} {said}")
            yield Client(smtp, is_lmtp=is_lmtp)
    except ConnectionRefusedError:
        raise click.ClickException(
            f"nobody listens on {server}: is `rillmail run` running, and is --server its port?"
        ) from None
    except smtplib.SMTPException as error:
        raise click.ClickException(f"{server} broke off: {_said(error)}") from error
    except OSError as error:
        raise click.ClickException(f"{server} is out of reach: {error}") from error


def _said(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text if isinstance(text, str) else text.decode(errors="replace")
        return f"{error.smtp_code} {said}"
    return str(error)
