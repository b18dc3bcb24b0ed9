"""The HTTP API with all stages behind it, and clients to ask it: in memory or on engines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import httpx
import msgspec
import pytest
from starlette.types import ASGIApp

from api.app import create
from api.context import Context
from connectors.memory.app_passwords import MemoryAppPasswords
from connectors.memory.clock import ManualClock
from connectors.memory.limits import MemoryLimits
from connectors.memory.request_keys import MemoryRequestKeys
from connectors.memory.second_factors import MemorySecondFactors
from connectors.memory.url_key import MemoryUrlKey
from connectors.settings import Settings
from tests.cli.stores_in_memory import KeptDeadLetters
from tests.services import DOMAIN, in_memory
from topologies.engines.chain import Chains, Given
from topologies.engines.handling import Services, decode
from topologies.events import MailReceived
from topologies.events.base import Event
from topologies.mail import ids
from topologies.ports.blob_urls import BlobUrls
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.directory import Directory, User
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.domain_reports import DomainReports
from topologies.ports.figures import Flow
from topologies.ports.limits import Limits
from topologies.ports.log import Entry, Record
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notice, Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.push_key import PushKey
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.suppressions import Suppressions
from topologies.ports.top_senders import TopSenders
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.url_key import UrlKey
from topologies.ports.webhooks import Webhooks
from topologies.room import Room
from topologies.topics import BY_NAME, topic_of
from topologies.topology import build

PASSWORD = "a password"
# What is decided before any store is asked is the same on all of them.
memory_alone = pytest.mark.parametrize("a_desk", ["memory"], indirect=True)


class Quiet:
    """An observer that takes no note."""

    def handled(self, stage: str, result: str, **_: object) -> None:
        return


class LossyNotices:
    """Notices that may be lost, as they may be between two machines."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self.is_losing = False

    async def publish(self, notice: Notice) -> None:
        if not self.is_losing:
            await self._notices.publish(notice)

    def listen(self, user_id: str) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        return self._notices.listen(user_id)

    def is_listening(self, user_id: str) -> bool:
        return self._notices.is_listening(user_id)


class WorkingLog:
    """A log on which every stage has worked when ``append`` returns."""

    def __init__(self, services: Services) -> None:
        self.error: Exception | None = None
        self.is_stuck = False  # what is appended is kept, and worked on by nobody
        self.is_slow_for: type[Event] | None = None  # what stages write of this kind is kept so
        self.appended: list[Event] = []
        self._kept: list[Event] = []  # while it was stuck, or slow
        self.records: list[Record] = []  # what was written
        self._clock: Clock = services[Clock]
        self._topology = build()
        self._chains = Chains(self._topology, services, clock=services[Clock], observer=Quiet())

    async def append(self, events: Sequence[Event]) -> None:
        if self.error is not None:
            raise self.error
        self.appended += events
        if self.is_stuck:
            self._kept += events
        else:
            await self._work_on(events)

    def taken_away(self) -> list[Event]:
        """Return what was appended while it was stuck, which nobody will work on by itself."""
        kept, self._kept = self._kept, []
        return kept

    async def work_off(self) -> None:
        """Let it be stuck and slow no more, and work on what was appended meanwhile."""
        self.is_stuck, self.is_slow_for = False, None
        for event in self.taken_away():
            await self._work_on([event])

    async def read(
        self,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        key: str | None = None,
    ) -> AsyncGenerator[Record]:
        """Yield what was written; see ``LogReader``."""
        assert offsets is None
        for record in list(self.records):
            is_late = since is None or record.appended_at >= since
            if record.topic == topic and key in (None, record.key) and is_late:
                yield record

    async def _work_on(self, events: Sequence[Event]) -> None:
        waiting = [(event, event.key) for event in events]
        for event, event_id in waiting:
            entry = Entry(
                topic=topic_of(type(event)).name,
                key=event.key,
                value=msgspec.json.encode(event),
                event_id=event_id,
            )
            self._keep(entry)
        while waiting:
            waiting = [each for one in waiting for each in await self._worked_on(*one)]

    def _keep(self, entry: Entry) -> None:
        record = Record(
            topic=entry.topic,
            partition=0,
            offset=len(self.records),
            key=entry.key,
            value=entry.value,
            event_id=entry.event_id,
            appended_at=self._clock.now(),
            headers=entry.headers,
        )
        self.records.append(record)

    async def _worked_on(self, event: Event, event_id: str) -> list[tuple[Event, str]]:
        found: list[tuple[Event, str]] = []
        for _, stage in self._topology.heads():
            if type(event) not in stage.reads:
                continue
            given = Given(value=event, key=event.key, event_id=event_id, origin="test/0/0")
            for entry in await self._chains.run(stage, given):
                assert entry.topic in BY_NAME, (entry.headers, entry.value)
                self._keep(entry)
                readers = self._topology.readers(BY_NAME[entry.topic])
                if not readers:
                    continue
                written = decode(readers[0], entry.value)
                if self.is_slow_for is not None and isinstance(written, self.is_slow_for):
                    self._kept.append(written)
                else:
                    found.append((written, entry.event_id))
        return found


