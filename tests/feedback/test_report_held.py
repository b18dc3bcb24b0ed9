"""report_held: who sent what is refused is told so, if it was them."""

from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from tests.services import DOMAIN, in_memory
from topologies.events import (
    Authentication,
    DeliveryWishes,
    Event,
    Finding,
    MailOutgoing,
    MailQuarantined,
    MailReceived,
    MailScored,
    Message,
    RawRef,
    RecipientWish,
    SpamVerdict,
    VirusVerdict,
)
from topologies.feedback.report_held import report_held
from topologies.mail import ids, malware
from topologies.ports.directory import Directory
from topologies.ports.policy import ReportPolicy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL_ID = ids.derived_id(AT, "a mail")
PROVED = Authentication(spf="pass", spf_domain="far.example")
FOUND = VirusVerdict(
    result="infected",
    name="Eicar",
    part="a.exe",
    findings=(Finding(kind="malware", name="Eicar", part="a.exe"),),
    action="reject",
)


async def test_a_sender_elsewhere_is_told_of_each_recipient() -> None:
    [report] = await reported(f"ann@{DOMAIN}", f"bo@{DOMAIN}")
    assert isinstance(report, MailOutgoing)
    assert (report.kind, report.mail_from) == ("report", "")
    assert report.recipients == ("zoe@far.example",)
    assert report.raw is not None
    message = message_from_bytes(report.raw)
    assert message.get_content_type() == "multipart/report"
    text = report.raw.decode()
    for name in ("ann", "bo"):
        assert f"Final-Recipient: rfc822; {name}@{DOMAIN}" in text
    assert "Status: 5.7.1" in text
    assert "Eicar in a.exe" in text


async def test_a_sender_here_finds_the_report_in_their_mailbox() -> None:
    known = Authentication(signed_in=True)
    [report] = await reported(f"ann@{DOMAIN}", mail_from=f"bo@{DOMAIN}", authentication=known)
    assert isinstance(report, MailReceived)
    assert (report.mail_from, report.recipients) == ("", (f"bo@{DOMAIN}",))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"authentication": Authentication()}, id="nothing is proved"),
        pytest.param(
            {"authentication": Authentication(spf="pass", spf_domain="mx.far.example")},
            id="another name is proved",
        ),
        pytest.param({"mail_from": ""}, id="it has no reverse-path"),
        pytest.param(
            {"virus": msgspec.structs.replace(FOUND, action="quarantine")},
            id="it is kept in silence",
        ),
        pytest.param(
            {
                "wishes": DeliveryWishes(
                    recipients=(RecipientWish(recipient=f"ann@{DOMAIN}", notify=("NEVER",)),)
                )
            },
            id="the sender wants no reports",
        ),
    ],
)
async def test_nobody_else_is_told(changes: dict[str, Any]) -> None:
    assert await reported(f"ann@{DOMAIN}", **changes) == []


async def test_the_report_is_the_same_however_often_it_is_written() -> None:
    assert await reported(f"ann@{DOMAIN}") == await reported(f"ann@{DOMAIN}")


# --- builders -----------------------------------------------------------------------


async def reported(*recipients: str, **changes: Any) -> list[Event]:
    mail = MailScored(
        mail_id=MAIL_ID,
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=recipients,
        size_bytes=5,
        raw=b"x",
        message=Message(subject="hello"),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1),
        authentication=PROVED,
        virus=FOUND,
        spam=SpamVerdict(probability=0.01, is_spam=False),
    )
    mail = msgspec.structs.replace(mail, **changes)
    held = MailQuarantined(
        mail_id=mail.mail_id,
        quarantined_at=mail.received_at,
        recipients=mail.recipients,
        virus=mail.virus,
        report_to=malware.report_to(mail),
        report_about=malware.report_about(mail),
    )
    services = await in_memory()
    events = await report_held(
        held,
        directory=services[Directory],
        blobs=MemoryBlobs(),
        policy=ReportPolicy(hostname="mx.shop.example"),
    )
    return list(events)
