"""Mailboxes of the embedded profile, filled without a service, for jobs that read them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result

from api.cli.main import main
from connectors.assembly import open_stores
from connectors.assembly.stores import Stores
from connectors.documents.reader import DocumentTexts
from connectors.settings import load
from topologies.events import Deliver, MailboxChanged
from topologies.mail import ids
from topologies.mail.stored import store_message
from topologies.mailbox.index import index
from topologies.mailbox.store import store

T = TypeVar("T")

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class People:
    """The stores of one data folder."""

    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"RILLMAIL_DATA_DIR": str(self.folder / "data")}

    @asynccontextmanager
    async def stores(self) -> AsyncGenerator[Stores]:
        async with open_stores(load(self.settings)) as opened:
            yield opened

    def do(self, work: Callable[[Stores], Awaitable[T]]) -> T:
        """Return what *work* comes to."""

        async def done() -> T:
            async with self.stores() as stores:
                return await work(stores)

        return asyncio.run(done())

    def add(self, *addresses: str) -> dict[str, str]:
        """Give each of *addresses* a mailbox; return their user_ids."""

        async def added(stores: Stores) -> dict[str, str]:
            users: dict[str, str] = {}
            for address in addresses:
                await stores.directory.add_domain(address.partition("@")[2])
                users[address] = (await stores.directory.add_user(address, "a password")).user_id
            return users

        return self.do(added)

    def rillmail(self, *arguments: str) -> Result:
        return CliRunner(env=self.settings).invoke(main, arguments)


async def deliver(
    stores: Stores,
    user_id: str,
    raw: bytes,
    *,
    at: datetime = AT,
    folder_id: str = "inbox",
    is_indexed: bool = True,
) -> str:
    """Put a mail into a mailbox, as the stages would; return its id."""
    mail_id = ids.derived_id(at, raw)
    email_id = ids.email_id(mail_id, user_id)
    message, raw_ref = await store_message(raw, stores.blobs)
    command = Deliver(
        user_id=user_id,
        command_id=ids.command_id("deliver", mail_id, user_id),
        issued_at=at,
        email_id=email_id,
        mail_id=mail_id,
        folder_id=folder_id,
        message=message,
        raw_ref=raw_ref,
        received_at=at,
        mail_from="zoe@far.example",
    )
    facts: Sequence[Any] = await store(command, mailboxes=stores.mailboxes)
    for fact in facts:
        if is_indexed and isinstance(fact, MailboxChanged):
            await index(
                fact,
                mailboxes=stores.mailboxes,
                search=stores.search,
                blobs=stores.blobs,
                texts=DocumentTexts(),
            )
    return email_id
