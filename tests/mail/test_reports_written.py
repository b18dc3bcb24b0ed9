"""Reports that we write: as their standards have them, and as our own readers read them."""

import email
import gzip
import json
from datetime import UTC, date, datetime
from email import policy
from email.message import EmailMessage
from xml.etree import ElementTree

import msgspec
import pytest

from topologies.events import DeliveryAttempted, RecipientResult, TlsSession
from topologies.events.summary import DkimSeen, DmarcFact, DmarcPublished, SummaryKind
from topologies.mail import dmarc_report, dmarc_report_write, tls_report, tls_report_write
from topologies.mail.report_mail import Heading, build, packed

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
STS = ("version: STSv1", "mode: enforce", "mx: mx.far.example", "mx: *.far.example")
BROKEN = TlsSession(
    policy="sts",
    policy_text=STS,
    mx_host="mx.far.example",
    address="192.0.2.7",
    source="192.0.2.1",
    failure="certificate-expired",
    reason="certificate has expired",
)
PASSED = DmarcFact(
    source="192.0.2.1",
    header_from="shop.example",
    envelope_from="bounces.shop.example",
    is_dkim_aligned=True,
    is_spf_aligned=True,
    dkim=(DkimSeen(domain="shop.example", selector="s<1>&", result="pass"),),
    spf_domain="bounces.shop.example",
    spf="pass",
    published=DmarcPublished(p="reject", sp="quarantine", adkim="s", pct=50),
)
FAILED = DmarcFact(
    source="2001:db8::25",
    header_from="shop.example",
    disposition="quarantine",
    reason="local_policy",
    spf="softfail",
    spf_domain="evil.example",
    published=DmarcPublished(p="reject", sp="quarantine", adkim="s", pct=50),
)

# RFC 7489 appendix C: the elements of each, in their order; ? may be missing, * may be repeated.
SCHEMA = {
    "feedback": "version? report_metadata policy_published record*",
    "report_metadata": "org_name email extra_contact_info? report_id date_range error*",
    "date_range": "begin end",
    "policy_published": "domain adkim? aspf? p sp pct fo?",
    "record": "row identifiers auth_results",
    "row": "source_ip count policy_evaluated",
    "policy_evaluated": "disposition dkim spf reason*",
    "reason": "type comment?",
    "identifiers": "envelope_to? envelope_from? header_from",
    "auth_results": "dkim* spf*",
    "auth_results/dkim": "domain selector? result human_result?",
    "auth_results/spf": "domain scope? result",
}


def test_our_reader_reads_what_was_seen_of_tls() -> None:
    counts = counted(BROKEN, BROKEN, TlsSession(policy="sts", policy_text=STS), TlsSession())
    report = tls_report.read(tls_report_write.write(heading("tls"), counts))
    assert (report.reporter, report.begin.date(), report.end.date()) == ("us.example", DAY, DAY)
    none, sts = report.rows
    assert (none.policy_type, none.successes, none.failures) == ("no-policy-found", 1, 0)
    assert (sts.policy_type, sts.successes, sts.failures) == ("sts", 1, 2)
    [detail] = sts.details
    assert (detail.result_type, detail.receiving_mx) == ("certificate-expired", "mx.far.example")


def test_a_report_on_tls_holds_what_its_standard_wants() -> None:
    written = json.loads(tls_report_write.write(heading("tls"), counted(BROKEN)))
    assert written["date-range"] == {
        "start-datetime": "2026-03-01T00:00:00Z",
        "end-datetime": "2026-03-01T23:59:59Z",
    }
    assert written["contact-info"] == "postmaster@us.example"
    [policy] = written["policies"]
    assert policy["policy"] == {
        "policy-type": "sts",
        "policy-string": list(STS),
        "policy-domain": "far.example",
        "mx-host": ["mx.far.example", "*.far.example"],
    }
    assert policy["failure-details"] == [
        {
            "result-type": "certificate-expired",
            "sending-mta-ip": "192.0.2.1",
            "receiving-mx-hostname": "mx.far.example",
            "receiving-ip": "192.0.2.7",
            "failed-session-count": 1,
            "additional-information": "certificate has expired",
        }
    ]


def test_facts_have_the_names_of_their_attempt_and_say_nothing_of_where_it_went_well() -> None:
    well = msgspec.structs.replace(BROKEN, failure="", reason="")
    attempted = DeliveryAttempted(
        delivery_id="d",
        mail_id="m",
        submitted_at=AT,
        mail_from="ann@us.example",
        destination="far.example",
        attempt=2,
        attempted_at=AT,
        results=(
            RecipientResult(recipient="a", status="delivered", tls_sessions=(BROKEN, well)),
            RecipientResult(recipient="b", status="delivered"),
        ),
    )
    facts = tls_report_write.facts_of(attempted)
    assert list(facts) == ["d/2/0", "d/2/1"]
    assert facts["d/2/1"] == msgspec.json.encode(TlsSession(policy="sts", policy_text=STS))


