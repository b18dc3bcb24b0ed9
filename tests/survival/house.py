"""A whole cluster with mail flowing, what is done to it, and what must hold when that is over."""

import asyncio
import itertools
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connectors.assembly.cluster_stores import open_stores
from connectors.settings import load
from tests.live.engines import cluster_settings
from tests.process import emails_of, eventually, free_port
from tests.survival.diary import FLOWS, Diary
from tests.survival.person import Person
from tests.survival.sender import Sender
from tests.survival.workers import ROLES, Worker

IS_FULL = os.environ.get("SURVIVAL") == "full"  # outages as long as they are in earnest
# Mails a second: two slow cores with all engines on them have enough to do with four.
RATE = float(os.environ.get("SURVIVAL_RATE", "6" if IS_FULL else "4"))
REPORT = os.environ.get("SURVIVAL_REPORT")  # a file: one line of JSON for each disturbance
SETTLED_WITHIN_S = 120.0
FLOWS_WITHIN_S = 120.0
RED_WITHIN_S = 15.0
DOMAIN = "demo.test"
NAMES = ("alice", "bob", "carol", "dan", "erin", "frank", "grace", "heidi")


@dataclass
class Load:
    """Mail under way, and people at work."""

    house: "House"
    sender: Sender
    people: Sequence[Person]
    diary: Diary
    report: dict[str, Any] = field(default_factory=dict[str, Any])

    @contextmanager
    def disturbance(self, what: str) -> Generator[None]:
        """Take note of what users meet meanwhile, and return when all flows again."""
        begun = time.monotonic()
        yield
        ended = time.monotonic()
        try:
            self.await_flow(ended)
        finally:
            self._report(what, begun, ended)

    def _report(self, what: str, begun: float, ended: float) -> None:
        flows = self.diary.flow_since(ended)
        self.report = {
            "what": what,
            "for_s": round(ended - begun, 1),
            "met": self.diary.met(begun, ended),
            "longest_s": self.diary.longest_s(begun, ended),
            "met_then": self.diary.met(ended, time.monotonic()),
            "flows_after_s": {flow: round(at - ended, 1) for flow, at in sorted(flows.items())},
            "red_after_s": self.house.red_after_s(begun),
            "reasons": self.house.reasons(begun),
            "ended_workers": {w.name: w.endings for w in self.house.workers if w.endings},
        }
        print(json.dumps(self.report))
        if REPORT:
            with Path(REPORT).open("a") as file:
                file.write(json.dumps(self.report) + "\n")

    def await_flow(self, since: float) -> Mapping[str, float]:
        """Return when each flow first went well after *since*."""
        return eventually(
            lambda: self.diary.flow_since(since), lambda f: set(FLOWS) <= set(f), FLOWS_WITHIN_S
        )

    def await_mails(self, count: int) -> None:
        """Return when so many more mails were accepted."""
        least = len(self.sender.accepted) + count
        eventually(lambda: len(self.sender.accepted), lambda n: n >= least, FLOWS_WITHIN_S)


