"""Someone who uses the API while things break: reads, changes, sends, searches, and listens."""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import httpx
import websockets
from websockets.sync.client import connect

from tests.process import eventually
from tests.survival.diary import Diary

PAUSE_S = 0.3  # between two requests of one kind
ANSWER_WITHIN_S = 25.0


@dataclass
class Person:
    """A signed-in user, busy while the context lasts."""

    http_url: str
    token: str
    address: str
    friends: Sequence[str]
    word: str
    diary: Diary
    posted: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # subject, to
    gone: set[str] = field(default_factory=set[str])  # subjects of what was deleted for good
    cursors: list[int] = field(default_factory=list[int])  # numbers of changes, as they came

    def __enter__(self) -> Self:
        self._is_over = threading.Event()
        self._no_more_posts = threading.Event()
        self._listed: list[dict[str, Any]] = []
        self._gone = set[str]()  # ids of what was deleted for good
        self._binned = set[str]()  # ids of what was put into trash: from there it would be gone
        self._custom = self._folder()
        with self._client() as client:
            self.first = int(client.get("/me").raise_for_status().json()["cursor"])
        self._read, self._change, self._post = itertools.cycle(range(3)), 0, 0
        flows = (self._reads, self._changes, self._searches)
        self._threads = [threading.Thread(target=self._often, args=[flow]) for flow in flows]
        self._posting = threading.Thread(target=self._posts)
        self._listening = threading.Thread(target=self._listens)
        for thread in (*self._threads, self._posting, self._listening):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._no_more_posts.set()
        self._is_over.set()
        for thread in (*self._threads, self._posting, self._listening):
            thread.join()

    def finish(self, within_s: float) -> None:
        """Send and change no more; return when what was begun is answered."""
        self._no_more_posts.set()
        self._posting.join(within_s)
        assert not self._posting.is_alive(), "a mail is still not accepted by the API"

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.http_url,
            timeout=ANSWER_WITHIN_S,
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def _folder(self) -> str:
        name = f"Kept {self.word}"
        with self._client() as client:
            client.post("/folders", json={"name": name}).raise_for_status()
            [made] = eventually(
                lambda: [f for f in client.get("/folders").json() if f["name"] == name], len
            )
        return made["folder_id"]

    def _often(self, flow: Callable[[httpx.Client], None]) -> None:
        with self._client() as client:
            while not self._is_over.wait(PAUSE_S):
                flow(client)

    def _ask(
        self, flow: str, client: httpx.Client, method: str, path: str, **more: Any
    ) -> httpx.Response | None:
        begun = time.monotonic()
        try:
            answer = client.request(method, path, **more)
        except httpx.TimeoutException:
            self.diary.note(flow, "timeout", begun)
            self.diary.fault(f"{method} {path}: no answer within {ANSWER_WITHIN_S:g} s")
            return None
        except httpx.TransportError as error:
            is_refused = isinstance(error, httpx.ConnectError)
            self.diary.note(flow, "refused" if is_refused else "broken", begun)
            return None
        if answer.status_code == 404 and path.rpartition("/")[2] in self._gone:
            self.diary.note(flow, "200", begun)  # which is right: it was deleted for good
            return answer
        self.diary.note(flow, str(answer.status_code), begun)
        told = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code == 503 and not answer.headers.get("Retry-After", "").isdecimal():
            self.diary.fault(f"{told}, without Retry-After")
        if answer.status_code not in (200, 202, 204, 503):
            self.diary.fault(told)
        return answer

    def _reads(self, client: httpx.Client) -> None:
        match next(self._read):
            case 0:
                answer = self._ask("reading", client, "GET", "/folders/inbox/emails")
                if answer is not None and answer.status_code == 200:
                    self._listed = answer.json()["emails"]
            case 1:
                self._ask("reading", client, "GET", "/folders")
            case _ if self._listed:
                mail = random.choice(self._listed)
                self._ask("reading", client, "GET", f"/emails/{mail['email_id']}")
            case _:
                pass

    def _changes(self, client: httpx.Client) -> None:
        if not self._listed or self._no_more_posts.is_set():
            return
        mail = random.choice(self._listed)
        path = f"/emails/{mail['email_id']}"
        self._change += 1
        match self._change % 10:
            case 3:
                self._ask("changing", client, "PATCH", path, json={"folder_id": self._custom})
            case 6 if mail["email_id"] not in self._binned:
                self._binned.add(mail["email_id"])
                self._ask("changing", client, "DELETE", path)
            case 9:
                self.gone.add(mail["subject"])
                self._gone.add(mail["email_id"])
                self._ask("changing", client, "DELETE", path, params={"permanent": "true"})
            case _:
                is_read = {"is_read": not mail["is_read"]}
                self._ask("changing", client, "PATCH", path, json=is_read)

    def _searches(self, client: httpx.Client) -> None:
        self._ask("search", client, "GET", "/emails/search", params={"query": self.word})

    def _posts(self) -> None:
        with self._client() as client:
            while not self._no_more_posts.wait(4 * PAUSE_S):
                self._post += 1
                subject = f"{self.word} posted {self._post} by {self.address.partition('@')[0]}"
                to = random.choice(self.friends)
                body = {"to": [to], "subject": subject, "body": "Shall we meet by the river?"}
                headers = {"Idempotency-Key": subject.replace(" ", "-")}
                while not self._is_over.is_set():
                    answer = self._ask(
                        "sending", client, "POST", "/emails/send", json=body, headers=headers
                    )
                    if answer is not None and answer.status_code == 202:
                        self.posted.append((subject, to))
                        break
                    self._is_over.wait(1.0)

    def _listens(self) -> None:
        since = self.first
        while not self._is_over.is_set():
            begun = time.monotonic()
            url = f"{self.http_url.replace('http', 'ws', 1)}/ws?since={since}"
            try:
                with connect(
                    url,
                    additional_headers={"Authorization": f"Bearer {self.token}"},
                    open_timeout=10,
                    close_timeout=1,
                ) as socket:
                    while not self._is_over.is_set():
                        try:
                            message = json.loads(socket.recv(timeout=0.5))
                        except TimeoutError:
                            continue
                        since = self._heard(message, since)
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd is not None else "broken"
                self.diary.note("push", f"closed {code}", begun)
            except websockets.InvalidStatus as refused:
                self.diary.note("push", str(refused.response.status_code), begun)
                if refused.response.status_code == 500:
                    self.diary.fault("the WebSocket was answered with 500")
            except (OSError, TimeoutError, websockets.InvalidMessage, EOFError):
                self.diary.note("push", "refused", begun)
            self._is_over.wait(0.5)

    def _heard(self, message: Mapping[str, Any], since: int) -> int:
        cursor = int(message["cursor"])
        if cursor != since + 1:
            self.diary.fault(f"{self.address}: change {cursor} was told after {since}")
        self.cursors.append(cursor)
        age_s = time.time() - datetime.fromisoformat(message["changed_at"]).timestamp()
        self.diary.note("push", "told", time.monotonic() - max(0.0, age_s))
        return cursor
