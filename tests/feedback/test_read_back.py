"""Mail that comes back later, and complaints: what is believed of them."""

from datetime import timedelta
from typing import Any

import msgspec

from tests.feedback.outcomes import (
    MAIL_ID,
    RAW,
    Office,
    deferred,
    delivered,
    office,
)
from tests.services import AT
from topologies.events import (
    Authentication,
    DeliveryAttempted,
    MailComplained,
    MailReceived,
    ReportArrived,
)
from topologies.mail import ids, verp
from topologies.ports.deliveries import Deliveries
from topologies.ports.policy import SuppressionPolicy
from topologies.ports.suppressions import Suppressions
from topologies.ports.url_key import UrlKey

HEADER = RAW.partition(b"\r\n\r\n")[0] + b"\r\n"


async def test_a_mail_that_comes_back_later_has_failed() -> None:
    house = await taken()
    [late] = await house.run("read_bounce", await house.arrived(bounce("bo@far.example")))
    assert isinstance(late, DeliveryAttempted)
    assert (late.is_late, late.attempt, late.mail_id) == (True, 1, MAIL_ID)
    [result] = late.results
    assert (result.recipient, result.status) == ("bo@far.example", "failed")
    assert (result.enhanced, result.text) == ("5.1.1", "550 nobody here")
    await house.run("track", late)
    [delivery] = await house.get(Deliveries).of_mail(MAIL_ID)
    assert [each.state for each in delivery.recipients] == ["deferred", "failed"]


async def test_a_report_that_comes_in_is_told_beside_its_delivery() -> None:
    house = await taken()
    raw = bounce("bo@far.example")
    events: list[Any] = [
        MailReceived(
            mail_id="0198f3a1-7c00-7000-8000-000000000003",
            received_at=AT,
            origin="smtp",
            mail_from="",
            recipients=("ann@shop.example",),
            size_bytes=len(raw),
            raw=raw,
        )
    ]
    for name in ("parse", "authenticate", "scan", "score", "route"):
        events = await house.run(name, events[0])
    _, report = events
    assert isinstance(report, ReportArrived)
    [late] = await house.run("read_bounce", report)
    assert late.is_late


async def test_the_sender_is_not_told_twice_and_the_address_is_suppressed() -> None:
    house = await taken()
    [late] = await house.run("read_bounce", await house.arrived(bounce("bo@far.example")))
    assert await house.run("bounce", late) == []
    await house.run("suppress", late)
    page = await house.get(Suppressions).page(house.user_id)
    assert [each.target for each in page.suppressions] == ["bo@far.example"]


async def test_the_address_that_was_written_to_counts_if_it_led_elsewhere() -> None:
    house = await taken()
    raw = bounce("other@third.example", original="rfc822;bo@far.example")
    [late] = await house.run("read_bounce", await house.arrived(raw))
    assert [each.recipient for each in late.results] == ["bo@far.example"]


async def test_a_bounce_that_was_read_before_says_nothing_new() -> None:
    house = await taken()
    command = await house.arrived(bounce("bo@far.example"))
    [late] = await house.run("read_bounce", command)
    assert await house.run("read_bounce", command) == [late]
    await house.run("track", late)
    assert await house.run("read_bounce", command) == []


async def test_a_forged_bounce_is_not_believed() -> None:
    house = await taken()
    unknown_mail = bounce("bo@far.example").replace(MAIL_ID.encode(), b"0" * 36)
    someone_else = bounce("zoe@far.example")
    not_tried_yet = bounce("bea@far.example")
    for raw in (unknown_mail, someone_else, not_tried_yet):
        assert await house.run("read_bounce", await house.arrived(raw)) == []
    of_a_person = await house.arrived(bounce("bo@far.example"), mail_from="eve@far.example")
    assert await house.run("read_bounce", of_a_person) == []
    house.user_id = "another"
    to_another = await house.arrived(bounce("bo@far.example"))
    assert await house.run("read_bounce", to_another) == []


async def test_a_delay_and_a_success_change_nothing() -> None:
    house = await taken()
    for action in ("delayed", "delivered", "relayed", "nonsense"):
        raw = bounce("bo@far.example", action=action)
        assert await house.run("read_bounce", await house.arrived(raw)) == []


async def test_a_bounce_in_words_to_the_path_of_a_delivery_says_that_it_failed() -> None:
    house = await sent_apart()
    report = await house.came_back(IN_WORDS)
    assert (report.user_id, report.recipient) == (house.user_id, house.path)
    [late] = await house.run("read_bounce", report)
    assert (late.is_late, late.delivery_id, late.mail_id) == (True, house.delivery_id, MAIL_ID)
    [result] = late.results
    assert (result.recipient, result.enhanced) == ("bo@far.example", "5.1.1")
    assert result.text == "Sorry, no mailbox here by that name. (#5.1.1)"
    await house.run("track", late)
    [delivery] = await house.get(Deliveries).of_mail(MAIL_ID)
    assert [each.state for each in delivery.recipients] == ["failed"]
    assert await house.run("read_bounce", report) == []  # it says nothing new


async def test_a_report_to_the_path_of_a_delivery_needs_nothing_else_of_the_mail() -> None:
    house = await sent_apart()
    raw = bounce("somebody@third.example").replace(MAIL_ID.encode(), b"0" * 36)
    [late] = await house.run("read_bounce", await house.came_back(raw))
    [result] = late.results
    assert (result.recipient, result.enhanced) == ("bo@far.example", "5.1.1")


