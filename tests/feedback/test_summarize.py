"""Owners of domains are told once a day what was seen of them: who asks, and nobody twice."""

import email
import gzip
from collections.abc import Sequence
from datetime import timedelta
from email import policy as email_policy
from typing import Any

import msgspec
import pytest

from connectors.memory.dns import MemoryDns
from connectors.memory.messenger import MemoryMessenger
from connectors.memory.relay import MemoryRelay
from tests.services import AT, DOMAIN, in_memory
from topologies.errors import Retryable
from topologies.events import (
    DeliveryAttempted,
    Event,
    MailOutgoing,
    RecipientResult,
    TlsSession,
)
from topologies.events.summary import DmarcFact, DmarcSeen, SummaryDue
from topologies.feedback.summarize import summarize
from topologies.mail import dmarc_report, summarizing, tls_report
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.dns import Resolver
from topologies.ports.domain_reports import DomainReports
from topologies.ports.messenger import Messenger, NotNow, Reply
from topologies.ports.policy import SummaryPolicy
from topologies.ports.relay import Relay
from topologies.ports.summaries import Summaries, Window
from topologies.testing import Driver, run_twice
from topologies.topology import build

FAR = "far.example"
TLS_ASKS = {f"_smtp._tls.{FAR}": {"TXT": [f"v=TLSRPTv1; rua=mailto:tls@{FAR}"]}}
DMARC_ASKS = {f"_dmarc.{FAR}": {"TXT": [f"v=DMARC1; p=reject; rua=mailto:dmarc@{FAR}"]}}
TWO_DAYS = timedelta(days=2)


@pytest.mark.parametrize("kind", ["tls", "dmarc"])
async def test_who_asks_is_told_once_and_our_own_reader_reads_it(kind: str) -> None:
    house = await a_house(TLS_ASKS | DMARC_ASKS)
    await house.pipe(*seen(kind, 3))
    assert house.sent() == []  # the day has not ended
    await house.driver.advance(TWO_DAYS)
    [(to, raw)] = house.sent()
    assert to == f"{kind}@{FAR}"
    report = gzip.decompress(file_in(raw))
    if kind == "tls":
        [row] = tls_report.read(report).rows
        assert (row.domain, row.successes, row.failures, row.day) == (FAR, 2, 1, AT.date())
        assert b"TLS-Required: No" in raw
    else:
        rows = dmarc_report.read(report).rows
        assert [(row.source, row.count) for row in rows] == [("192.0.2.1", 2), ("192.0.2.0", 1)]
    assert raw.count(b"DKIM-Signature:") == 0  # no key in this house; `sign` has it in others
    [mail] = house.driver.read(MailOutgoing)
    assert (mail.mail_from, mail.kind, mail.sign) == ("", "report", True)


@pytest.mark.parametrize("kind", ["tls", "dmarc"])
async def test_however_often_all_is_replayed_one_report_is_sent(kind: str) -> None:
    house = await a_house(TLS_ASKS | DMARC_ASKS)
    events = seen(kind, 3)
    await house.pipe(*events, *events)  # as after a crash before the position moved
    await house.driver.advance(TWO_DAYS)
    [first] = house.sent()
    dues = house.driver.read(SummaryDue)
    for each in (events, dues, house.driver.read(MailOutgoing)):
        await house.pipe(*each)
        await house.driver.advance(TWO_DAYS)
    assert house.sent() == [first]


async def test_a_day_is_told_though_its_beginner_died_before_it_wrote_anything() -> None:
    house = await a_house(TLS_ASKS)
    first, second, third = seen("tls", 3)
    stage = build().stage("tally_tls")
    assert len(await run_twice(stage, first, house.services)) == 1  # and then it was killed
    assert await run_twice(stage, second, house.services) == ()
    await house.pipe(first, second, third)  # what was not acknowledged comes again
    await house.driver.advance(TWO_DAYS)
    [(_, raw)] = house.sent()
    [row] = tls_report.read(gzip.decompress(file_in(raw))).rows
    assert row.successes + row.failures == 3


async def test_each_day_and_domain_has_a_report_of_its_own_and_what_comes_late_none() -> None:
    house = await a_house(TLS_ASKS | DMARC_ASKS)
    for _ in range(2):
        await house.pipe(*seen("tls", 1, at=house.now), *seen("dmarc", 1, at=house.now))
        await house.driver.advance(timedelta(days=1))
    await house.driver.advance(TWO_DAYS)
    assert len(house.sent()) == 4
    await house.pipe(*seen("tls", 1, at=AT, name="late"))
    await house.driver.advance(TWO_DAYS)
    assert len(house.sent()) == 4


