"""A server with a few users on memory stores, and raw clients to talk to it."""

import asyncio
import hashlib
import ipaddress
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from connectors.assembly.edge import acceptance_of
from connectors.memory.app_passwords import MemoryAppPasswords
from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dns import MemoryDns
from connectors.memory.limits import MemoryLimits
from connectors.memory.restraints import MemoryRestraints
from connectors.memory.second_factors import MemorySecondFactors
from connectors.memory.seen import MemorySeen
from connectors.memory.url_key import MemoryUrlKey
from connectors.settings import Settings
from connectors.sign_in import SignIns
from connectors.smtp_in.server import SmtpIn
from topologies.errors import BlobMissing
from topologies.events import Event, MailReceived
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Resolved
from topologies.ports.mailboxes import Mailboxes

HELLO = "EHLO client.example"
FROM_ANN = "MAIL FROM:<ann@far.example>"
TO_BO = "RCPT TO:<bo@shop.example>"


class KeptLog:
    """A log in a list, whose appends can be held up or fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.error: Exception | None = None
        self.keeps = False  # what it fails to append, all the same
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.was_asked = asyncio.Event()

    async def append(self, events: Sequence[Event]) -> None:
        self.was_asked.set()
        await self.is_open.wait()
        if self.error is None or self.keeps:
            self.events += events
        if self.error:
            raise self.error

    @property
    def mails(self) -> list[MailReceived]:
        return [event for event in self.events if isinstance(event, MailReceived)]

    @property
    def raws(self) -> list[bytes | None]:
        return [mail.raw for mail in self.mails]


class KeptBlobs:
    """Blobs in a dict; remembers how streams came."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.largest_chunk = 0
        self.error: Exception | None = None
        self.keeps_contents = True

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        digest, size, contents = hashlib.sha256(), 0, list[bytes]()
        async for chunk in chunks:
            if self.error:
                raise self.error
            digest.update(chunk)
            size += len(chunk)
            self.largest_chunk = max(self.largest_chunk, len(chunk))
            if self.keeps_contents:
                contents.append(chunk)
        self.kept[digest.hexdigest()] = b"".join(contents)
        return digest.hexdigest(), size

    async def stream(
        self, blob: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        yield (await self.get(blob))[start:end]

    async def get(self, blob: str) -> bytes:
        try:
            return self.kept[blob]
        except KeyError:
            raise BlobMissing(blob) from None


class Registry(MemoryDirectory):
    """A directory that may be out of reach."""

    error: Exception | None = None

    async def resolve(self, address: str) -> Resolved:
        if self.error:
            raise self.error
        return await super().resolve(address)


class Usage:
    """How full mailboxes are."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    async def usage(self, user_id: str) -> int:
        return self.used.get(user_id, 0)


@dataclass
class House:
    """The server and what it stands on."""

    settings: Settings
    clock: ManualClock = field(default_factory=ManualClock)
    log: KeptLog = field(default_factory=KeptLog)
    blobs: KeptBlobs = field(default_factory=KeptBlobs)
    usage: Usage = field(default_factory=Usage)
    dns: MemoryDns = field(default_factory=lambda: MemoryDns({}))

    def __post_init__(self) -> None:
        self.directory = Registry(self.clock)
        stores: Any = self  # has what a deployment's stores have, as far as the edge asks
        self.mailboxes = cast("Mailboxes", self.usage)
        self.limits = MemoryLimits(self.clock)
        self.restraints = MemoryRestraints(self.clock)
        self.app_passwords = MemoryAppPasswords()
        self.second_factors = MemorySecondFactors()
        self.url_key = MemoryUrlKey()
        self.seen = MemorySeen(self.clock)
        self.smtp = SmtpIn(
            self.log,
            cast("Blobs", self.blobs),
            acceptance_of(self.settings, stores, self.dns, MemorySeen(self.clock)),
            self.clock,
            self.seen,
            self.settings,
            SignIns(self.directory, self.app_passwords, self.limits, self.second_factors),
        )

    @asynccontextmanager
    async def talk(
        self, *, lmtp: bool = False, greets: bool = True, client_ip: str = ""
    ) -> AsyncGenerator["Talk"]:
        """Connect; with *client_ip* as a proxy that brings somebody from there."""
        port = self.smtp.lmtp_port if lmtp else self.smtp.smtp_port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        talk = Talk(reader, writer)
        if client_ip:
            await talk.put(proxy_header(client_ip))
        if greets:
            await talk.reply()
            await talk.say("LHLO client.example" if lmtp else HELLO)
        try:
            yield talk
        finally:
            writer.close()

    async def fill(self, address: str, used_bytes: int) -> None:
        user = await self.directory.user_by_address(address)
        assert user
        self.usage.used[user.user_id] = used_bytes


@asynccontextmanager
async def a_house(
    domain: str = "shop.example", *, dns: MemoryDns | None = None, **settings: Any
) -> AsyncGenerator[House]:
    """Open a server for bo, ida, full (over quota) and small (1,000 bytes) at *domain*."""
    ports = dict.fromkeys(("smtp_port", "lmtp_port", "submission_port", "submissions_port"), 0)
    chosen: dict[str, Any] = {**ports, "hostname": "mx.shop.example"}
    house = House(
        msgspec.convert(chosen | {"tarpit_s": 0} | settings, Settings), dns=dns or MemoryDns({})
    )
    await house.directory.add_domain(domain)
    for name, quota in (("bo", 0), ("ida", 0), ("full", 5_000), ("small", 1_000)):
        await house.directory.add_user(f"{name}@{domain}", "secret", quota_bytes=quota)
    await house.fill(f"full@{domain}", 5_000)
    await house.smtp.start()
    try:
        yield house
    finally:
        await house.smtp.close()


@dataclass
class Talk:
    """One connection of a client that says just what it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        """Return the next reply, its lines joined by a newline; "" at the end."""
        lines: list[str] = []
        async with asyncio.timeout(10):
            while line := (await self.reader.readline()).decode():
                lines.append(line.rstrip("\r\n"))
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    async def say(self, *lines: str) -> str:
        """Send lines, and return the reply to the last."""
        reply = ""
        for line in lines:
            reply = await self.raw(line.encode() + b"\r\n")
        return reply

    async def raw(self, data: bytes) -> str:
        await self.put(data)
        return await self.reply()

    async def put(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send(self, content: bytes, *commands: str) -> str:
        """Send a mail in one transaction (to bo, if not told otherwise); return the answer."""
        assert (await self.say(*(commands or (FROM_ANN, TO_BO)), "DATA"))[:3] == "354"
        return await self.raw(content + b".\r\n")

    async def rest(self) -> str:
        """Return all that comes until the server hangs up."""
        async with asyncio.timeout(10):
            return (await self.reader.read()).decode()


def proxy_header(client_ip: str) -> bytes:
    """Return what a proxy says first of a client (PROXY protocol, version 2)."""
    address = ipaddress.ip_address(client_ip)
    addresses = address.packed + bytes(address.max_prefixlen // 8) + b"\x30\x39\x00\x19"
    family = b"\x11" if address.version == 4 else b"\x21"
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    return signature + b"\x21" + family + len(addresses).to_bytes(2, "big") + addresses


def mail_id_in(reply: str) -> str:
    found = re.fullmatch(r"250 2\.0\.0 Ok: queued as ([0-9a-f-]{36})", reply)
    assert found, reply
    return found[1]