async def test_a_delay_and_an_answer_to_the_path_of_a_delivery_change_nothing() -> None:
    house = await sent_apart()
    away = (
        b"From: bo@far.example\r\nSubject: Out of office\r\n\r\nMy old address does not exist\r\n"
    )
    for raw in (bounce("bo@far.example", action="delayed"), away):
        assert await house.run("read_bounce", await house.came_back(raw)) == []


async def test_a_path_that_we_did_not_make_leads_to_nobody() -> None:
    house = await sent_apart()
    house.path = f"{house.path[:35]}{'a' * 16}@shop.example"
    events = await house.routed(IN_WORDS)
    assert [type(each).__name__ for each in events] == ["MailUndeliverable"]


async def test_a_bounce_of_another_user_s_delivery_is_not_believed() -> None:
    house = await sent_apart()
    report = await house.came_back(IN_WORDS)
    other = msgspec.structs.replace(report, user_id="another")
    assert await house.run("read_bounce", other) == []


async def test_who_complains_is_not_written_to_again_by_the_sender() -> None:
    house = await taken()
    command = await house.arrived(complaint("bo@far.example"), authentication=PROVED)
    [told] = await house.run("read_complaint", command)
    assert await house.run("read_complaint", command) == [told]
    assert isinstance(told, MailComplained)
    assert (told.user_id, told.recipient, told.feedback_type, told.reported_by) == (
        *(house.user_id, "bo@far.example"),
        *("abuse", "far.example"),
    )
    page = await house.get(Suppressions).page(house.user_id)
    [entry] = page.suppressions
    assert (entry.target, entry.reason) == ("bo@far.example", "complaint")
    assert entry.until == AT + timedelta(days=365)


async def test_a_complaint_is_believed_when_its_sender_is_proved_and_it_fits() -> None:
    house = await taken()
    nothing = Authentication(dmarc="none")
    for raw, known in (
        (complaint("bo@far.example"), nothing),
        (complaint("zoe@far.example"), PROVED),
        (complaint(""), PROVED),  # the mail had two recipients: whose complaint is it?
        (complaint("bo@far.example", kind="not-spam"), PROVED),
        (complaint("bo@far.example").replace(MAIL_ID.encode(), b"0" * 36), PROVED),
    ):
        arrived = await house.arrived(raw, authentication=known)
        assert await house.run("read_complaint", arrived) == []
    assert (await house.get(Suppressions).page(house.user_id)).suppressions == ()


IN_WORDS = (
    b"From: MAILER-DAEMON@mx.far.example\r\nSubject: failure notice\r\n\r\n"
    b"Hi. This is the qmail-send program at mx.far.example.\r\n"
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
    b"This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
    b"<bob.old@third.example>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n"
)


async def test_a_complaint_is_told_where_it_suppresses_nothing() -> None:
    house = await taken()
    house.services = {**house.services, SuppressionPolicy: SuppressionPolicy(complained_days=0)}
    command = await house.arrived(complaint("bo@far.example"), authentication=PROVED)
    assert len(await house.run("read_complaint", command)) == 1
    assert (await house.get(Suppressions).page(house.user_id)).suppressions == ()


PROVED = Authentication(dmarc="pass", from_domain="far.example")


async def taken() -> Office:
    """Return a house whose mail was taken for bo, and is deferred for bea."""
    house = await office()
    await house.run("track", house.attempted(delivered(), deferred()))
    return house


class SentApart(Office):
    """A house whose mail was taken for bo, under a reverse-path of its own."""

    delivery_id = ids.derived_id(AT, "to bo")
    path = ""

    async def routed(self, raw: bytes) -> list[Any]:
        """Let *raw* come to that path, and return what `route` makes of it."""
        received: Any = MailReceived(
            mail_id=ids.derived_id(AT, raw),
            received_at=AT + timedelta(hours=1),
            origin="smtp",
            mail_from="",
            recipients=(self.path,),
            size_bytes=len(raw),
            raw=raw,
        )
        for name in ("parse", "authenticate", "scan", "score"):
            [received] = await self.run(name, received)
        return await self.run("route", received)

    async def came_back(self, raw: bytes) -> ReportArrived:
        [report] = [e for e in await self.routed(raw) if isinstance(e, ReportArrived)]
        return report


async def sent_apart() -> SentApart:
    known = await office()
    house = SentApart(known.services, known.user_id)
    key = verp.key_of(await house.get(UrlKey).get())
    house.path = verp.made(house.delivery_id, "ann@shop.example", key)
    await house.run("track", house.attempted(delivered(), delivery_id=house.delivery_id))
    return house


def bounce(recipient: str, *, action: str = "failed", original: str = "") -> bytes:
    told = f"Original-Recipient: {original}\r\n" if original else ""
    status = (
        "Reporting-MTA: dns; mx2.far.example\r\n\r\n"
        f"{told}Final-Recipient: rfc822; {recipient}\r\n"
        f"Action: {action}\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 nobody here\r\n"
    )
    return report("delivery-status", "message/delivery-status", status)


def complaint(recipient: str, *, kind: str = "abuse") -> bytes:
    to = f"Original-Rcpt-To: <{recipient}>\r\n" if recipient else ""
    feedback = f"Feedback-Type: {kind}\r\nUser-Agent: Loop/1\r\nVersion: 1\r\n{to}"
    return report("feedback-report", "message/feedback-report", feedback)


def report(kind: str, content_type: str, machine: str, returned: Any = HEADER) -> bytes:
    return (
        (
            "From: reports@far.example\r\nTo: ann@shop.example\r\nSubject: Returned\r\n"
            "MIME-Version: 1.0\r\n"
            f"Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
            f"--b\r\nContent-Type: {content_type}\r\n\r\n{machine}\r\n"
            "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        ).encode()
        + returned
        + b"\r\n--b--\r\n"
    )