async def test_nothing_is_gathered_or_sent_that_nobody_asks_for() -> None:
    house = await a_house({})
    await house.pipe(*seen("tls", 2))
    assert house.driver.read(SummaryDue) == []
    await house.pipe(*seen("dmarc", 2))  # which they asked for once
    await house.driver.advance(TWO_DAYS)
    assert house.sent() == []


async def test_nothing_is_gathered_or_sent_unless_it_is_wanted_here() -> None:
    house = await a_house(TLS_ASKS | DMARC_ASKS, tells_tls=False, tells_dmarc=False)
    await house.pipe(*seen("tls", 2), *seen("dmarc", 2))
    assert house.driver.read(SummaryDue) == []
    await house.driver.advance(TWO_DAYS)
    assert house.sent() == []


async def test_reports_are_not_reported_on() -> None:
    house = await a_house(TLS_ASKS)
    await house.pipe(*(msgspec.structs.replace(e, kind="report") for e in seen("tls", 2)))
    assert house.driver.read(SummaryDue) == []


async def test_a_dns_that_is_away_is_asked_again_for_a_day() -> None:
    house = await a_house(TLS_ASKS, failing=[f"_smtp._tls.{FAR}"])
    await house.pipe(*seen("tls", 2))
    await house.driver.advance(timedelta(hours=20))
    assert house.sent() == []
    house.services[Resolver].__init__(TLS_ASKS)  # it is back
    await house.driver.advance(timedelta(hours=8))
    assert len(house.sent()) == 1
    lost = await a_house(TLS_ASKS, failing=[f"_smtp._tls.{FAR}"])
    await lost.pipe(*seen("tls", 2))
    await lost.driver.advance(timedelta(days=5))
    assert lost.sent() == []
    assert lost.driver.dead_letters() == []


async def test_who_is_not_the_owner_gets_reports_if_they_say_so() -> None:
    third = f"v=DMARC1; p=none; rua=mailto:a@third.example,mailto:b@sub.{FAR},mailto:c@no.example"
    zones = {
        f"_dmarc.{FAR}": {"TXT": [third]},
        f"{FAR}._report._dmarc.third.example": {"TXT": ["v=DMARC1"]},
    }
    house = await a_house(zones)
    await house.pipe(*seen("dmarc", 2))
    await house.driver.advance(TWO_DAYS)
    assert sorted(to for to, _ in house.sent()) == ["a@third.example", f"b@sub.{FAR}"]


async def test_a_report_that_is_too_large_for_an_address_is_not_sent_there() -> None:
    rua = f"mailto:few@{FAR}!100,mailto:many@{FAR}!10m"
    zones = {f"_dmarc.{FAR}": {"TXT": [f"v=DMARC1; p=none; rua={rua}"]}}
    house = await a_house(zones)
    await house.pipe(*seen("dmarc", 2))
    await house.driver.advance(TWO_DAYS)
    assert [to for to, _ in house.sent()] == [f"many@{FAR}"]


async def test_a_report_on_a_domain_of_ours_comes_into_our_own_view() -> None:
    zones = {f"_dmarc.{DOMAIN}": {"TXT": [f"v=DMARC1; p=none; rua=mailto:postmaster@{DOMAIN}"]}}
    house = await a_house(zones)
    await house.make_admin()
    await house.pipe(*seen("dmarc", 3, domain=DOMAIN))
    await house.driver.advance(TWO_DAYS)
    assert house.sent() == []
    page = await house.services[DomainReports].dmarc(DOMAIN, AT.date(), AT.date())
    assert [(row.source, row.count) for row in page.rows] == [("192.0.2.1", 2), ("192.0.2.0", 1)]


async def test_a_report_on_tls_is_posted_where_that_is_asked_for_once() -> None:
    url = f"https://reports.{FAR}/tls"
    zones = {f"_smtp._tls.{FAR}": {"TXT": [f"v=TLSRPTv1; rua={url},mailto:tls@{FAR}"]}}
    house = await a_house(zones)
    house.messenger.replies += [NotNow("busy"), Reply(status=503), Reply(status=201)]
    await house.pipe(*seen("tls", 2))
    await house.driver.advance(TWO_DAYS)
    assert [to for to, _ in house.sent()] == [f"tls@{FAR}"]
    assert len(house.messenger.posted) == 2  # one was not taken
    posted = house.messenger.posted[-1]
    assert (posted.url, posted.headers["content-type"]) == (url, "application/tlsrpt+gzip")
    [row] = tls_report.read(gzip.decompress(posted.body)).rows
    assert row.successes + row.failures == 2
    await house.pipe(*house.driver.read(SummaryDue))
    await house.driver.advance(TWO_DAYS)
    assert len(house.messenger.posted) == 2


