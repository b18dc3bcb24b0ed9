"""What is fuzzed: each takes any bytes, and raises only when something is wrong."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.dns import MemoryDns
from tests.smtp.house import House, a_house
from topologies.mail import (
    address_list,
    authres_reader,
    dkim_key,
    dmarc_report,
    header_values,
    header_words,
    mailbox_address,
    query,
    spf_record,
    tls_report,
)
from topologies.mail.arc import verify as verify_arc
from topologies.mail.dkim import verify as verify_dkim
from topologies.mail.raw import read_raw
from topologies.mail.stored import store_message
from topologies.mail.unpack import unpacked

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LONGEST_SESSION_S = 20.0
MOST_UNPACKED_BYTES = 1_000_000

_REPLY = re.compile(r"(\d{3})([ -].*)?")
_loop = asyncio.new_event_loop()
_houses: list[House] = []


def message(data: bytes) -> None:
    """A message is read without an error, and given back byte for byte."""
    _loop.run_until_complete(_stored(data))


async def _stored(data: bytes) -> None:
    blobs = MemoryBlobs()
    read, ref = await store_message(data, blobs)
    assert await read_raw(blobs, ref) == data
    assert len(read.attachments) <= 1_000
    read.subject.encode()  # no half characters


def signatures(data: bytes) -> None:
    """Signatures and seals of a message come to a verdict, whatever they say."""

    async def work() -> None:
        dns = MemoryDns({})
        await verify_dkim(dns, data, now=NOW)
        await verify_arc(dns, data, now=NOW)

    _loop.run_until_complete(work())


def fields(data: bytes) -> None:
    """Values of header fields, records and queries are read, or refused with a ``ValueError``."""
    address_list.read(data)
    header_values.date(data)
    header_values.message_ids(data)
    header_words.text_of(data)
    text = data.decode("latin-1")
    for read in _READERS:
        with contextlib.suppress(ValueError):
            read(text)


def _query(text: str) -> object:
    return query.parse(text, now=NOW)


_READERS: Sequence[Callable[[str], object]] = (
    authres_reader.parse,
    dkim_key.parse,
    mailbox_address.parse,
    spf_record.parse,
    _query,
)


def reports(data: bytes) -> None:
    """Reports on our domains are unpacked and read, or refused with a ``ValueError``."""
    with contextlib.suppress(ValueError):
        content = unpacked(data, MOST_UNPACKED_BYTES)
        assert len(content) <= MOST_UNPACKED_BYTES
        for read in (dmarc_report.read, tls_report.read):
            with contextlib.suppress(ValueError):
                assert read(content).rows


def session(data: bytes) -> None:
    """A client says anything: each reply is one, and what was answered 250 is in the log, sound."""
    _loop.run_until_complete(_session(data))


async def _session(data: bytes) -> None:
    house = await _open_house()
    before = len(house.log.mails)
    reader, writer = await asyncio.open_connection("127.0.0.1", house.smtp.smtp_port)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(LONGEST_SESSION_S):
            answer = await reader.read()
    except ConnectionError:
        return  # it hung up on too much nonsense
    finally:
        writer.close()
    lines = answer.decode().splitlines()
    assert all(_REPLY.fullmatch(line) for line in lines), lines
    taken = house.log.mails[before:]
    told = sum("Ok: queued as" in line for line in lines)
    # Whose client hung up before the reply was sent has the mail all the same.
    assert len(taken) >= told
    for mail in taken:
        assert mail.recipients
        assert mail.raw is not None
        bare = mail.raw.replace(b"\r\n", b"")
        assert mail.body_type == "BINARYMIME" or (b"\r" not in bare and b"\n" not in bare)
    house.log.events.clear()


async def _open_house() -> House:
    if not _houses:
        # Kept open until the process ends, as its loop is.
        opened = a_house(session_timeout_s=10)
        _houses.append(await opened.__aenter__())
        _keep.append(opened)
    return _houses[0]


_keep: list[object] = []

TARGETS: Mapping[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (message, signatures, fields, reports, session)
}
