"""What webhooks are told of sent mail, and of which: one message for each recipient."""

from datetime import timedelta
from typing import Any

import msgspec

from tests.feedback.hooks import ALL, a_webhook
from tests.feedback.outcomes import MAIL_ID, Office, deferred, delivered, failed, office
from tests.services import AT, DOMAIN
from topologies.events import MailComplained, WebhookDue
from topologies.events.webhook import SenderRestrained
from topologies.mail import ids
from topologies.ports.webhooks import Webhook, Webhooks


async def test_each_recipient_s_fate_is_a_message_for_each_webhook_that_wants_it() -> None:
    house = await office()
    every = await given(house, events=ALL)
    bounces = await given(house, events=("email.bounced",))
    suppressed = failed("cy@far.example", enhanced="5.7.1", is_suppressed=True)
    found = await house.run(
        "announce",
        house.attempted(delivered(), deferred(), failed("al@far.example"), suppressed),
    )
    assert {(each.webhook_id, each.type, told(each)["recipient"]) for each in found} == {
        (every.webhook_id, "email.delivered", "bo@far.example"),
        (every.webhook_id, "email.deferred", "bea@far.example"),
        (every.webhook_id, "email.bounced", "al@far.example"),
        (bounces.webhook_id, "email.bounced", "al@far.example"),
        (every.webhook_id, "email.suppressed", "cy@far.example"),
    }
    assert len({each.message_id for each in found}) == 5


async def test_a_message_tells_whose_mail_it_is_and_what_the_peer_said() -> None:
    house = await office()
    await given(house)
    [message] = await house.run("announce", house.attempted(failed()))
    assert msgspec.json.decode(message.body) == {
        "type": "email.bounced",
        "timestamp": "2026-03-01T12:00:03Z",
        "data": {
            "email_id": ids.email_id(MAIL_ID, house.user_id),
            "delivery_id": "0198f3a1-0000-8000-8000-0000000000d1",
            "from": f"ann@{DOMAIN}",
            "recipient": "bo@far.example",
            "submitted_at": "2026-03-01T12:00:00Z",
            "attempt": 1,
            "next_try_at": None,
            "code": 550,
            "enhanced": "5.1.1",
            "meaning": "The mailbox does not exist.",
            "text": "No such user here",
            "host": "mx1.far.example [192.0.2.7]",
            "is_late": False,
        },
    }


async def test_a_bounce_that_comes_later_is_another_message_than_the_delivery() -> None:
    house = await office()
    await given(house)
    [first] = await house.run("announce", house.attempted(delivered()))
    [late] = await house.run("announce", house.attempted(failed(), is_late=True))
    assert (first.type, late.type, told(late)["is_late"]) == (
        *("email.delivered", "email.bounced"),
        True,
    )
    assert first.message_id != late.message_id


async def test_webhooks_of_a_domain_are_told_of_all_that_is_sent_in_its_name() -> None:
    house = await office()
    domain = await given(house, owner=f"@{DOMAIN}")
    await given(house, owner="@other.example")
    await given(house, owner="another")
    [message] = await house.run("announce", house.attempted(delivered()))
    assert (message.webhook_id, message.owner) == (domain.webhook_id, f"@{DOMAIN}")


async def test_nothing_is_told_of_mail_that_nobody_here_sent() -> None:
    house = await office()
    await given(house)
    await given(house, owner=f"@{DOMAIN}")
    for kind in ("forwarded", "answer", "report"):
        assert await house.run("announce", house.attempted(failed(), kind=kind)) == []
    assert await house.run("announce", house.attempted(failed(), user_id="")) == []


async def test_a_webhook_that_is_disabled_is_told_nothing() -> None:
    house = await office()
    webhook = await given(house)
    await house.get(Webhooks).disable(house.user_id, webhook.webhook_id, AT, "tired")
    assert await house.run("announce", house.attempted(failed())) == []


async def test_that_a_sender_may_send_less_is_told() -> None:
    house = await office()
    await given(house, owner=f"@{DOMAIN}")
    restrained = SenderRestrained(
        mail_id=MAIL_ID,
        user_id=house.user_id,
        mail_from=f"ann@{DOMAIN}",
        restrained_at=AT,
        kind="throttled",
        bad_mails=3,
        reason="spam or malware was sent from this account",
        until=AT + timedelta(days=1),
    )
    [message] = await house.run("announce", restrained)
    assert (message.type, message.owner) == ("sender.throttled", f"@{DOMAIN}")
    assert told(message) == {
        "email_id": ids.email_id(MAIL_ID, house.user_id),
        "from": f"ann@{DOMAIN}",
        "bad_mails": 3,
        "reason": "spam or malware was sent from this account",
        "until": "2026-03-02T12:00:00Z",
    }
    assert await house.run("announce", restrained) == [message]
    suspended = msgspec.structs.replace(restrained, kind="suspended", until=None)
    [other] = await house.run("announce", suspended)
    assert (other.type, told(other)["until"]) == ("sender.suspended", None)


async def test_a_complaint_is_told() -> None:
    house = await office()
    await given(house)
    complained = MailComplained(
        mail_id=MAIL_ID,
        user_id=house.user_id,
        mail_from=f"ann@{DOMAIN}",
        delivery_id="d",
        recipient="bo@far.example",
        submitted_at=AT,
        complained_at=AT + timedelta(days=1),
        feedback_type="abuse",
        reported_by="far.example",
    )
    [message] = await house.run("announce", complained)
    assert message.type == "email.complained"
    data = told(message)
    assert (data["feedback_type"], data["reported_by"]) == ("abuse", "far.example")
    assert await house.run("announce", complained) == [message]


async def given(house: Office, owner: str = "", **more: Any) -> Webhook:
    """Return a webhook that the sender has from now on, or *owner*."""
    made = a_webhook(owner or house.user_id, ids.new_id(AT), **more)
    await house.get(Webhooks).add(made)
    return made


def told(message: WebhookDue) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(message.body)["data"]
    return data