@dataclass
class Desk:
    """The API, and what stands behind it."""

    app: ASGIApp
    another: ASGIApp  # of another process, on the same stores
    log: WorkingLog
    clock: ManualClock
    directory: Directory
    notices: LossyNotices
    dead_letters: KeptDeadLetters
    mailboxes: Mailboxes
    snoozes: Snoozes
    contacts: Contacts
    rules: Rules
    blobs: Blobs
    unsubscribes: Unsubscribes
    deliveries: Deliveries
    suppressions: Suppressions
    webhooks: Webhooks
    sts_policies: StsPolicies
    tried_now: list[str]
    answered: list[tuple[str, str, int, float]]  # requests, as they are counted
    restraints: Restraints
    request_keys: RequestKeys
    top_senders: TopSenders
    room: Room
    health: dict[str, Any] = field(default_factory=lambda: {"ready": True, "reason": ""})
    flows: list[Flow] = field(default_factory=list[Flow])  # the last is what is answered
    clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    def stranger(self, *, of_another_process: bool = False) -> httpx.AsyncClient:
        """Return a client that nobody is signed in with."""
        app = self.another if of_another_process else self.app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://mail.shop.example")
        self.clients.append(client)
        return client

    async def signed_in(self, name: str = "ann", scope: str = "") -> httpx.AsyncClient:
        """Return a client with a token of *name*."""
        client = self.stranger()
        form = {"grant_type": "password", "username": f"{name}@{DOMAIN}", "password": PASSWORD}
        answer = await client.post("/auth/token", data=form | ({"scope": scope} if scope else {}))
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    async def user(self, name: str) -> User:
        found = await self.directory.user_by_address(f"{name}@{DOMAIN}")
        assert found is not None
        return found

    async def receive(
        self, subject: str, body: str = "Hello.", *, to: str = "ann", raw: bytes | None = None
    ) -> str:
        """Let a mail come in; return its id in the mailbox of *to*."""
        if raw is None:
            name = subject.replace(" ", "-")
            head = f"From: Zoe <zoe@far.example>\r\nMessage-ID: <{name}@far.example>\r\n"
            raw = f"{head}Subject: {subject}\r\n\r\n{body}\r\n".encode()
        mail_id = ids.new_id(self.clock.now())
        await self.log.append(
            [
                MailReceived(
                    mail_id=mail_id,
                    received_at=self.clock.now(),
                    origin="smtp",
                    mail_from="zoe@far.example",
                    recipients=(f"{to}@{DOMAIN}",),
                    size_bytes=len(raw),
                    raw=raw,
                )
            ]
        )
        return ids.email_id(mail_id, (await self.user(to)).user_id)


@dataclass(kw_only=True)
class Place:
    """What a desk stands on: the services of stages, and what the API needs besides.

    Attributes:
        services: With ann@, bo@ and all@ of the shop.
        patience_s: How long a change may take to be seen.
    """

    services: Services
    request_keys: RequestKeys
    second_factors: SecondFactors = field(default_factory=MemorySecondFactors)
    limits: Limits
    url_keys: Callable[[], UrlKey]  # that of one process more
    blob_urls: BlobUrls | None = None
    patience_s: float = 0.05


Places = Callable[[], AbstractAsyncContextManager[Place]]
Desks = Callable[..., AbstractAsyncContextManager[Desk]]  # of ``a_desk``, less its place


@asynccontextmanager
async def memory_place() -> AsyncGenerator[Place]:
    """Stores that live as long as the desk."""
    services, url_key = await in_memory(), MemoryUrlKey()
    yield Place(
        services=services,
        request_keys=MemoryRequestKeys(),
        limits=MemoryLimits(services[Clock]),
        url_keys=lambda: url_key,
    )


@asynccontextmanager
async def patient_place() -> AsyncGenerator[Place]:
    """A place where changes are waited for as long as it takes."""
    async with memory_place() as place:
        yield replace(place, patience_s=60.0)


@asynccontextmanager
async def a_desk(
    places: Places = memory_place,
    *,
    check_every_s: float = 60.0,
    quiet_s: float = 60.0,
    **settings: Any,
) -> AsyncGenerator[Desk]:
    """Serve ann@ and bo@ of the shop, and the administrator root@."""
    async with places() as place, _serving(place, check_every_s, quiet_s, settings) as desk:
        yield desk
        for client in desk.clients:
            await client.aclose()


