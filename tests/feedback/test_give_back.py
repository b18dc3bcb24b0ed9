"""A user who writes to nobody is told, whether that nobody is here or elsewhere."""

import email
from email import policy
from typing import Any

from tests.feedback.outcomes import MAIL_ID, RAW, Office, office, raw_of
from tests.services import AT, DOMAIN
from topologies.events import (
    Deliver,
    DeliveryAttempted,
    DeliveryWishes,
    MailReceived,
    MailUndeliverable,
    RecipientWish,
)


async def test_mail_to_nobody_here_comes_back() -> None:
    house = await office()
    [lost] = await routed(house)
    assert isinstance(lost, MailUndeliverable)
    [outcome] = await house.run("give_back", lost)
    assert isinstance(outcome, DeliveryAttempted)
    assert (outcome.mail_id, outcome.user_id) == (MAIL_ID, house.user_id)
    [report] = await house.told(outcome)
    read: Any = email.message_from_bytes(raw_of(report), policy=policy.default)
    assert read["subject"] == "Your mail could not be delivered: The müll is here"
    text = next(iter(read.iter_parts())).get_content()
    assert f"nobody@{DOMAIN}" in text
    assert "no such mailbox" in text


async def test_a_replay_makes_the_same_outcome() -> None:
    house = await office()
    [lost] = await routed(house)
    assert await house.run("give_back", lost) == await house.run("give_back", lost)


async def test_who_wished_it_is_told_that_a_mailbox_here_has_the_mail() -> None:
    house = await office()
    wish = RecipientWish(recipient=f"bo@{DOMAIN}", notify=("SUCCESS",))
    wishes = DeliveryWishes(recipients=(wish,))
    delivered, outcome = await routed(house, recipients=(f"bo@{DOMAIN}",), wishes=wishes)
    assert isinstance(delivered, Deliver)
    [report] = await house.told(outcome)
    read: Any = email.message_from_bytes(raw_of(report), policy=policy.default)
    assert read["subject"] == "Your mail was delivered: The müll is here"
    [bo] = list(read.iter_parts())[1].get_payload()[1:]
    assert (bo["Action"], bo["Status"]) == ("delivered", "2.1.5")
    stranger = {"user_id": "", "origin": "smtp", "mail_from": "zoe@far.example"}
    assert len(await routed(house, recipients=(f"bo@{DOMAIN}",), wishes=wishes, **stranger)) == 1


async def test_a_stranger_is_told_nothing() -> None:
    house = await office()
    [lost] = await routed(house, user_id="", origin="smtp", mail_from="zoe@far.example")
    assert await house.run("give_back", lost) == []


async def routed(house: Office, **given: Any) -> list[Any]:
    """Let a mail of ann to nobody come in, and return what `route` writes of it."""
    known: dict[str, Any] = {
        "mail_id": "0198f3a1-7c00-7000-8000-000000000002",
        "received_at": AT,
        "origin": "local",
        "mail_from": f"ann@{DOMAIN}",
        "recipients": (f"nobody@{DOMAIN}",),
        "size_bytes": len(RAW),
        "raw": RAW,
        "user_id": house.user_id,
        "sent_id": MAIL_ID,
    }
    events: list[Any] = [MailReceived(**(known | given))]
    for name in ("parse", "authenticate", "scan", "score", "route"):
        events = await house.run(name, events[0])
    return events
