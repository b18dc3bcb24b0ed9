"""sign: what goes out is complete, signed by our keys, and split by destination."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import dkim
import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.dns import MemoryDns
from connectors.memory.url_key import MemoryUrlKey
from topologies.errors import Poison
from topologies.events import DeliveryDue, DeliveryWishes, MailOutgoing, RecipientWish
from topologies.mail import dkim as ours
from topologies.mail import dkim_private, ids, verp
from topologies.outbound.sign import sign
from topologies.ports.dkim_keys import Algorithm, DkimKey
from topologies.ports.policy import SignPolicy

AT = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
MAIL_ID = ids.derived_id(AT, "a mail that goes out")
URL_KEY = MemoryUrlKey()
POLICY = SignPolicy(hostname="mx.shop.example")
RAW = (
    b"From: Bo <bo@shop.example>\r\nTo: zoe@far.example\r\nSubject: lunch\r\n"
    b"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n\r\nat one?\r\n"
)
ALGORITHMS: tuple[Algorithm, ...] = ("ed25519-sha256", "rsa-sha256")


async def test_another_implementation_proves_both_signatures() -> None:
    keys = await furnished()
    [due] = await deliveries(outgoing(), keys)
    assert due.raw is not None
    assert due.raw.count(b"DKIM-Signature:") == 2
    for index in (0, 1):
        assert dkim.DKIM(due.raw).verify(index, dnsfunc=await told_by(keys))
        with pytest.raises(dkim.ValidationError):
            dkim.DKIM(due.raw + b"x\r\n").verify(index, dnsfunc=await told_by(keys))


async def test_what_was_added_by_others_later_breaks_them() -> None:
    keys = await furnished()
    [due] = await deliveries(outgoing(), keys)
    assert due.raw is not None
    for added in (b"From: eve@evil.example\r\n", b"Reply-To: eve@evil.example\r\n"):
        verdicts = await verified(added + due.raw, keys)
        assert [each.result for each in verdicts] == ["fail", "fail"]


async def test_our_own_check_proves_them_too() -> None:
    keys = await furnished()
    [due] = await deliveries(outgoing(), keys)
    assert [(v.result, v.domain, v.reason) for v in await verified(due.raw or b"", keys)] == [
        ("pass", "shop.example", ""),
        ("pass", "shop.example", ""),
    ]


async def test_each_destination_has_a_delivery_of_its_own() -> None:
    mail = outgoing(
        recipients=("zoe@far.example", "ida@bücher.example", "al@FAR.example", "x@[192.0.2.1]"),
        wishes=DeliveryWishes(
            envelope_id="e",
            recipients=(RecipientWish(recipient="al@FAR.example", notify=("NEVER",)),),
        ),
    )
    due = await deliveries(mail, await furnished())
    assert [(d.destination, d.recipients) for d in due] == [
        ("[192.0.2.1]", ("x@[192.0.2.1]",)),
        ("far.example", ("zoe@far.example", "al@FAR.example")),
        ("xn--bcher-kva.example", ("ida@bücher.example",)),
    ]
    assert len({d.delivery_id for d in due}) == 3
    assert len({d.raw for d in due}) == 1
    assert [len(d.wishes.recipients) if d.wishes else None for d in due] == [0, 1, 0]
    assert {(d.attempt, d.due_at, d.kind, d.mail_id) for d in due} == {(1, AT, "sent", MAIL_ID)}


async def test_bounces_of_a_stream_with_paths_of_its_own_are_told_apart_by_recipient() -> None:
    mail = outgoing(
        recipients=("zoe@far.example", "ida@third.example", "al@far.example"),
        stream="transactional",
    )
    due = await deliveries(mail, await furnished())
    assert [d.recipients for d in due] == [
        ("zoe@far.example",),
        ("al@far.example",),
        ("ida@third.example",),
    ]
    key = verp.key_of(await URL_KEY.get())
    for each in due:
        local, _, domain = each.return_path.rpartition("@")
        assert (each.mail_from, domain) == ("bo@shop.example", "shop.example")
        assert verp.delivery_of(local, key, AT) == each.delivery_id
    assert await deliveries(mail, await furnished()) == due


async def test_a_delivery_to_one_recipient_is_called_the_same_with_a_path_of_its_own() -> None:
    [usual] = await deliveries(outgoing(), await furnished())
    [apart] = await deliveries(outgoing(stream="marketing"), await furnished())
    assert (usual.return_path, bool(apart.return_path)) == ("", True)
    assert usual.delivery_id == apart.delivery_id


@pytest.mark.parametrize(
    "changes", [{"kind": "report"}, {"kind": "forwarded", "sign": False}, {"mail_from": ""}]
)
async def test_what_no_user_sent_has_no_path_of_its_own(changes: dict[str, Any]) -> None:
    [due] = await deliveries(outgoing(stream="transactional", **changes), await furnished())
    assert due.return_path == ""


async def test_the_trace_says_when_and_by_whom_and_not_from_where() -> None:
    [due] = await deliveries(outgoing(), await furnished())
    received = re.search(rb"^Received: (.*?)\r\n(?=\S)", due.raw or b"", re.MULTILINE | re.DOTALL)
    assert received is not None
    assert re.sub(rb"\s+", b" ", received[1]).decode() == (
        f"by mx.shop.example id {MAIL_ID}; Sun, 01 Mar 2026 12:00:00 +0000"
    )


async def test_a_missing_date_and_id_are_added_and_signed() -> None:
    keys = await furnished()
    raw = b"From: bo@shop.example\r\nDate: \r\n\r\nhi\r\n"
    [due] = await deliveries(outgoing(raw=raw), keys)
    assert due.raw is not None
    assert f"Message-ID: <{MAIL_ID}@shop.example>\r\n".encode() in due.raw
    assert b"\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\n" in due.raw
    assert due.raw.endswith(raw)
    assert [each.result for each in await verified(due.raw, keys)] == ["pass", "pass"]


async def test_what_is_forwarded_stays_as_it_is_below_the_trace() -> None:
    raw = b"From: ann@far.example\r\n\r\nhi\r\n"
    [due] = await deliveries(outgoing(raw=raw, kind="forwarded", sign=False), await furnished())
    assert (due.raw or b"").startswith(b"Received: ")
    assert (due.raw or b"").partition(b"From: ")[0].count(b"\r\nD") == 0
    assert b"Message-ID" not in (due.raw or b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: ann@far.example\r\n\r\nnot ours\r\n",
        b"From: bo@shop.example, ann@far.example\r\n\r\nof two domains\r\n",
        b"From: bo@shop.example\r\nFrom: bo@shop.example\r\n\r\ntwice\r\n",
        b"Subject: nobody\r\n\r\n",
        b"\r\nno header\r\n",
    ],
)
async def test_what_is_not_in_the_name_of_one_of_our_domains_is_not_signed(raw: bytes) -> None:
    [due] = await deliveries(outgoing(raw=raw), await furnished())
    assert b"DKIM-Signature" not in (due.raw or b"")
    assert (due.raw or b"").endswith(raw)


async def test_the_name_of_a_host_below_a_domain_is_signed_by_that_domain() -> None:
    keys = await furnished()
    raw = b"From: MAILER-DAEMON@mx.shop.example\r\n\r\nhi\r\n"
    [due] = await deliveries(outgoing(raw=raw), keys)
    assert [(v.result, v.domain) for v in await verified(due.raw or b"", keys)] == [
        ("pass", "shop.example")
    ] * 2


async def test_keys_sign_in_their_time_alone() -> None:
    keys = MemoryDkimKeys()
    for selector, begins, ends in (("old", -9, 0), ("now", 0, None), ("next", 1, None)):
        await keys.add(key("ed25519-sha256", selector, AT + begins * DAY, ends, AT))
    [due] = await deliveries(outgoing(), keys)
    assert re.findall(rb"s=(\w+);", due.raw or b"") == [b"now"]


async def test_a_large_message_lies_in_the_blob_store_once() -> None:
    keys, blobs = await furnished(), MemoryBlobs()
    raw = RAW + b"y" * 70 * 1024 + b"\r\n"
    mail = outgoing(recipients=("zoe@far.example", "ida@other.example"), raw=raw)
    first, second = await deliveries(mail, keys, blobs)
    assert (first.raw, second.raw) == (None, None)
    assert first.raw_blob is not None
    assert first.raw_blob == second.raw_blob
    whole = await blobs.get(first.raw_blob)
    assert (whole.endswith(raw), first.size_bytes) == (True, len(whole))
    assert [each.result for each in await verified(whole, keys)] == ["pass", "pass"]


async def test_many_copies_of_a_small_message_are_one_blob() -> None:
    recipients = tuple(f"zoe@far{n}.example" for n in range(50))
    mail = outgoing(recipients=recipients, raw=RAW + b"y" * 8_000)
    due = await deliveries(mail, await furnished())
    assert len({d.raw_blob for d in due}) == 1
    assert all(d.raw is None and d.raw_blob for d in due)


async def test_a_replay_comes_to_the_same() -> None:
    keys, blobs = await furnished(), MemoryBlobs()
    mail = outgoing(recipients=("zoe@far.example", "ida@other.example"))
    assert await deliveries(mail, keys, blobs) == await deliveries(mail, keys, blobs)


async def test_what_can_not_be_delivered_is_poison() -> None:
    with pytest.raises(Poison, match="no message"):
        await deliveries(outgoing(raw=None), await furnished())
    with pytest.raises(Poison, match="no address"):
        await deliveries(outgoing(recipients=("zoe",)), await furnished())


# --- builders -----------------------------------------------------------------------

DAY = timedelta(days=1)


def outgoing(**changes: Any) -> MailOutgoing:
    mail = MailOutgoing(
        mail_id=MAIL_ID,
        submitted_at=AT,
        user_id="user-1",
        mail_from="bo@shop.example",
        recipients=("zoe@far.example",),
        size_bytes=len(RAW),
        raw=RAW,
    )
    return msgspec.structs.replace(mail, **changes)


async def deliveries(
    mail: MailOutgoing, keys: MemoryDkimKeys, blobs: MemoryBlobs | None = None
) -> list[DeliveryDue]:
    events = await sign(
        mail, keys=keys, blobs=blobs or MemoryBlobs(), url_key=URL_KEY, policy=POLICY
    )
    return [event for event in events if isinstance(event, DeliveryDue)]


@cache
def made(algorithm: Algorithm) -> str:
    return dkim_private.make(algorithm)


def key(
    algorithm: Algorithm,
    selector: str,
    begins: datetime = AT,
    ends: int | None = None,
    at: datetime = AT,
) -> DkimKey:
    return DkimKey(
        domain="shop.example",
        selector=selector,
        algorithm=algorithm,
        private_key=made(algorithm),
        created_at=AT,
        signs_from=begins,
        signs_until=None if ends is None else at + ends * DAY,
    )


async def furnished() -> MemoryDkimKeys:
    keys = MemoryDkimKeys()
    for algorithm, selector in zip(ALGORITHMS, ("ed", "rsa"), strict=True):
        await keys.add(key(algorithm, selector))
    return keys


async def records(keys: MemoryDkimKeys) -> dict[str, str]:
    return {
        f"{each.selector}._domainkey.{each.domain}": dkim_private.parse(each.private_key).record()
        for each in await keys.keys("shop.example")
    }


async def told_by(keys: MemoryDkimKeys) -> Callable[..., bytes]:
    known = await records(keys)

    def txt(name: bytes, timeout: int = 5) -> bytes:
        return known[name.decode().rstrip(".")].encode()

    return txt


async def verified(raw: bytes, keys: MemoryDkimKeys) -> tuple[Any, ...]:
    zones = {name: {"TXT": [text]} for name, text in (await records(keys)).items()}
    return await ours.verify(MemoryDns(zones), raw, now=AT)
