"""Stores that live as long as a test, and a way to run commands on them."""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import click
from click.testing import CliRunner, Result

from connectors.memory.app_passwords import MemoryAppPasswords
from connectors.memory.clock import ManualClock
from connectors.memory.contacts import MemoryContacts
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.domain_reports import MemoryDomainReports
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.personal_spam import MemoryPersonalSpam
from connectors.memory.push_subscriptions import MemoryPushSubscriptions
from connectors.memory.request_keys import MemoryRequestKeys
from connectors.memory.restraints import MemoryRestraints
from connectors.memory.rules import MemoryRules
from connectors.memory.scheduled import MemoryScheduled
from connectors.memory.search import MemorySearch
from connectors.memory.second_factors import MemorySecondFactors
from connectors.memory.snoozes import MemorySnoozes
from connectors.memory.sts_policies import MemoryStsPolicies
from connectors.memory.suppressions import MemorySuppressions
from connectors.memory.unsubscribes import MemoryUnsubscribes
from connectors.memory.webhooks import MemoryWebhooks
from connectors.settings import Settings
from topologies.errors import MailError
from topologies.events import Event
from topologies.ports.dead_letters import DeadLetter, Edited


class KeptDeadLetters:
    """Dead letters in a list, oldest first."""

    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []
        self.edited: dict[str, Edited] = {}  # what was handed on instead

    async def list(
        self,
        *,
        path: str | None = None,
        include_settled: bool = False,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[DeadLetter]:
        newest = [*reversed(self.kept)]
        names = [letter.letter_id for letter in newest]
        begins = 0 if not after else names.index(after) + 1 if after in names else len(names)
        found = [
            letter
            for letter in newest[begins:]
            if path in (None, letter.path) and (include_settled or letter.state == "dead")
        ]
        return found[:limit]

    async def get(self, letter_id: str) -> DeadLetter | None:
        return next((letter for letter in self.kept if letter.letter_id == letter_id), None)

    async def replay(self, letter_id: str, edited: Edited | None = None) -> bool:
        is_done = self._settle(letter_id, "replayed")
        if is_done and edited is not None:
            self.edited[letter_id] = edited
        return is_done

    async def drop(self, letter_id: str) -> bool:
        return self._settle(letter_id, "dropped")

    async def count(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for letter in await self.list(limit=len(self.kept)):
            counts[letter.path] = counts.get(letter.path, 0) + 1
        return counts

    async def count_by_stage(self) -> dict[str, int]:
        return dict(Counter(letter.stage for letter in await self.list(limit=len(self.kept))))

    def _settle(self, letter_id: str, state: Any) -> bool:
        for index, letter in enumerate(self.kept):
            if letter.letter_id == letter_id and letter.state == "dead":
                self.kept[index] = replace(letter, state=state)
                return True
        return False


class KeptLog:
    """A log that is read by nobody."""

    def __init__(self) -> None:
        self.kept: list[Event] = []

    async def append(self, events: Sequence[Event]) -> None:
        self.kept += events


@dataclass
class MemoryStores:
    directory: MemoryDirectory = field(default_factory=lambda: MemoryDirectory(ManualClock()))
    dead_letters: KeptDeadLetters = field(default_factory=KeptDeadLetters)
    mailboxes: MemoryMailboxes = field(default_factory=lambda: MemoryMailboxes(ManualClock()))
    contacts: MemoryContacts = field(default_factory=MemoryContacts)
    deliveries: MemoryDeliveries = field(default_factory=MemoryDeliveries)
    request_keys: MemoryRequestKeys = field(default_factory=MemoryRequestKeys)
    scheduled: MemoryScheduled = field(default_factory=lambda: MemoryScheduled(ManualClock()))
    snoozes: MemorySnoozes = field(default_factory=lambda: MemorySnoozes(ManualClock()))
    unsubscribes: MemoryUnsubscribes = field(default_factory=MemoryUnsubscribes)
    personal_spam: MemoryPersonalSpam = field(default_factory=MemoryPersonalSpam)
    search: MemorySearch = field(default_factory=MemorySearch)
    suppressions: MemorySuppressions = field(default_factory=MemorySuppressions)
    rules: MemoryRules = field(default_factory=MemoryRules)
    clock: ManualClock = field(default_factory=ManualClock)
    dkim_keys: MemoryDkimKeys = field(default_factory=MemoryDkimKeys)
    domain_reports: MemoryDomainReports = field(default_factory=MemoryDomainReports)
    sts_policies: MemoryStsPolicies = field(default_factory=MemoryStsPolicies)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    push_subscriptions: MemoryPushSubscriptions = field(default_factory=MemoryPushSubscriptions)
    app_passwords: MemoryAppPasswords = field(default_factory=MemoryAppPasswords)
    second_factors: MemorySecondFactors = field(default_factory=MemorySecondFactors)
    restraints: MemoryRestraints = field(default_factory=lambda: MemoryRestraints(ManualClock()))
    log: Any = field(default_factory=KeptLog)  # what it holds differs by what is tested
    error: MailError | None = None  # raised when they are opened

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncGenerator["MemoryStores"]:
        if self.error:
            raise self.error
        yield self

    def run(
        self, command: click.Command, *arguments: str, typed: str | bytes = "", **env: str
    ) -> Result:
        return CliRunner().invoke(command, arguments, obj=self.opened, input=typed, env=env)


def in_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