async def test_a_url_that_takes_nothing_is_given_up_after_a_day() -> None:
    zones = {f"_smtp._tls.{FAR}": {"TXT": [f"v=TLSRPTv1; rua=https://{FAR}/"]}}
    house = await a_house(zones)
    house.messenger.replies += [Reply(status=500)] * 1_000
    await house.pipe(*seen("tls", 1))
    await house.driver.advance(timedelta(days=5))
    assert len(house.messenger.posted) == summarizing.MOST_TRIES + 1


async def test_a_store_that_is_away_loses_nothing() -> None:
    house = await a_house(TLS_ASKS)
    [event] = seen("tls", 1)
    window = Window(kind="tls", domain=FAR, day=AT.date())
    due = summarizing.due(window)

    class Away:
        async def close(self, window: Window) -> Any:
            raise Retryable("away")

    await house.pipe(event)
    house.clock.move(TWO_DAYS)
    with pytest.raises(Retryable):
        await summarize(due, **house.ports(Away()))
    [mail] = await summarize(due, **house.ports(house.services[Summaries]))
    assert isinstance(mail, MailOutgoing)


def test_domains_are_told_at_different_times_each_always_at_the_same() -> None:
    windows = [Window(kind="tls", domain=f"{n}.example", day=AT.date()) for n in range(20)]
    times = [summarizing.due(each).due_at for each in windows]
    assert len(set(times)) > 15
    assert times == [summarizing.due(each).due_at for each in windows]
    midnight = AT.replace(hour=0) + timedelta(days=1)
    assert all(timedelta(hours=1) <= at - midnight < timedelta(hours=4) for at in times)


# --- builders -----------------------------------------------------------------------


class House:
    """A deployment in memory, driven by hand."""

    def __init__(self, services: dict[type, Any]) -> None:
        self.services = services
        self.driver = Driver(services)

    @property
    def clock(self) -> Any:
        return self.services[Clock]

    @property
    def now(self) -> Any:
        return self.clock.now()

    @property
    def messenger(self) -> MemoryMessenger:
        return self.services[Messenger]

    async def pipe(self, *events: Event) -> None:
        await self.driver.pipe(*events)

    def sent(self) -> list[tuple[str, bytes]]:
        relay: MemoryRelay = self.services[Relay]
        return relay.sent

    async def make_admin(self) -> None:
        directory = self.services[Directory]
        await directory.add_user(f"root@{DOMAIN}", "a password", is_admin=True)

    def ports(self, summaries: Any) -> dict[str, Any]:
        return {
            "summaries": summaries,
            "dns": self.services[Resolver],
            "directory": self.services[Directory],
            "blobs": self.services[Blobs],
            "messenger": self.messenger,
            "clock": self.clock,
            "policy": self.services[SummaryPolicy],
        }


async def a_house(zones: Any, *, failing: Sequence[str] = (), **policy: Any) -> House:
    services = await in_memory()
    services[Resolver] = MemoryDns(zones, failing=failing)
    wanted: dict[str, Any] = {
        "hostname": f"mx.{DOMAIN}",
        "tells_tls": True,
        "tells_dmarc": True,
    } | policy
    services[SummaryPolicy] = SummaryPolicy(**wanted)
    return House(services)


def seen(
    kind: str, count: int, *, at: Any = AT, domain: str = FAR, name: str = "seen"
) -> list[Any]:
    """Return *count* facts of a domain, the first unlike the others."""
    make = _attempted if kind == "tls" else _mail
    return [make(f"{name} {number} {at}", number, at, domain) for number in range(count)]


def _attempted(name: str, number: int, at: Any, domain: str) -> DeliveryAttempted:
    session = TlsSession(mx_host=f"mx.{domain}", failure="" if number else "starttls-not-supported")
    result = RecipientResult(recipient=f"bo@{domain}", status="delivered", tls_sessions=(session,))
    return DeliveryAttempted(
        delivery_id=name,
        mail_id=name,
        submitted_at=at,
        mail_from="",
        destination=domain,
        attempt=1,
        attempted_at=at,
        results=(result,),
    )


def _mail(name: str, number: int, at: Any, domain: str) -> DmarcSeen:
    fact = DmarcFact(source=f"192.0.2.{min(number, 1)}", header_from=domain)
    return DmarcSeen(mail_id=name, domain=domain, seen_at=at, fact=fact)


def file_in(raw: bytes) -> bytes:
    message = email.message_from_bytes(raw, policy=email_policy.default)
    *_, file = message.walk()
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content
