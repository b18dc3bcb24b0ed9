"""Drafts, while the real process is killed: what was answered is there, and what was sent, once."""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.process import RunningService, emails_of, eventually

pytestmark = pytest.mark.process

KILLS = int(os.environ.get("KILLS", "3"))
WRITERS = 3


def test_killed_while_drafts_are_saved_and_sent_each_is_there_once(
    service: RunningService,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    with Writing(service) as writing:
        for _ in range(KILLS):
            before = len(writing.sent)
            eventually(lambda: len(writing.sent), lambda n, least=before + 3: n >= least)
            time.sleep(moments.uniform(0, 0.4))  # the moment is what is tested
            service.kill()
            service.start()
    service.settle()
    ann, bo = service.signed_in(0), service.signed_in(1)
    assert _subjects(bo, "inbox") == Counter(writing.sent)
    assert _subjects(ann, "sent") == Counter(writing.sent)
    assert _subjects(ann, "drafts") == Counter(writing.kept)
    eventually(lambda: _count_found(ann), lambda count: count == len(writing.kept))
    assert service.stop() == 0


@dataclass
class Writing:
    """People who write drafts and send every other one, whatever happens to the service."""

    service: RunningService
    sent: list[str] = field(default_factory=list[str])  # subjects
    kept: list[str] = field(default_factory=list[str])

    def __enter__(self) -> "Writing":
        self._is_over = threading.Event()
        self._client = self.service.signed_in(0)
        self._pool = ThreadPoolExecutor(WRITERS)
        self._running = [self._pool.submit(self._write, number) for number in range(WRITERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._pool.shutdown()
        for running in self._running:
            running.result()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._is_over.is_set():
            number += 1
            name = f"draft-{writer}-{number}"
            body: dict[str, Any] = {
                "to": [self.service.users[1][0]],
                "subject": f"{name}-first",
                "body": "See you at the lake.",
            }
            draft = self._asked("POST", "/drafts", body, {"Idempotency-Key": name})
            path, subject = f"/drafts/{draft['draft_id']}", f"{name}-last"
            body["subject"] = subject
            draft = self._asked("PUT", path, body, {"If-Match": draft["etag"]})
            if number % 2:
                self._asked("POST", f"{path}/send", None, {"If-Match": draft["etag"]})
                self.sent.append(subject)
            else:
                self.kept.append(subject)

    def _asked(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        """Ask until there is an answer, as any client would."""
        while True:
            try:
                url = f"{self.service.http_url}{path}"
                answer = self._client.request(method, url, json=body, headers=headers)
            except httpx.HTTPError:
                time.sleep(0.02)  # it is down
                continue
            if answer.status_code == 202 and not path.endswith("/send"):
                continue  # safe, and not seen yet
            if answer.status_code in (409, 503):
                time.sleep(0.02)
                continue
            assert answer.status_code < 300, (method, path, answer.text)
            return answer.json()


def _subjects(client: httpx.Client, folder: str) -> Counter[str]:
    return Counter(mail["subject"] for mail in emails_of(client, folder))


def _count_found(client: httpx.Client) -> int:
    query = {"query": "in:drafts subject:last"}
    return client.get("/emails/search", params=query).json()["total_count"]
