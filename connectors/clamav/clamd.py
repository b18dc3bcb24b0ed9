"""ClamAV's daemon as the scanner: contents are sent to it, its verdicts come back.

Decides what a reply means, and what a failure means for others: after one, clamd is asked
about a few harmless bytes. If it says those are clean, this content alone failed; else clamd
is down for everybody. A content that clamd goes down with, again and again, must not stop all
others: where it went down, the same content is sent next only once clamd answers, and alone.

Sessions are kept, since a content of 5 KB costs two thirds of what it costs with a connection
of its own, one of 1 MB a quarter (measured). Each is renewed after a while, so that load moves
to other machines behind one address.

Set ``AlertExceedsMax yes`` and ``AlertEncrypted yes`` in clamd.conf, since without them it
calls clean what it did not look into, and StreamMaxLength to `max_bytes` at least. Even so
clamd 1.4 calls an archive bomb in a ZIP clean (measured): put a scanner beside it that has
bounds of its own, as ``connectors.scanner.rules``.
"""

import asyncio
import hashlib
import re

from connectors.clamav.connection import Connection, NotScanned
from topologies.errors import Misconfigured, Retryable
from topologies.events.inbound import Finding, FindingKind, VirusVerdict
from topologies.mail import malware

STREAM_MAX_BYTES = 25 * 1024**2  # StreamMaxLength, as clamd has it by itself
TIMEOUT_S = 20.0  # with a probe less than a stage has
CONNECTIONS = 4
CONNECT_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 3.0
MOST_SUSPECTS = 1_000
KEPT_FOR_S = 60.0

CLEAN = VirusVerdict(result="clean")
TOO_LARGE = malware.verdict_of([Finding(kind="unscannable", name="too large")])

_TOO_LARGE_REPLY = "INSTREAM size limit exceeded. ERROR"
_EXTENDED = re.compile(r"\([0-9a-f]{32,64}:\d+\)$")  # with ExtendedDetectionInfo
# How names begin that tell something else than malware.
_KINDS: tuple[tuple[str, FindingKind], ...] = (
    ("Heuristics.Limits.Exceeded", "unscannable"),
    ("Heuristics.Encrypted.", "encrypted"),
    ("Heuristics.OLE2.ContainsMacros", "macro"),  # with AlertOLE2Macros
    ("Heuristics.Broken.", "suspicious"),
    ("Heuristics.Phishing.", "suspicious"),
    ("Heuristics.Structured.", "suspicious"),
    ("PUA.", "suspicious"),  # with DetectPUA: unwanted by some
)
_HOST_AND_PORT = re.compile(r"\[?(?P<host>[^\[\]]+?)\]?:(?P<port>\d{1,5})")


class ClamdAntivirus:
    """Scans with the clamd at one address. Belongs to one event loop."""

    def __init__(
        self,
        address: str,
        *,
        connections: int = CONNECTIONS,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = STREAM_MAX_BYTES,
    ) -> None:
        """Connect to nothing yet.

        Args:
            address: ``host:port``, an IPv6 address in brackets, or the path of a socket.
            connections: At most open at once; clamd's MaxThreads or fewer.
            timeout_s: For one content, waiting for a free connection included.
            max_bytes: Larger contents are unscannable; not more than StreamMaxLength.

        Raises:
            Misconfigured: The address is none.
        """
        self._address = address
        self._path, self._host, self._port = _read(address)
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._places = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []  # the one used last is used next
        self._suspects: set[bytes] = set()  # SHA-256 of contents that clamd went down with
        self._alone = asyncio.Semaphore(1)

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:  # noqa: ARG002
        if len(content) > self._max_bytes:
            return TOO_LARGE  # clamd would reset the connection, and its answer be lost
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        await self._enter(self._places, deadline)
        try:
            if self._suspects and (digest := _digest(content)) in self._suspects:
                return await self._judge_suspect(content, digest, deadline)
            return await self._judge(content, deadline)
        finally:
            self._places.release()

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _enter(self, gate: asyncio.Semaphore, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await gate.acquire()
        except TimeoutError:
            # Others take too long, which is not this content's fault.
            raise Retryable(f"clamd at {self._address} is busy", outage=True) from None

    async def _judge_suspect(self, content: bytes, digest: bytes, deadline: float) -> VirusVerdict:
        await self._enter(self._alone, deadline)
        try:
            if not await self._is_up():
                raise Retryable(f"clamd at {self._address} does not answer", outage=True)
            verdict = await self._judge(content, deadline, was_up=True)
            self._suspects.discard(digest)
            return verdict
        finally:
            self._alone.release()

    async def _judge(
        self, content: bytes, deadline: float, *, was_up: bool = False
    ) -> VirusVerdict:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._reply(content)
        except TimeoutError:
            failure = f"no verdict within {self._timeout_s:g} s"
        except NotScanned as error:
            failure = str(error)
        else:
            if (verdict := _verdict(reply)) is not None:
                return verdict
            failure = reply
        is_outage = not was_up and not await self._is_up()
        if is_outage:
            if len(self._suspects) >= MOST_SUSPECTS:
                self._suspects.clear()
            self._suspects.add(_digest(content))
        raise Retryable(f"clamd at {self._address}: {failure}", outage=is_outage)

    async def _reply(self, content: bytes) -> str:
        while self._idle:
            connection = self._idle.pop()
            is_old = connection.opened_at + KEPT_FOR_S < asyncio.get_running_loop().time()
            if connection.is_usable and not is_old:
                try:
                    return await self._scan(connection, content)
                except NotScanned:
                    break  # closed while it waited, perhaps: a fresh one will tell
            connection.close()
        return await self._scan(await self._connect(), content)

    async def _scan(self, connection: Connection, content: bytes) -> str:
        is_whole = False
        try:
            reply = await connection.scan(content)
            is_whole = not reply.endswith(" ERROR")  # after those, clamd ends the session
            return reply
        finally:
            if is_whole:
                self._idle.append(connection)
            else:
                connection.close()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                if self._path:
                    _, connection = await loop.create_unix_connection(Connection, self._path)
                else:
                    _, connection = await loop.create_connection(Connection, self._host, self._port)
        except OSError as error:  # a timeout is one
            reason = error.strerror or str(error) or "no connection in time"
            raise Retryable(f"clamd at {self._address}: {reason}", outage=True) from error
        return connection

    async def _is_up(self) -> bool:
        """Tell whether clamd scans anything."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await self._scan(await self._connect(), b"harmless") == "OK"
        except (NotScanned, Retryable, TimeoutError):
            return False


def _verdict(reply: str) -> VirusVerdict | None:
    """Return what *reply* means, None if the content was not scanned."""
    if reply == "OK":
        return CLEAN
    if reply == _TOO_LARGE_REPLY:
        return TOO_LARGE
    name, _, kind = reply.rpartition(" ")
    if kind != "FOUND" or not name:
        return None
    name = _EXTENDED.sub("", name)
    # What it could not look into is told like a find.
    return malware.verdict_of([Finding(kind=_kind_of(name), name=name)])


def _kind_of(name: str) -> FindingKind:
    for start, kind in _KINDS:
        if name.startswith(start):
            return kind
    return "malware"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _read(address: str) -> tuple[str, str, int]:
    """Return the path of a socket, or host and port."""
    path = address.removeprefix("unix:")
    if "/" in path:
        return path, "", 0
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65_536:
        raise Misconfigured(f"clamd={address!r} is neither host:port nor the path of a socket")
    return "", match["host"], int(match["port"])
