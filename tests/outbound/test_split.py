"""split: a sent mail becomes the sender's copy and what the others receive."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from topologies.errors import BlobMissing, Poison
from topologies.events import (
    Deliver,
    DeliveryAttempted,
    DeliveryWishes,
    Event,
    MailOutgoing,
    MailReceived,
    MailVetted,
    RecipientResult,
    RecipientWish,
    VetVerdict,
)
from topologies.mail import ids
from topologies.outbound.split import split
from topologies.ports.directory import User

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL_ID = ids.derived_id(AT, "a sent mail")
RAW = (
    b"From: Bo <bo@shop.example>\r\nTo: zoe@shop.example\r\nSubject: lunch\r\n"
    b"Message-ID: <1@shop.example>\r\n\r\nat one?\r\n"
)


async def test_the_sender_has_a_copy_in_sent() -> None:
    directory, bo = await furnished()
    copy = sent(await split(submitted(bo), directory=directory, blobs=KeptBlobs()))
    assert (copy.user_id, copy.folder_id, copy.is_read) == (bo.user_id, "sent", True)
    assert copy.email_id == ids.email_id(MAIL_ID, bo.user_id)
    assert (copy.received_at, copy.issued_at, copy.mail_id) == (AT, AT, MAIL_ID)
    assert (copy.message.subject, copy.message.text.strip()) == ("lunch", "at one?")
    assert copy.raw_ref.size_bytes == len(RAW)


async def test_recipients_here_receive_it_like_any_mail() -> None:
    directory, bo = await furnished()
    events = await split(submitted(bo), directory=directory, blobs=KeptBlobs())
    assert received(events) == MailReceived(
        mail_id=ids.derived_id(AT, "local", MAIL_ID),
        received_at=AT,
        origin="local",
        mail_from="bo@shop.example",
        recipients=("zoe@shop.example",),
        size_bytes=len(RAW),
        raw=RAW,
        user_id=bo.user_id,
        sent_id=MAIL_ID,
    )
    assert len(events) == 2


async def test_bcc_is_in_the_envelope_and_in_the_senders_copy_alone() -> None:
    directory, bo = await furnished()
    mail = submitted(bo, "zoe@shop.example", "ida@shop.example", bcc=("ida@shop.example",))
    events = await split(mail, directory=directory, blobs=KeptBlobs())
    assert [a.address for a in sent(events).message.bcc] == ["ida@shop.example"]
    mail_for_others = received(events)
    assert mail_for_others.recipients == ("zoe@shop.example", "ida@shop.example")
    assert mail_for_others.raw
    assert b"ida" not in mail_for_others.raw


async def test_who_writes_to_themselves_has_two_copies() -> None:
    directory, bo = await furnished()
    events = await split(submitted(bo, "bo@shop.example"), directory=directory, blobs=KeptBlobs())
    copy, mail = sent(events), received(events)
    assert mail.recipients == ("bo@shop.example",)
    assert ids.email_id(mail.mail_id, bo.user_id) != copy.email_id
    assert ids.command_id("deliver", mail.mail_id, bo.user_id) != copy.command_id
    assert ids.time_of(mail.mail_id) == AT


async def test_recipients_elsewhere_get_it_by_one_outgoing_mail() -> None:
    directory, bo = await furnished()
    recipients = ("ann@elsewhere.example", "zoe@shop.example", "al@far.example")
    wishes = DeliveryWishes(
        envelope_id="e",
        recipients=tuple(RecipientWish(recipient=r, notify=("NEVER",)) for r in recipients),
    )
    mail = submitted(bo, *recipients, wishes=wishes, stream="marketing", smtputf8=True)
    events = await split(mail, directory=directory, blobs=KeptBlobs())
    [copy, local, outgoing] = events
    assert (sent(events), received(events)) == (copy, local)
    assert outgoing == MailOutgoing(
        mail_id=MAIL_ID,
        submitted_at=AT,
        user_id=bo.user_id,
        mail_from="bo@shop.example",
        recipients=("ann@elsewhere.example", "al@far.example"),
        size_bytes=len(RAW),
        raw=RAW,
        stream="marketing",
        smtputf8=True,
        wishes=DeliveryWishes(
            envelope_id="e", recipients=(wishes.recipients[0], wishes.recipients[2])
        ),
    )
    assert received(events).wishes == DeliveryWishes(
        envelope_id="e", recipients=(wishes.recipients[1],)
    )


async def test_what_is_no_address_has_failed() -> None:
    directory, bo = await furnished()
    events = await split(submitted(bo, "ann"), directory=directory, blobs=KeptBlobs())
    [_, outcome] = events
    assert isinstance(outcome, DeliveryAttempted)
    assert outcome.results == (
        RecipientResult(
            recipient="ann",
            status="failed",
            code=553,
            enhanced="5.1.3",
            text="it is no valid address",
        ),
    )


async def test_a_refused_mail_is_in_sent_alone_and_has_failed_for_everybody() -> None:
    directory, bo = await furnished()
    recipients = ("ann@far.example", "zoe@shop.example", "ida@shop.example")
    verdict = VetVerdict(result="refused", kind="virus", reason="the message holds malware (X)")
    mail = submitted(bo, *recipients, vetted=verdict)
    copy, *outcomes = await split(mail, directory=directory, blobs=KeptBlobs())
    assert isinstance(copy, Deliver)
    found = [o for o in outcomes if isinstance(o, DeliveryAttempted)]
    assert len(found) == len(outcomes)
    assert [(o.destination, [r.recipient for r in o.results]) for o in found] == [
        ("far.example", ["ann@far.example"]),
        ("shop.example", ["zoe@shop.example", "ida@shop.example"]),
    ]
    assert {(r.status, r.code, r.enhanced, r.text) for o in found for r in o.results} == {
        ("failed", 554, "5.7.1", "the message holds malware (X)")
    }
    assert {(o.user_id, o.mail_from, o.next_try_at) for o in found} == {
        (bo.user_id, "bo@shop.example", None)
    }


async def test_who_was_deleted_meanwhile_is_left_to_route() -> None:
    directory, bo = await furnished()
    events = await split(submitted(bo, "gone@shop.example"), directory=directory, blobs=KeptBlobs())
    assert received(events).recipients == ("gone@shop.example",)


async def test_a_large_mail_is_read_from_the_blob_store_and_passed_on_by_reference() -> None:
    directory, bo = await furnished()
    blobs = KeptBlobs()
    [blob] = await blobs.put([RAW])
    events = await split(submitted(bo, raw=None, raw_blob=blob), directory=directory, blobs=blobs)
    assert sent(events).message.subject == "lunch"
    assert (received(events).raw, received(events).raw_blob) == (None, blob)


async def test_a_mail_without_its_message_is_poison() -> None:
    directory, bo = await furnished()
    with pytest.raises(Poison):
        await split(submitted(bo, raw=None), directory=directory, blobs=KeptBlobs())
    with pytest.raises(BlobMissing):
        await split(
            submitted(bo, raw=None, raw_blob="0" * 64), directory=directory, blobs=KeptBlobs()
        )


async def test_a_replay_comes_to_the_same() -> None:
    directory, bo = await furnished()
    mail = submitted(bo, "zoe@shop.example", "x@elsewhere.example", bcc=("zoe@shop.example",))
    blobs = KeptBlobs()
    first = await split(mail, directory=directory, blobs=blobs)
    assert await split(mail, directory=directory, blobs=blobs) == first


# --- builders -----------------------------------------------------------------------


class KeptBlobs:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, contents: Sequence[bytes]) -> list[str]:
        blobs = [hashlib.sha256(content).hexdigest() for content in contents]
        self._kept |= zip(blobs, contents, strict=True)
        return blobs

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        content = b"".join([chunk async for chunk in chunks])
        [blob] = await self.put([content])
        return blob, len(content)

    async def get(self, blob: str) -> bytes:
        if blob not in self._kept:
            raise BlobMissing(blob)
        return self._kept[blob]

    async def stream(self, blob: str, start: int = 0, end: int | None = None) -> Any:
        yield (await self.get(blob))[start:end]

    async def size(self, blob: str) -> int:
        return len(await self.get(blob))


async def furnished() -> tuple[MemoryDirectory, User]:
    directory = MemoryDirectory(ManualClock())
    await directory.add_domain("shop.example")
    users = [await directory.add_user(f"{n}@shop.example", "secret") for n in ("bo", "zoe", "ida")]
    return directory, users[0]


def submitted(user: User, *recipients: str, **changes: Any) -> MailVetted:
    mail = MailVetted(
        mail_id=MAIL_ID,
        submitted_at=AT,
        user_id=user.user_id,
        mail_from=user.address,
        recipients=recipients or ("zoe@shop.example",),
        size_bytes=len(RAW),
        raw=RAW,
    )
    return msgspec.structs.replace(mail, **changes)


def sent(events: Sequence[Event]) -> Deliver:
    [copy] = [event for event in events if isinstance(event, Deliver)]
    return copy


def received(events: Sequence[Event]) -> MailReceived:
    [mail] = [event for event in events if isinstance(event, MailReceived)]
    return mail
