"""A running service, whatever its profile, with people of a test's own."""

import json
import secrets
import smtplib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import httpx
from click.testing import CliRunner
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.cli.main import main
from tests.process import RunningCluster, RunningService, emails_of, eventually

PASSWORD = "a long password"
PATIENCE_S = 60.0  # machines of others are slow, and workers are started again
ANN = "ann@far.example"


@dataclass
class Place:
    """A service that others use as well, and a domain that is ours alone."""

    service: RunningService
    domain: str = field(default_factory=lambda: f"{secrets.token_hex(6)}.example")

    def __enter__(self) -> Self:
        self._people: list[Person] = []
        self.rillmail("domain", "add", self.domain)
        return self

    def __exit__(self, *_: object) -> None:
        for person in self._people:
            person.client.close()

    @property
    def is_cluster(self) -> bool:
        return isinstance(self.service, RunningCluster)

    def rillmail(self, *arguments: str, typed: str = "", status: int = 0) -> str:
        """Run a command on what the service works on; return what it prints."""
        runner = CliRunner(env=self.service.settings)
        # In a thread, since a browser's test has a loop in its own, and commands run theirs.
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(runner.invoke, main, arguments, input=typed).result()
        assert done.exit_code == status, done.output
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """Return what a command answers to programs."""
        return json.loads(self.rillmail(*arguments, "--json"))

    def person(self, name: str, *options: str) -> "Person":
        """Let somebody live here, and sign them in."""
        address = f"{name}@{self.domain}"
        self.rillmail("user", "add", address, "--password-file", "-", *options, typed=PASSWORD)
        client = self.service.client_of(address, PASSWORD)
        self._people.append(Person(self.service, address, client))
        return self._people[-1]

    def send(self, raw: bytes, *people: "Person", sender: str = ANN) -> None:
        """Hand a mail over by SMTP; returns when it was accepted for all."""
        to = [person.address for person in people]
        eventually(partial(self.refusals, raw, to, sender), lambda found: found == {}, PATIENCE_S)

    def refusals(
        self, raw: bytes, recipients: Sequence[str], sender: str = ANN
    ) -> Mapping[str, tuple[int, bytes]]:
        """Offer a mail by SMTP; return what the answer to each refused recipient is."""
        with smtplib.SMTP("127.0.0.1", self.service.smtp_port, timeout=60) as client:
            try:
                return client.sendmail(sender, list(recipients), raw)
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients

    def restart_api(self) -> None:
        """Let the process of the API end at once and come again."""
        if isinstance(self.service, RunningCluster):
            killed = self.service.kill_worker("api")
            eventually(self._is_ready, bool, PATIENCE_S)
            assert killed not in self.service.workers()
            return
        self.service.kill()
        self.service.start()
        for person in self._people:
            person.client.base_url = self.service.http_url

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.service.http_url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@dataclass
class Person:
    """Somebody who is signed in."""

    service: RunningService
    address: str
    client: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        """Return what the API answers to a question."""
        answer = self.client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def emails(self, folder_id: str = "inbox") -> list[dict[str, Any]]:
        """Return the mails of a folder, newest first."""
        return emails_of(self.client, folder_id)

    def awaited(self, count: int = 1, folder_id: str = "inbox") -> list[dict[str, Any]]:
        """Return the mails of a folder as soon as there are *count*."""
        return eventually(
            lambda: self.emails(folder_id), lambda found: len(found) == count, PATIENCE_S
        )

    def count(self, *folder_ids: str) -> int:
        """Return how many mails are in these folders."""
        return sum(
            folder["total_count"]
            for folder in self.get("/folders")
            if folder["folder_id"] in folder_ids
        )

    def raw(self, email_id: str) -> bytes:
        """Return a mail as it was accepted."""
        answer = self.client.get(f"/emails/{email_id}/raw")
        answer.raise_for_status()
        return answer.content

    def found(self, query: str) -> list[str]:
        """Return the subjects of what a search finds."""
        page = self.get("/emails/search", query=query)
        return sorted(line["subject"] for line in page["emails"])

    def socket(self, since: int) -> ClientConnection:
        """Open a WebSocket that tells what changed from there on."""
        token = self.client.headers["Authorization"].removeprefix("Bearer ")
        url = f"{self.service.http_url.replace('http', 'ws', 1)}/ws?since={since}"
        offered = [Subprotocol("bearer"), Subprotocol(token)]
        return connect(url, subprotocols=offered, proxy=None)


def quarantined(root: Person, recipient: str) -> list[str]:
    """Return the ids of what is in quarantine and was for *recipient*; others use it as well."""
    lines = root.get("/admin/quarantine", limit=500)["emails"]
    mails = [root.get(f"/admin/quarantine/{line['email_id']}") for line in lines]
    return [each["email_id"] for each in mails if each["recipient"] == recipient]


def told(socket: ClientConnection) -> Any:
    """Return the next message of a socket."""
    return json.loads(socket.recv(PATIENCE_S))


def mail(subject: str, text: str = "Hello.", *, headers: Sequence[str] = ()) -> bytes:
    """Return a message from Ann."""
    head = ["From: Ann <ann@far.example>", f"Subject: {subject}", *headers, "", text, ""]
    return "\r\n".join(head).encode()
