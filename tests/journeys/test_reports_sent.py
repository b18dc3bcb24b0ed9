"""The owner of another domain is reported to by the real service, whatever is killed meanwhile."""

import asyncio
import gzip
import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import msgspec
import pytest

from connectors.assembly import open_stores
from connectors.memory.dns import MemoryDns, Records
from connectors.settings import Settings
from tests.journeys import test_between_systems as between
from tests.journeys.test_between_systems import KILLS, Systems
from tests.process import emails_of, eventually
from topologies.events import TlsSession
from topologies.mail import dkim, summarizing, tls_report
from topologies.mail.dkim_private import parse
from topologies.mail.dkim_rotation import first_keys
from topologies.ports.summaries import Window

pytestmark = pytest.mark.process

# Fixtures: two services that find each other.
dns, systems = between.dns, between.systems

DAYS = 5
FACTS = {
    "1": msgspec.json.encode(TlsSession()),
    "2": msgspec.json.encode(TlsSession()),
    "3": msgspec.json.encode(TlsSession(mx_host="mx.b.test", failure="certificate-expired")),
}


def test_each_day_has_one_report_whatever_is_killed(systems: Systems) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}, {KILLS} kills")
    moments = random.Random(seed)
    systems.a.kill()
    days, keys = asyncio.run(gathered(systems.a.folder))
    systems.a.start()
    for _ in range(KILLS):
        time.sleep(moments.uniform(0, 1.5))  # the moment is what is tested
        systems.a.kill()
        systems.a.start()
    bo = systems.bo()
    found = eventually(
        lambda: reports(bo), lambda found: {day for day, _, _ in found} == set(days), 180.0
    )
    # Who is killed between the other system's 250 and the note of it sends the same mail again.
    assert len(found) == DAYS
    for _, _, raw in found:
        signatures = asyncio.run(dkim.verify(keys, raw, now=datetime.now(UTC)))
        assert [(each.domain, each.result) for each in signatures] == [("a.test", "pass")] * 2
        [row] = tls_report.read(content_of(raw)).rows
        assert (row.domain, row.reporter) == ("b.test", "a.test")
        assert (row.successes, row.failures) == (2, 1)


async def gathered(folder: Path) -> tuple[Sequence[date], MemoryDns]:
    """Let some days of b.test be gathered that have ended; return them, and a.test's keys."""
    async with open_stores(Settings(data_dir=str(folder))) as stores:
        now = stores.clock.now()
        made = now - timedelta(days=30)  # before those days: what signs is of a mail's own time
        published: dict[str, Records] = {
            f"{key.selector}._domainkey.a.test": {"TXT": [parse(key.private_key).record()]}
            for key in await first_keys(stores.dkim_keys, "a.test", made)
        }
        today = now.date()
        days = [today - timedelta(days=2 + number) for number in range(DAYS)]
        for day in days:
            window = Window(kind="tls", domain="b.test", day=day)
            assert await stores.summaries.gather(window, FACTS)
            await stores.log.append([summarizing.due(window)])
    return days, MemoryDns(published)


def reports(client: httpx.Client) -> set[tuple[date, str, bytes]]:
    """Return the reports that came: the day, the id of the mail, and the mail."""
    found: set[tuple[date, str, bytes]] = set()
    for folder in ("inbox", "spam"):
        for each in emails_of(client, folder):
            if not each["subject"].startswith("Report Domain: b.test Submitter: a.test"):
                continue
            raw = client.get(f"/emails/{each['email_id']}/raw").content
            mail = message_from_bytes(raw, policy=policy.default)
            assert mail["TLS-Report-Submitter"] == "a.test"
            day = tls_report.read(content_of(raw)).begin.date()
            found.add((day, mail["Message-ID"], raw))
    return found


def content_of(raw: bytes) -> bytes:
    """Return the report that is in a mail."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    _, file = mail.iter_parts()
    return gzip.decompress(file.get_content())
