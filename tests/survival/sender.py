"""A mail server that hands mails over to us by SMTP, and comes again until each is taken."""

import base64
import contextlib
import itertools
import queue
import random
import smtplib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.survival.diary import Diary

LINES = 4  # connections at once
AGAIN_S = 1.0  # after a mail was not taken
MOST_WAITING = 40  # mails of one line that wait for another try: then no new one
ANSWER_WITHIN_S = 25.0  # what takes longer is a hang
LARGE_EVERY, LARGE_BYTES = 10, 100 * 1024  # too large to be inline in the log


@dataclass(slots=True)
class Mail:
    """One mail to be handed over."""

    subject: str
    recipients: Sequence[str]
    raw: bytes
    again_at: float = 0.0
    is_infected: bool = False  # taken, and nobody gets it


@dataclass
class Sender:
    """Sends mails of one *word* at *rate* a second while its context lasts."""

    port: int
    users: Sequence[str]
    word: str
    diary: Diary
    rate: float
    accepted: list[Mail] = field(default_factory=list[Mail])

    def __enter__(self) -> Self:
        self._numbers = itertools.count()
        self._pushed = queue.SimpleQueue[Mail]()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(LINES)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def push(self, mail: Mail) -> None:
        """Send *mail*, too, as soon as may be."""
        self._pushed.put(mail)

    def finish(self, within_s: float) -> None:
        """Begin no further mail, and return when each that was begun is taken."""
        deadline = time.monotonic() + within_s
        self._is_finishing = True
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "mails are still refused"

    _is_finishing = False

    def _run(self) -> None:
        line = _Line(self.port)
        waiting: list[Mail] = []
        new_at = time.monotonic() + random.random() * LINES / self.rate
        while not self._is_over.is_set():
            now = time.monotonic()
            if waiting and waiting[0].again_at <= now:
                mail = waiting.pop(0)
            elif self._is_finishing and not waiting:
                break
            elif not self._is_finishing and new_at <= now and len(waiting) < MOST_WAITING:
                mail = self._new()
                new_at = max(new_at + LINES / self.rate, now - 1.0)
            else:
                self._is_over.wait(0.02)
                continue
            if not self._hand_over(line, mail):
                mail.again_at = time.monotonic() + AGAIN_S
                waiting.append(mail)
        line.hang_up()

    def _new(self) -> Mail:
        with contextlib.suppress(queue.Empty):
            return self._pushed.get_nowait()
        number = next(self._numbers)
        first = number % len(self.users)
        both = [self.users[first], self.users[first - 1]]
        recipients = both if number % 5 == 0 else both[:1]
        subject = f"{self.word} {number}"
        file = random.randbytes(LARGE_BYTES) if number % LARGE_EVERY == 7 else b""
        return Mail(subject, recipients, raw_of(subject, recipients, file))

    def _hand_over(self, line: "_Line", mail: Mail) -> bool:
        begun = time.monotonic()
        outcome = line.hand_over(mail)
        self.diary.note("smtp", outcome, begun)
        if outcome[0] == "5":
            self.diary.fault(f"{mail.subject} was refused for good: {outcome}")
        if time.monotonic() - begun > ANSWER_WITHIN_S:
            self.diary.fault(f"{mail.subject}: no answer within {ANSWER_WITHIN_S:g} s")
        if outcome == "250":
            self.accepted.append(mail)
        return outcome == "250"


class _Line:
    """One connection, made anew when it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client: smtplib.SMTP | None = None

    def hand_over(self, mail: Mail) -> str:
        """Return the code of the answer that decided, or why there was none."""
        try:
            if self._client is None:
                self._client = smtplib.SMTP("127.0.0.1", self._port, timeout=ANSWER_WITHIN_S)
                self._client.ehlo_or_helo_if_needed()
            code, _ = self._client.mail("mta@far.example")
            for recipient in mail.recipients:
                if code == 250:
                    code, _ = self._client.rcpt(recipient)
            if code == 250:
                code, _ = self._client.data(mail.raw)
            if code != 250:
                self.hang_up()
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected, OSError) as error:
            self.hang_up()
            if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
                return str(error.smtp_code)
            if isinstance(error, TimeoutError):
                return "timeout"
            return "refused" if isinstance(error, ConnectionRefusedError) else "broken"
        return str(code)

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def raw_of(subject: str, recipients: Sequence[str], file: bytes = b"") -> bytes:
    """Return a mail, with a file if one is given."""
    head = (
        f"From: Ann <ann@far.example>\r\nTo: {', '.join(recipients)}\r\nSubject: {subject}\r\n"
        f"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{subject.replace(' ', '.')}@far.example>\r\nMIME-Version: 1.0\r\n"
    )
    text = "We met by the river and talked about the new bridge.\r\n" * 20
    if not file:
        return f"{head}Content-Type: text/plain\r\n\r\n{text}".encode()
    data = base64.encodebytes(file).replace(b"\n", b"\r\n").decode()
    return (
        f'{head}Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
        f"--b\r\nContent-Type: application/octet-stream\r\n"
        f'Content-Disposition: attachment; filename="bridge.bin"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{data}\r\n--b--\r\n"
    ).encode()