class House:
    """A cluster of our own on the engines of `servers/`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        smtp, lmtp, self._http_port = free_port(), free_port(), free_port()
        self.smtp_port = smtp
        ports = {"SMTP": smtp, "LMTP": lmtp, "HTTP": self._http_port, "HEALTH": 0}
        self.settings = dict(settings) | {f"RILLMAIL_{k}_PORT": str(v) for k, v in ports.items()}
        self.http_url = f"http://127.0.0.1:{self._http_port}"
        self.passwords = {f"{name}@{DOMAIN}": secrets.token_urlsafe(9) for name in NAMES}
        self.workers: list[Worker] = []
        self._numbers = itertools.count()
        self.is_sound = True

    def start(self) -> None:
        """Make the users, start a worker of each role, and return when all are ready."""
        asyncio.run(self._make_users())
        for role in ROLES:
            self.join(role)
        for worker in self.workers:
            worker.await_ready()
        self._tokens = {address: self._token(address) for address in self.passwords}

    def end(self) -> None:
        """SIGKILL all."""
        for worker in self.workers:
            worker.die()

    def join(self, role: str) -> Worker:
        """Start one more worker of *role*."""
        name = f"{role}-{next(self._numbers)}"
        (self.folder / name).mkdir()
        worker = Worker(role, name, self.folder, self.settings)
        self.workers.append(worker)
        return worker

    def leave(self, worker: Worker) -> int:
        """End *worker* in order, for good, and return its exit status."""
        self.workers.remove(worker)
        return worker.leave()

    def worker(self, role: str) -> Worker:
        """Return the first worker of *role*."""
        return next(worker for worker in self.workers if worker.role == role)

    @contextmanager
    def load(self) -> Generator[Load]:
        """Have mails sent and people at work; the end of the context stops them."""
        self.is_sound = False  # until it is shown to be
        diary, word = Diary(), f"river{secrets.token_hex(4)}"
        addresses = list(self.passwords)
        people = [
            Person(self.http_url, self._tokens[a], a, [b for b in addresses if b != a], word, diary)
            for a in addresses[:2]
        ]
        sender = Sender(self.smtp_port, addresses, word, diary, RATE)
        with ExitStack() as running:
            for each in (*people, sender):
                running.enter_context(each)
            load = Load(self, sender, people, diary)
            load.await_flow(time.monotonic())
            yield load

    # --- what must hold in the end --------------------------------------------------------

    def finish(self, load: Load) -> None:
        """Stop what is sent; return when all that was begun is accepted."""
        load.sender.finish(SETTLED_WITHIN_S)
        for person in load.people:
            person.finish(SETTLED_WITHIN_S)

    def settle(self, load: Load) -> None:
        """Stop what is sent, and show that nothing is lost, doubled, reordered or missed."""
        self.finish(load)
        settling = time.monotonic()
        boxes = {address: self._signed_in(address) for address in self.passwords}
        try:
            try:
                self._all_are_there_once(load, boxes)
            except AssertionError as error:
                error.add_note(f"the audit tells: {self.command('audit', '--grace', '0')}")
                raise
            load.report["all_seen_after_s"] = round(time.monotonic() - settling, 1)
            self._all_was_told(load, boxes)
            self._all_is_found(load, boxes)
            load.report["all_found_after_s"] = round(time.monotonic() - settling, 1)
        finally:
            for client in boxes.values():
                client.close()
        for worker in self.workers:
            worker.await_ready()
        assert self.command("dead", "list") == []
        account = eventually(lambda: self.command("audit", "--replay", "--grace", "0"), _is_clean)
        assert account["mails"] > 0
        assert account["differences"] == []
        assert not load.diary.faults, load.diary.faults
        self.is_sound = True

    def command(self, *words: str) -> Any:
        """Return what a `rillmail` command tells."""
        done = subprocess.run(
            [sys.executable, "-m", "api.cli.main", *words, "--json"],
            env={k: v for k, v in os.environ.items() if not k.startswith("RILLMAIL_")}
            | self.settings,
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.stdout, f"rillmail {' '.join(words)}: {done.stderr[-2000:]}"
        return json.loads(done.stdout)

    def red_after_s(self, since: float) -> Mapping[str, float]:
        """Return after how long each worker first said that it is not ready, of those that did."""
        return {
            worker.name: round(reds[0] - since, 1)
            for worker in self.workers
            if (reds := [at for at, ready, _ in list(worker.health) if at >= since and not ready])
        }

    def reasons(self, since: float) -> Mapping[str, Sequence[str]]:
        """Return why workers said that they are not ready."""
        found = {
            worker.name: list(
                dict.fromkeys(
                    why[:200] for at, ready, why in list(worker.health) if at >= since and not ready
                )
            )
            for worker in self.workers
        }
        return {name: reasons[:6] for name, reasons in found.items() if reasons}

    def check_red(self, roles: Sequence[str], since: float, reason: str) -> None:
        """Show that workers of *roles* say, soon, that they wait and for what."""
        for role in roles:
            worker = self.worker(role)

            def told(worker: Worker = worker) -> bool:
                return any(
                    at >= since and not is_ready and reason in why
                    for at, is_ready, why in list(worker.health)
                )

            left_s = RED_WITHIN_S - (time.monotonic() - since)
            eventually(told, lambda is_told: is_told, max(0.1, left_s))

    def _all_are_there_once(self, load: Load, boxes: Mapping[str, httpx.Client]) -> None:
        expected = {address: set[str]() for address in boxes}
        for mail in load.sender.accepted:
            if mail.is_infected:
                continue
            for recipient in mail.recipients:
                expected[recipient].add(mail.subject)
        for person in load.people:
            for subject, to in person.posted:
                expected[to].add(subject)
                expected[person.address].add(subject)
        gone = set[str]().union(*(person.gone for person in load.people))
        for address, client in boxes.items():
            due = expected[address] - gone
            eventually(
                lambda client=client, due=due: due - _subjects(client, load.sender.word).keys(),
                lambda missing: not missing,
                SETTLED_WITHIN_S,
            )
            found = _subjects(client, load.sender.word)
            twice = {subject for subject, times in found.items() if times > 1}
            assert twice == set()
            assert found.keys() <= expected[address]

    def _all_was_told(self, load: Load, boxes: Mapping[str, httpx.Client]) -> None:
        for person in load.people:

            def last(client: httpx.Client = boxes[person.address]) -> int:
                return int(client.get("/me").raise_for_status().json()["cursor"])

            def is_heard(number: int, person: Person = person) -> bool:
                return person.cursors[-1:] == [number]

            number = eventually(last, is_heard, SETTLED_WITHIN_S)
            assert person.cursors == list(range(person.first + 1, number + 1))

    def _all_is_found(self, load: Load, boxes: Mapping[str, httpx.Client]) -> None:
        word = load.sender.word
        for client in boxes.values():
            have = _subjects(client, word)
            eventually(
                lambda client=client: _found(client, word),
                lambda found, have=have: found == have,
                SETTLED_WITHIN_S,
            )

    def _signed_in(self, address: str) -> httpx.Client:
        token = self._tokens[address]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.http_url, timeout=30, headers=headers)

    def _token(self, address: str) -> str:
        form = {"grant_type": "password", "username": address, "password": self.passwords[address]}
        answer = httpx.post(f"{self.http_url}/auth/token", data=form, timeout=30)
        return answer.raise_for_status().json()["access_token"]

    async def _make_users(self) -> None:
        async with open_stores(load(self.settings)) as stores:
            await stores.directory.add_domain(DOMAIN)
            for address, password in self.passwords.items():
                await stores.directory.add_user(
                    address, password, name="", is_admin=address.startswith(NAMES[0])
                )


@contextmanager
def opened(folder: Path) -> Generator[House]:
    """A house whose workers run, in places of its own in every engine."""
    with cluster_settings() as settings:
        house = House(folder, settings)
        try:
            house.start()
            yield house
        finally:
            house.end()


def _subjects(client: httpx.Client, word: str) -> Counter[str]:
    """Return how often each subject with *word* is in the mailbox."""
    folders = client.get("/folders").raise_for_status().json()
    return Counter(
        mail["subject"]
        for folder in folders
        for mail in emails_of(client, folder["folder_id"])
        if mail["subject"].startswith(word)
    )


def _found(client: httpx.Client, word: str) -> Counter[str]:
    """Return how often each subject is found by *word*."""
    found = Counter[str]()
    cursor = ""
    while True:
        query = {"query": word, "limit": 500} | ({"cursor": cursor} if cursor else {})
        page = client.get("/emails/search", params=query).raise_for_status().json()
        found.update(mail["subject"] for mail in page["emails"])
        if not (cursor := page["next_cursor"]):
            return found


def _is_clean(account: Mapping[str, Any]) -> bool:
    return account["differences"] == []
