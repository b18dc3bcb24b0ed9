"""A deployment in memory with ann and bo, for commands that bring mail in and out."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

from click.testing import CliRunner, Result

from api.cli.export import export
from api.cli.import_mbox import import_mbox
from connectors.settings import Settings
from tests.services import AT, DOMAIN, in_memory
from topologies import exporting
from topologies.events import (
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    Event,
    LabelEmails,
    MailReceived,
    MoveEmails,
    SetFlags,
)
from topologies.mail import ids
from topologies.mail.raw import read_raw
from topologies.takeout import Holdings
from topologies.testing import Driver

T = TypeVar("T")
ANN, BO = f"ann@{DOMAIN}", f"bo@{DOMAIN}"
WORK = ids.derived_id(AT, "Work")
# raw, folder, is read, is starred
Lines = list[tuple[bytes, str, bool, bool]]

ODD = [
    b"Subject: one\r\n\r\nFrom here on\r\n>From there\r\n\r\n\r\n",
    b"Subject: two\r\n\r\nbare \n and \r ends, and none at the end",
    b"Subject: three\r\nStatus: RO\r\nX-Status: F\r\n\r\n\x00\xff\r\n",
    b"From ann@far.example Mon Mar  2 10:00:00 2026\r\nSubject: four\r\n\r\n",
]


@dataclass
class _Log:
    """A log whose events are worked on at once."""

    driver: Driver

    async def append(self, events: Sequence[Event]) -> None:
        await self.driver.pipe(*events)


class Desk:
    """A deployment in memory with ann and bo, for commands."""

    def __init__(self) -> None:
        self.services: dict[type, Any] = asyncio.run(in_memory())
        self.driver = Driver(self.services)
        self.stores = SimpleNamespace(
            log=_Log(self.driver),
            **{name: self.services[port] for name, port in get_type_hints(Holdings).items()},
        )

    def fill(self, address: str) -> None:
        """Five mails: the odd ones, one of them in a folder, and a large one."""
        self._pipe(CreateFolder(**self._stamp(address, "folder"), folder_id=WORK, name="Work"))
        large = b"Subject: large\r\n\r\n" + b"From x\r\n" * 20_000
        for raw in (*ODD, large):
            self.deliver(address, raw)
        self.mark(address, ODD[1], folder_id=WORK, is_starred=True)
        self.mark(address, ODD[2], folder_id="sent", is_read=True)

    def nest(self, address: str, raw: bytes, *names: str) -> None:
        """Put a mail into a folder within folders, which are made."""
        parent_id = WORK
        for name in names:
            folder_id = ids.derived_id(AT, parent_id, name)
            stamp = self._stamp(address, f"{parent_id} {name}")
            self._pipe(CreateFolder(**stamp, folder_id=folder_id, name=name, parent_id=parent_id))
            parent_id = folder_id
        self.mark(address, raw, folder_id=parent_id, is_read=True)

    def deliver(self, address: str, raw: bytes) -> None:
        self._pipe(
            MailReceived(
                mail_id=ids.derived_id(AT, address, raw),
                received_at=AT,
                origin="smtp",
                mail_from="ann@far.example",
                recipients=(address,),
                size_bytes=len(raw),
                raw=raw,
            )
        )

    def mark(self, address: str, raw: bytes, *, folder_id: str = "", **flags: Any) -> None:
        named = (self._email_id(address, raw),)
        stamp = self._stamp(address, f"flags {named} {flags}")
        self._pipe(SetFlags(**stamp, email_ids=named, **flags))
        if folder_id:
            stamp = self._stamp(address, f"move {named} {folder_id}")
            self._pipe(MoveEmails(**stamp, email_ids=named, folder_id=folder_id))

    def delete(self, address: str, raw: bytes) -> None:
        named = (self._email_id(address, raw),)
        stamp = self._stamp(address, f"delete {named}")
        self._pipe(DeleteEmails(**stamp, email_ids=named, permanent=True))

    def exported(self, folder: Path, target: str, *options: str) -> Result:
        to = f"{folder}/{target}"
        return self.run(export, BO, "--to", to, *options)

    def brought(self, path: Path, address: str, *options: str) -> Result:
        return self.run(import_mbox, str(path), "--user", address, *options)

    def run(self, command: Any, *arguments: str, **env: str) -> Result:
        @asynccontextmanager
        async def opened(_: Settings) -> AsyncGenerator[Any]:
            yield self.stores

        return CliRunner().invoke(command, arguments, obj=opened, env=env)

    def mails(self, address: str) -> Lines:
        """Return what lies in a mailbox, in the order of the raw messages."""

        async def read() -> Lines:
            user_id = await self._user_id(address)
            found: Lines = []
            async for mail in exporting.mails(user_id, self.stores.mailboxes):
                line = mail.summary
                email = await self.stores.mailboxes.email(user_id, line.email_id)
                raw = await read_raw(self.stores.blobs, email.raw_ref)
                found.append((raw, mail.path, line.is_read, line.is_starred))
            return sorted(found)

        return self._run(read)

    def dates(self, address: str) -> set[datetime]:
        """Return when the mails of a mailbox were received."""

        async def read() -> set[datetime]:
            user_id = await self._user_id(address)
            found = exporting.mails(user_id, self.stores.mailboxes)
            return {mail.summary.created_at async for mail in found}

        return self._run(read)

    def labels(self, address: str) -> list[tuple[bytes, tuple[str, ...]]]:
        """Return which labels the mails of a mailbox carry, of those that carry any."""

        async def read() -> list[tuple[bytes, tuple[str, ...]]]:
            user_id = await self._user_id(address)
            found: list[tuple[bytes, tuple[str, ...]]] = []
            async for mail in exporting.mails(user_id, self.stores.mailboxes):
                email = await self.stores.mailboxes.email(user_id, mail.summary.email_id)
                raw = await read_raw(self.stores.blobs, email.raw_ref)
                found += [(raw, tuple(sorted(mail.labels)))] if mail.labels else []
            return sorted(found)

        return self._run(read)

    def label(self, address: str, raw: bytes, *names: str) -> None:
        """Put labels, which are made, on a mail."""
        for name in names:
            label_id = ids.derived_id(AT, name)
            stamp = self._stamp(address, f"make {name}")
            self._pipe(CreateLabel(**stamp, label_id=label_id, name=name))
            stamp = self._stamp(address, f"put {name}")
            named = (self._email_id(address, raw),)
            self._pipe(LabelEmails(**stamp, email_ids=named, added=(label_id,)))

    def _email_id(self, address: str, raw: bytes) -> str:
        return ids.email_id(
            ids.derived_id(AT, address, raw), self._run(lambda: self._user_id(address))
        )

    async def _user_id(self, address: str) -> str:
        user = await self.stores.directory.user_by_address(address)
        assert user is not None
        return str(user.user_id)

    def _stamp(self, address: str, what: str) -> dict[str, Any]:
        user_id = self._run(lambda: self._user_id(address))
        return {
            "user_id": user_id,
            "command_id": ids.command_id(user_id, what),
            "issued_at": AT,
        }

    def _pipe(self, event: Event) -> None:
        self._run(lambda: self.driver.pipe(event))

    def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await work()

        return asyncio.run(awaited())