def test_our_reader_reads_what_was_seen_of_mail() -> None:
    counts = {msgspec.json.encode(PASSED): 42, msgspec.json.encode(FAILED): 6}
    report = dmarc_report.read(dmarc_report_write.write(heading("dmarc"), counts))
    assert (report.reporter, report.email) == ("us.example", "postmaster@us.example")
    assert (report.policy_domain, report.begin.date()) == ("far.example", DAY)
    one, other = report.rows
    assert (one.source, one.count, one.disposition) == ("192.0.2.1", 42, "none")
    assert (one.is_dkim_aligned, one.is_spf_aligned, one.dkim, one.spf) == (
        *(True, True),
        *("pass", "pass"),
    )
    assert (one.dkim_domain, one.dkim_selector) == ("shop.example", "s<1>&")
    assert (other.source, other.count, other.disposition) == ("2001:db8::25", 6, "quarantine")
    assert (other.is_aligned, other.spf, other.spf_domain) == (False, "softfail", "evil.example")


def test_a_report_on_mail_is_as_the_schema_has_it() -> None:
    counts = {msgspec.json.encode(PASSED): 42, msgspec.json.encode(FAILED): 6}
    written = dmarc_report_write.write(heading("dmarc"), counts)
    root = ElementTree.fromstring(written)
    assert written.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<feedback>')
    check(root, "feedback")
    assert len(root.findall("record")) == 2
    published = {each.tag: each.text for each in root.find("policy_published") or ()}
    assert published == {
        "domain": "far.example",
        "adkim": "s",
        "aspf": "r",
        "p": "reject",
        "sp": "quarantine",
        "pct": "50",
    }


@pytest.mark.parametrize(
    ("kind", "content_type", "file_type"),
    [
        ("tls", "multipart/report", "application/tlsrpt+gzip"),
        ("dmarc", "multipart/mixed", "application/gzip"),
    ],
)
def test_a_mail_brings_it_packed_and_says_what_it_is(
    kind: SummaryKind, content_type: str, file_type: str
) -> None:
    content = packed(b"report" * 1_000)
    raw = build(heading(kind), content, to=TO, at=AT)
    assert raw == build(heading(kind), packed(b"report" * 1_000), to=TO, at=AT)  # each time
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["from"] == "postmaster@us.example"
    assert mail["to"] == "a@far.example, b@far.example"
    assert (
        mail["subject"]
        == "Report Domain: far.example Submitter: us.example Report-ID: <20260301-1>"
    )
    assert mail.get_content_type() == content_type
    is_tls = kind == "tls"
    assert mail.get_param("report-type") == ("tlsrpt" if is_tls else None)
    assert mail["tls-report-domain"] == ("far.example" if is_tls else None)
    assert mail["tls-report-submitter"] == ("us.example" if is_tls else None)
    assert mail["tls-required"] == ("No" if is_tls else None)
    _, file = mail.iter_parts()
    assert file.get_content_type() == file_type
    suffix = "json.gz" if is_tls else "xml.gz"
    assert (
        file.get_filename() == f"us.example!far.example!1772323200!1772409599!20260301-1.{suffix}"
    )
    assert gzip.decompress(file.get_content()) == b"report" * 1_000


# --- builders -----------------------------------------------------------------------

TO = ["a@far.example", "b@far.example"]


def heading(kind: SummaryKind) -> Heading:
    return Heading(
        kind=kind,
        domain="far.example",
        day=DAY,
        sender="postmaster@us.example",
        report_id="20260301-1",
    )


def counted(*sessions: TlsSession) -> dict[bytes, int]:
    facts = [msgspec.json.encode(each) for each in sessions]
    return {fact: facts.count(fact) for fact in facts}


def check(element: ElementTree.Element, path: str) -> None:
    """Compare the children of *element* with the schema, and theirs."""
    wanted = SCHEMA.get(path, SCHEMA.get(path.rpartition("/")[2], ""))
    if path.rpartition("/")[2] in ("dkim", "spf"):
        wanted = SCHEMA.get(path, "")
    left = [child.tag for child in element]
    for word in wanted.split():
        name = word.rstrip("?*")
        count = 0
        while left[:1] == [name] and (count == 0 or word.endswith("*")):
            left.pop(0)
            count += 1
        assert count or word[-1] in "?*", f"{path}: {name} is missing"
    assert not left, f"{path}: {left}"
    for child in element:
        check(child, f"auth_results/{child.tag}" if path == "auth_results" else child.tag)
