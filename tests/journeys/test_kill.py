"""After `250` or `202`, `kill -9` loses nothing and doubles nothing: of the real process."""

import os
import random
import smtplib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from tests.process import RunningService, emails_of, eventually

pytestmark = pytest.mark.process

KILLS = int(os.environ.get("KILLS", "10"))
SENDERS = 8
LARGE_EVERY = 9  # a mail of these is too large to be inline in the log


@pytest.mark.parametrize("whom", ["the service", "who takes mail"])
def test_killed_at_random_moments_it_holds_each_accepted_mail_exactly_once(
    service: RunningService, whom: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}, {KILLS} kills")
    moments = random.Random(seed)
    load = Load(service)
    with load:
        for _ in range(KILLS):
            accepted_before = load.count()
            eventually(load.count, lambda n, least=accepted_before + 20: n >= least)
            time.sleep(moments.uniform(0, 0.6))  # the moment is what is tested
            if whom == "the service":
                service.kill()
                service.start()
            else:
                service.kill_smtp()
    service.settle()
    client = service.signed_in()
    mails = emails_of(client)
    arrived = Counter(mail["subject"] for mail in mails)
    assert load.accepted <= set(arrived)
    assert [subject for subject, times in arrived.items() if times > 1] == []
    assert set(arrived) <= load.tried
    sent = Counter(mail["subject"] for mail in emails_of(client, "sent"))
    assert [subject for subject, times in sent.items() if times > 1] == []
    assert load.submitted <= set(sent) <= load.tried
    assert _counts(client) == {
        "inbox": (len(arrived), len(arrived)),
        "sent": (len(sent), 0),
    }
    for mail in moments.sample(mails, min(50, len(mails))):
        raw = client.get(f"/emails/{mail['email_id']}/raw").content
        assert raw == load.raws.get(mail["subject"], raw)
    everything = len(arrived) + len(sent)
    assert eventually(lambda: _found(client), lambda n: n == everything) == everything
    assert service.stop() == 0


@dataclass
class Load:
    """Senders by SMTP and by HTTP, who go on whatever happens to the service."""

    service: RunningService
    accepted: set[str] = field(default_factory=set)  # subjects that got 250
    submitted: set[str] = field(default_factory=set)  # subjects that got 202
    tried: set[str] = field(default_factory=set)
    raws: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> "Load":
        self._is_over = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS + 1)
        self._client = self.service.signed_in()
        self._running = [self._pool.submit(self._by_smtp, number) for number in range(SENDERS)]
        self._running.append(self._pool.submit(self._by_http))
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._pool.shutdown()
        for running in self._running:
            running.result()

    def count(self) -> int:
        return len(self.accepted)

    def _by_smtp(self, number: int) -> None:
        sent = 1
        while not self._is_over.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self.service.smtp_port, timeout=10) as client:
                    while not self._is_over.is_set():
                        subject = f"smtp-{number}-{sent}"
                        raw = _mail(subject, is_large=sent % LARGE_EVERY == 0)
                        self.tried.add(subject)
                        self.raws[subject] = raw
                        client.sendmail("ann@far.example", [self.service.users[0][0]], raw)
                        self.accepted.add(subject)
                        sent += 1
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)  # it is down; come back with the same, as any server would

    def _by_http(self) -> None:
        sent = 0
        while not self._is_over.is_set():
            sent += 1
            subject = f"http-{sent}"
            self.tried.add(subject)
            mail = {"to": [self.service.users[0][0]], "subject": subject, "body": "kept"}
            while not self._is_over.is_set():
                try:
                    answer = self._client.post(
                        f"{self.service.http_url}/emails/send",
                        json=mail,
                        headers={"Idempotency-Key": subject},
                    )
                except httpx.HTTPError:
                    time.sleep(0.02)
                    continue
                assert answer.status_code == 202, answer.text
                self.submitted.add(subject)
                self.accepted.add(subject)
                break


def _counts(client: httpx.Client) -> dict[str, tuple[int, int]]:
    return {
        folder["folder_id"]: (folder["total_count"], folder["unread_count"])
        for folder in client.get("/folders").json()
        if folder["total_count"]
    }


def _found(client: httpx.Client) -> int:
    found, cursor = 0, ""
    while True:
        query = {"query": "kept", "limit": 500} | ({"cursor": cursor} if cursor else {})
        page = client.get("/emails/search", params=query).json()
        found += len(page["emails"])
        cursor = page["next_cursor"]
        if not cursor:
            return found


def _mail(subject: str, *, is_large: bool) -> bytes:
    lines = 2_000 if is_large else 40
    text = "".join(f"line {number} of what must be kept\r\n" for number in range(lines))
    return (
        f"From: Ann <ann@far.example>\r\nTo: alice@demo.test\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject}@far.example>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\n{text}"
    ).encode()