@asynccontextmanager
async def _serving(
    place: Place, check_every_s: float, quiet_s: float, settings: Mapping[str, Any]
) -> AsyncGenerator[Desk]:
    notices = LossyNotices(place.services[Notices])
    services: Services = {**place.services, Notices: notices, RequestKeys: place.request_keys}
    await services[Directory].add_user(f"root@{DOMAIN}", PASSWORD, is_admin=True)
    log = WorkingLog(services)
    dead_letters = KeptDeadLetters()
    health: dict[str, Any] = {"ready": True, "reason": "", "lag": {}}

    async def told() -> Mapping[str, Any]:
        return health

    flows = [Flow(at=services[Clock].now())]

    async def flowing() -> Flow:
        return flows[-1]

    tried_now: list[str] = []
    answered: list[tuple[str, str, int, float]] = []

    async def try_now(wanted: Sequence[Delivery]) -> Sequence[str]:
        tried_now.extend(each.delivery_id for each in wanted)
        return [each.delivery_id for each in wanted]

    context = Context(
        settings=msgspec.structs.replace(Settings(), **settings),
        clock=services[Clock],
        log=log,
        directory=services[Directory],
        mailboxes=services[Mailboxes],
        blobs=services[Blobs],
        search=services[Search],
        notices=notices,
        dead_letters=dead_letters,
        deliveries=services[Deliveries],
        contacts=services[Contacts],
        unsubscribes=services[Unsubscribes],
        snoozes=services[Snoozes],
        scheduled=services[Scheduled],
        personal_spam=services[PersonalSpam],
        suppressions=services[Suppressions],
        webhooks=services[Webhooks],
        push_subscriptions=services[PushSubscriptions],
        push_key=services[PushKey],
        domain_reports=services[DomainReports],
        sts_policies=services[StsPolicies],
        try_now=try_now,
        request_keys=place.request_keys,
        limits=place.limits,
        app_passwords=MemoryAppPasswords(),
        second_factors=place.second_factors,
        dkim_keys=services[DkimKeys],
        restraints=services[Restraints],
        rules=services[Rules],
        url_key=place.url_keys(),
        classifier=services[SpamClassifier],
        blob_urls=place.blob_urls,
        metrics=lambda: (b"rillmail_mails_total 1\n", "text/plain"),
        health=told,
        flow=flowing,
        topology=build(),
        reader=log,
        top_senders=services[TopSenders],
        answered=lambda *asked: answered.append(asked),
        patience_s=place.patience_s,
        send_timeout_s=0.05,
        check_every_s=check_every_s,
        quiet_s=quiet_s,
    )
    yield Desk(
        app=create(context),
        another=create(replace(context, url_key=place.url_keys())),
        log=log,
        clock=services[Clock],
        directory=services[Directory],
        notices=notices,
        dead_letters=dead_letters,
        restraints=services[Restraints],
        request_keys=place.request_keys,
        health=health,
        flows=flows,
        top_senders=services[TopSenders],
        mailboxes=services[Mailboxes],
        snoozes=services[Snoozes],
        contacts=services[Contacts],
        rules=services[Rules],
        blobs=services[Blobs],
        unsubscribes=services[Unsubscribes],
        deliveries=services[Deliveries],
        suppressions=services[Suppressions],
        webhooks=services[Webhooks],
        sts_policies=services[StsPolicies],
        tried_now=tried_now,
        answered=answered,
        room=context.room,
    )


class Talk:
    """What goes on between an ASGI application and one client, seen from the client."""

    TIMEOUT_S = 5.0

    def __init__(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self._app = app
        self._scope = scope
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.can_send = asyncio.Event()
        self.can_send.set()

    async def ended(self) -> None:
        """Return when the application is done with it."""
        async with asyncio.timeout(self.TIMEOUT_S):
            await asyncio.shield(self._task)

    async def said(self) -> dict[str, Any]:
        """Return what the application says next."""
        async with asyncio.timeout(self.TIMEOUT_S):
            return await self._from_app.get()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async def send(message: Any) -> None:
            await self.can_send.wait()
            self._from_app.put_nowait(dict(message))

        await self._app(self._scope, self._to_app.get, send)


class Socket(Talk):
    """A WebSocket to an ASGI application, seen from the client."""

    def __init__(self, app: ASGIApp, query: str = "", *protocols: str, token: str = "") -> None:
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "path": "/ws",
            "raw_path": b"/ws",
            "root_path": "",
            "scheme": "ws",
            "query_string": query.encode(),
            "headers": headers,
            "subprotocols": list(protocols),
            "extensions": {"websocket.http.response": {}},
        }
        super().__init__(app, scope)

    async def __aenter__(self) -> Self:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._begin()
        self.first = await self.said()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        self.can_send.set()
        async with asyncio.timeout(self.TIMEOUT_S):
            await self._task

    async def message(self) -> dict[str, Any]:
        """Return the next message, decoded."""
        said = await self.said()
        assert said["type"] == "websocket.send", said
        return msgspec.json.decode(said["text"])

    async def closed(self) -> tuple[int, str]:
        """Return the code and reason that it is closed with."""
        said = await self.said()
        assert said["type"] == "websocket.close", said
        return said["code"], said["reason"]
