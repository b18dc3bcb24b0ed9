"""What authenticate tells the owner of the domain in From, if they ask for it."""

from typing import Any

import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.dns import MemoryDns
from tests.inbound.test_authenticate import mail
from topologies.events import Attachment, MailAuthenticated
from topologies.events.summary import DmarcFact, DmarcPublished, DmarcSeen
from topologies.inbound.authenticate import authenticate
from topologies.ports.policy import AuthenticatePolicy

TELLS = AuthenticatePolicy(tells_owners=True)
ASKS = "v=DMARC1; p=quarantine; sp=none; aspf=s; rua=mailto:dmarc@shop.example"


async def test_how_a_mail_fared_is_told_to_an_owner_who_asks() -> None:
    seen = await told(ASKS)
    assert seen == DmarcSeen(
        mail_id=mail().mail_id,
        domain="shop.example",
        seen_at=mail().received_at,
        fact=DmarcFact(
            source="192.0.2.7",
            header_from="shop.example",
            envelope_from="shop.example",
            is_spf_aligned=True,
            spf="pass",
            spf_domain="shop.example",
            published=DmarcPublished(p="quarantine", sp="none", aspf="s"),
        ),
    )


@pytest.mark.parametrize(
    ("record", "disposition", "reason"),
    [
        (ASKS, "quarantine", ""),
        (ASKS.replace("p=quarantine", "p=reject"), "quarantine", "local_policy"),
        (ASKS.replace("p=quarantine", "p=none"), "none", ""),
        (ASKS + "; pct=0", "none", "sampled_out"),
    ],
)
async def test_what_became_of_a_mail_that_failed(
    record: str, disposition: str, reason: str
) -> None:
    seen = await told(record, mail_from="eve@evil.example")
    assert seen is not None
    assert (seen.fact.disposition, seen.fact.reason) == (disposition, reason)
    assert (seen.fact.is_spf_aligned, seen.fact.spf_domain) == (False, "evil.example")


async def test_nobody_is_told_who_does_not_ask_nor_of_whom_nothing_is_known() -> None:
    assert await told("v=DMARC1; p=none") is None
    assert await told("") is None
    assert await told(ASKS, policy=AuthenticatePolicy()) is None
    assert await told(ASKS, client_ip="10.0.0.1") is None  # a host of our own network
    assert await told(ASKS, user_id="user-1") is None
    assert await told(ASKS, origin="import") is None
    assert await told(ASKS, origin="local") is None  # forwarded here: told when it came
    assert await told(ASKS, failing=("shop.example",)) is None  # temperror


async def test_reports_are_not_reported_on() -> None:
    file = Attachment(
        attachment_id="1",
        file_name="report.xml.gz",
        content_type="application/gzip",
        size_bytes=9,
        blob="0" * 64,
    )
    carrier = mail().message
    brings = msgspec.structs.replace(carrier, attachments=(file,))
    to_reports = {"recipients": ("postmaster@elsewhere.example",)}
    assert await told(ASKS, message=brings, **to_reports) is None
    assert await told(ASKS, message=brings) is not None
    assert await told(ASKS, message=carrier, **to_reports) is not None


# --- builders -----------------------------------------------------------------------


async def told(
    record: str,
    *,
    policy: AuthenticatePolicy = TELLS,
    failing: tuple[str, ...] = (),
    **changes: Any,
) -> DmarcSeen | None:
    zones = {
        "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
        **({"_dmarc.shop.example": {"TXT": [record]}} if record else {}),
    }
    dns = MemoryDns(zones, failing=failing)
    grown, *seen = await authenticate(
        mail(raw=RAW, **changes), dns=dns, blobs=MemoryBlobs(), policy=policy
    )
    assert isinstance(grown, MailAuthenticated)
    for each in seen:
        assert isinstance(each, DmarcSeen)
        return each
    return None


RAW = b"From: Bo <bo@shop.example>\r\nSubject: order\r\n\r\nhi\r\n"
