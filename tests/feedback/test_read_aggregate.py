"""Reports on our domains come into the view, each once, and do no harm."""

import gzip
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from connectors.memory.domain_reports import MemoryDomainReports
from tests.feedback.outcomes import Office, office
from tests.reports import DAY, as_sent, dmarc, tls, zipped
from tests.services import AT, DOMAIN
from topologies.engines.handling import Again, Emit, handle
from topologies.errors import Retryable
from topologies.events import (
    AggregateArrived,
    Attachment,
    Authentication,
    Deliver,
    MailReceived,
    Message,
)
from topologies.mail import ids
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.domain_reports import DmarcRow, DomainReports, TlsRow
from topologies.topology import build

PROVED = Authentication(dmarc="pass", from_domain="bigmail.example")
TO = f"postmaster@{DOMAIN}"


@pytest.mark.parametrize("kind", ["gzip", "zip", "alone"])
async def test_a_report_that_comes_in_is_in_the_view_and_in_the_mailbox(kind: str) -> None:
    house = await furnished()
    copies, found = await house_takes(house, as_sent(dmarc(), TO, kind=kind))
    assert [copy.recipient for copy in copies] == [TO]
    [report] = found
    assert report.message.text == ""
    assert await house.run("read_aggregate", report) == []
    rows = await dmarc_rows(house)
    assert [(row.source, row.count, row.is_aligned, row.disposition) for row in rows] == [
        ("192.0.2.1", 42, True, "none"),
        ("198.51.100.77", 6, False, "quarantine"),
        ("2001:db8::25", 2, True, "none"),
    ]
    assert {row.day for row in rows} == {DAY}


async def test_a_report_on_tls_is_read_as_its_standard_has_it() -> None:
    house = await furnished()
    _, [report] = await house_takes(house, as_sent(tls(), TO, kind="tlsrpt"))
    await house.run("read_aggregate", report)
    [row] = await tls_rows(house)
    assert (row.policy_type, row.successes, row.failures) == ("sts", 5326, 303)
    assert (row.details[0].result_type, row.details[0].failures) == ("starttls-not-supported", 200)


async def test_a_mail_to_others_or_without_files_is_no_report() -> None:
    house = await furnished()
    plain = b"From: eve@far.example\r\nSubject: Hello\r\n\r\nIs anybody there?\r\n"
    for raw, to in ((plain, TO), (as_sent(dmarc(), TO), f"ann@{DOMAIN}")):
        copies, found = await house_takes(house, raw, to)
        assert (len(copies), found) == (1, [])


async def test_two_administrators_and_two_domains_are_one_report() -> None:
    house = await furnished()
    directory = house.get(Directory)
    await directory.add_domain("news.example")
    await directory.add_user(f"more@{DOMAIN}", "a password", is_admin=True)
    raw = as_sent(dmarc(), TO)
    copies, found = await house_takes(house, raw, TO, "Postmaster@news.example")
    assert (len(copies), len(found)) == (2, 1)


async def test_a_report_is_kept_once_however_often_it_comes() -> None:
    house = await furnished()
    first, again = await arrived(house, dmarc()), await arrived(house, dmarc(), kind="zip")
    assert first.mail_id != again.mail_id
    for each in (first, first, again):
        await house.run("read_aggregate", each)
    assert sum(row.count for row in await dmarc_rows(house)) == 50
    await house.run("read_aggregate", await arrived(house, dmarc(report_id="another")))
    assert sum(row.count for row in await dmarc_rows(house)) == 100


async def test_what_nobody_proves_never_takes_the_place_of_what_somebody_does() -> None:
    house = await furnished()
    forged = dmarc().replace(b"<count>41<", b"<count>9000<")
    for content, known in (
        (forged, Authentication(dmarc="none", from_domain="bigmail.example")),
        (forged, Authentication(dmarc="pass", from_domain="evil.example")),
        (dmarc(), PROVED),
    ):
        await house.run("read_aggregate", await arrived(house, content, authentication=known))
    counts = {
        (row.submitter, row.is_proved): row.count
        for row in await dmarc_rows(house)
        if row.source == "192.0.2.1"
    }
    assert counts == {
        ("bigmail.example", False): 9001,
        ("evil.example", True): 9001,
        ("bigmail.example", True): 42,
    }


