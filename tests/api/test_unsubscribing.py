"""Getting no more mail of a sender, by the API."""

from typing import Any

import pytest

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from tests.services import DOMAIN
from topologies.errors import Retryable
from topologies.events import INBOX, Deliver, UnsubscribeDue
from topologies.events.inbound import Authentication, DkimVerdict
from topologies.mail import ids
from topologies.mail.stored import store_message

URL = "https://list.far.example/u?id=1"
ONE_CLICK = f"List-Unsubscribe: <{URL}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
PROVED = Authentication(dkim=(DkimVerdict(result="pass", domain="far.example", selector="s1"),))
SIGNED = (
    "DKIM-Signature: v=1; a=rsa-sha256; d=far.example; s=s1; bh=x; b=y;"
    " h=from:list-unsubscribe:list-unsubscribe-post\r\n"
)


async def test_by_one_click_the_sender_is_told_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await received(desk, SIGNED + ONE_CLICK)
        path = f"/emails/{email_id}/unsubscribe"
        told = await got(ann, path)
        assert (told["way"], told["to"], told["state"]) == (
            "one-click",
            "list.far.example",
            "offered",
        )
        first = await ann.post(path)
        assert (first.status_code, first.json()["state"]) == (202, "asked")
        told = await got(ann, path)
        assert (told["state"], told["settled_at"]) == ("done", "2026-03-01T12:00:00Z")
        again = await ann.post(path)
        assert (again.status_code, again.json()["state"]) == (200, "done")
        asked = [each for each in desk.log.appended if isinstance(each, UnsubscribeDue)]
        assert [(each.url, each.attempt) for each in asked] == [(URL, 1)]


async def test_a_wish_whose_request_was_cut_off_is_told_when_it_is_asked_again(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await received(desk, SIGNED + ONE_CLICK)
        path = f"/emails/{email_id}/unsubscribe"
        desk.log.error = Retryable("the log is away")
        assert (await ann.post(path)).status_code == 503
        desk.log.error = None
        assert (await got(ann, path))["state"] == "asked"
        assert (await ann.post(path)).status_code == 202
        assert (await got(ann, path))["state"] == "done"


async def test_where_a_mail_alone_is_offered_one_mail_is_sent(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        field = "List-Unsubscribe: <mailto:off@far.example?subject=off%20ann>\r\n"
        email_id = await received(desk, field)
        path = f"/emails/{email_id}/unsubscribe"
        assert (await got(ann, path))["to"] == "off@far.example"
        for _ in range(2):
            answer = await ann.post(path)
            assert (answer.status_code, answer.json()["state"]) == (200, "done")
        [sent] = (await got(ann, "/folders/sent/emails"))["emails"]
        assert (sent["subject"], sent["to"][0]["address"]) == ("off ann", "off@far.example")


async def test_where_nothing_is_offered_nobody_is_asked(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        unsigned = await received(desk, ONE_CLICK)
        told = await got(ann, f"/emails/{unsigned}/unsubscribe")
        assert (told["way"], told["state"]) == ("none", "none")
        answer = await ann.post(f"/emails/{unsigned}/unsubscribe")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:rillmail:problem:no-offer"
        for client, status in ((bo, 404), (desk.stranger(), 401)):
            assert (await client.get(f"/emails/{unsigned}/unsubscribe")).status_code == status
            assert (await client.post(f"/emails/{unsigned}/unsubscribe")).status_code == status


@memory_alone
async def test_a_token_that_may_only_read_asks_nobody(a_desk: Desks) -> None:
    async with a_desk() as desk:
        reader = await desk.signed_in("ann", scope="read")
        email_id = await received(desk, SIGNED + ONE_CLICK)
        assert (await reader.post(f"/emails/{email_id}/unsubscribe")).status_code == 403


@memory_alone
@pytest.mark.parametrize("head", ["List-Unsubscribe: <http://far.example>\r\n", ""])
async def test_an_offer_that_can_t_be_used_is_none(a_desk: Desks, head: str) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        email_id = await received(desk, SIGNED + head)
        assert (await got(ann, f"/emails/{email_id}/unsubscribe"))["state"] == "none"


async def received(desk: Desk, head: str, **given: Any) -> str:
    """Put a mail with *head* into ann's inbox, as if its signature held; return its id."""
    raw = f"{head}From: Zoe <zoe@far.example>\r\nSubject: News\r\n\r\nHello.\r\n".encode()
    message, raw_ref = await store_message(raw, desk.blobs)
    user_id = (await desk.user("ann")).user_id
    mail_id = ids.new_id(desk.clock.now())
    email_id = ids.email_id(mail_id, user_id)
    command = Deliver(
        user_id=user_id,
        command_id=ids.command_id("deliver", mail_id, user_id),
        issued_at=desk.clock.now(),
        email_id=email_id,
        mail_id=mail_id,
        folder_id=INBOX,
        message=message,
        raw_ref=raw_ref,
        received_at=desk.clock.now(),
        mail_from="zoe@far.example",
        recipient=f"ann@{DOMAIN}",
        authentication=PROVED,
        **given,
    )
    await desk.log.append([command])
    return email_id