async def test_of_what_nobody_proves_no_more_is_kept_than_anybody_reads() -> None:
    house = await furnished()
    head, _, _ = dmarc().partition(b"<record>")
    records = b"".join(
        b"<record><row><source_ip>10.0.%d.%d</source_ip><count>%d</count></row></record>"
        % (number >> 8, number & 255, number)
        for number in range(1, 1_001)
    )
    content = head + records + b"</feedback>"
    forged = Authentication(dmarc="fail", from_domain="bigmail.example")
    await house.run("read_aggregate", await arrived(house, content, authentication=forged))
    counts = [row.count for row in await dmarc_rows(house)]
    assert counts == list(range(1_000, 500, -1))
    await house.run("read_aggregate", await arrived(house, content))
    page = await house.get(DomainReports).dmarc(DOMAIN, DAY, DAY, limit=5_000)
    assert sum(row.is_proved for row in page.rows) == 1_000


async def test_a_report_on_a_domain_below_ours_is_filed_under_ours() -> None:
    house = await furnished()
    await house.run("read_aggregate", await arrived(house, dmarc(f"a.news.{DOMAIN}")))
    assert {row.policy_domain for row in await dmarc_rows(house)} == {f"a.news.{DOMAIN}"}


async def test_a_report_on_a_domain_of_others_is_not_kept() -> None:
    house = await furnished()
    for content in (dmarc("far.example"), dmarc("example"), tls("far.example"), dmarc("-.-")):
        await house.run("read_aggregate", await arrived(house, content))
        assert await dmarc_rows(house, "far.example") == []
    assert await dmarc_rows(house) == []


async def test_of_a_report_on_tls_of_several_domains_ours_are_kept() -> None:
    house = await furnished()
    report: Any = msgspec.json.decode(tls())
    [policy] = report["policies"]
    far = msgspec.json.decode(msgspec.json.encode(policy))
    far["policy"]["policy-domain"] = "far.example"
    report["policies"] = [far, policy]
    await house.run("read_aggregate", await arrived(house, msgspec.json.encode(report)))
    assert [row.domain for row in await tls_rows(house)] == [DOMAIN]
    assert await tls_rows(house, "far.example") == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"Dear customer, please see the attached.", id="a text"),
        pytest.param(b"<html><body>no</body></html>", id="a page"),
        pytest.param(b'{"a": 1}', id="another JSON"),
        pytest.param(b"[" * 100_000, id="deep JSON"),
        pytest.param(b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b"\x1f\x8b\x08" + b"x" * 100, id="no gzip"),
        pytest.param(gzip.compress(bytes(40_000_000)), id="a gzip bomb"),
        pytest.param(zipped(bytes(40_000_000)), id="a zip bomb"),
        pytest.param(gzip.compress(b"{" + b" " * 6_000_000), id="much JSON"),
        pytest.param(b"<a>" * 1_000, id="deep XML"),
        pytest.param(
            b'<!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><feedback>&b;</feedback>',
            id="entities",
        ),
        pytest.param(dmarc(day=DAY - timedelta(days=500)), id="of long ago"),
        pytest.param(dmarc(day=DAY + timedelta(days=30)), id="of days to come"),
        pytest.param(dmarc().replace(b"<count>6<", b"<count>-6<"), id="nonsense"),
    ],
)
async def test_what_is_no_report_ends_as_a_logged_line(content: bytes) -> None:
    house = await furnished()
    await house.run("read_aggregate", await arrived(house, content, is_packed=True))
    assert await dmarc_rows(house) == []
    assert await tls_rows(house) == []


async def test_a_wrong_file_does_not_keep_a_right_one_from_being_read() -> None:
    house = await furnished()
    blobs = house.get(Blobs)
    wrong, right = await blobs.put([b"no report", dmarc()])
    files = (
        attachment("1", "0" * 64, 100),  # which is not there
        attachment("2", wrong, 9),
        attachment("3", wrong, 10**9),
        attachment("4", right, len(dmarc())),
    )
    await house.run("read_aggregate", aggregate(files))
    assert len(await dmarc_rows(house)) == 3


async def test_while_the_store_is_away_it_waits_and_nothing_is_lost() -> None:
    house = await furnished()
    reports = FailingReports(1)
    house.services = {**house.services, DomainReports: reports}
    raw = msgspec.json.encode(await arrived(house, dmarc()))
    stage = build().stage("read_aggregate")
    assert isinstance(await handle(stage, raw, house.services), Again)
    assert isinstance(await handle(stage, raw, house.services), Emit)
    assert len(await dmarc_rows(house)) == 3


# --- builders -----------------------------------------------------------------------


class FailingReports(MemoryDomainReports):
    """A store that is away at first."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    async def keep_dmarc(self, report: str, rows: Any) -> bool:
        if self._times:
            self._times -= 1
            raise Retryable("it is away", outage=True)
        return await super().keep_dmarc(report, rows)


async def furnished() -> Office:
    """Return a house with an administrator."""
    house = await office()
    await house.get(Directory).add_user(f"root@{DOMAIN}", "a password", is_admin=True)
    return house


async def house_takes(
    house: Office, raw: bytes, *to: str
) -> tuple[list[Deliver], list[AggregateArrived]]:
    """Let a mail come in; return the copies of it, and the reports that were seen in it."""
    events: list[Any] = [
        MailReceived(
            mail_id=ids.derived_id(AT, raw),
            received_at=AT,
            origin="smtp",
            mail_from="reports@bigmail.example",
            recipients=to or (TO,),
            size_bytes=len(raw),
            raw=raw,
        )
    ]
    for name in ("parse", "authenticate", "scan", "score", "route"):
        events = await house.run(name, events[0])
    return (
        [each for each in events if isinstance(each, Deliver)],
        [each for each in events if isinstance(each, AggregateArrived)],
    )


async def arrived(
    house: Office,
    content: bytes,
    *,
    kind: str = "gzip",
    authentication: Authentication = PROVED,
    is_packed: bool = False,
) -> AggregateArrived:
    """Return that a report came, as `route` tells it."""
    packed = content if is_packed else {"gzip": gzip.compress, "zip": zipped}[kind](content)
    [blob] = await house.get(Blobs).put([packed])
    found = attachment("1", blob, len(packed))
    return msgspec.structs.replace(
        aggregate((found,)),
        mail_id=ids.derived_id(AT, packed, authentication.from_domain),
        authentication=authentication,
    )


def aggregate(files: tuple[Attachment, ...]) -> AggregateArrived:
    return AggregateArrived(
        mail_id=ids.derived_id(AT, "a report"),
        received_at=AT,
        message=Message(attachments=files),
        authentication=PROVED,
    )


def attachment(number: str, blob: str, size_bytes: int) -> Attachment:
    return Attachment(
        attachment_id=number,
        file_name="report.xml.gz",
        content_type="application/gzip",
        size_bytes=size_bytes,
        blob=blob,
    )


async def dmarc_rows(house: Office, domain: str = DOMAIN) -> list[DmarcRow]:
    page = await house.get(DomainReports).dmarc(domain, date.min, date.max, limit=500)
    return list(page.rows)


async def tls_rows(house: Office, domain: str = DOMAIN) -> list[TlsRow]:
    page = await house.get(DomainReports).tls(domain, date.min, date.max, limit=500)
    return list(page.rows)
