"""The sending side hands over what it was given, and tells what was not taken."""

import asyncio
import email
import email.policy
from collections import Counter
from collections.abc import Sequence

import pytest

from bench.load import dotted, hand_over
from bench.mails import BEGIN, MARK, addresses, huge, mails, message_id, rare_word
from bench.signing import record
from tests.bench.stub import Stub
from topologies.mail.dkim import verify

PEOPLE = addresses(3)


@pytest.mark.parametrize(("is_kept", "connections"), [(True, 4), (False, 30)])
def test_every_mail_arrives_as_it_was_made(is_kept: bool, connections: int) -> None:
    batch = list(mails(30, PEOPLE, 2_000))
    with Stub.serving(*PEOPLE) as stub:
        load = asyncio.run(hand_over(stub.smtp_port, batch, sessions=4, is_kept=is_kept))

    assert sorted((m.recipient, m.raw) for m in batch) == sorted(stub.received)
    assert (load.accepted, load.refused) == (30, {})
    assert connections == stub.connections


def test_what_is_refused_is_told_and_not_counted() -> None:
    with Stub.serving(*PEOPLE) as stub:
        stub.refuse_after = 5
        batch = list(mails(8, PEOPLE, 2_000))
        load = asyncio.run(hand_over(stub.smtp_port, batch, sessions=1, is_kept=True))

    assert (load.accepted, load.refused) == (5, {"452 4.3.1 full": 3})


def test_a_server_that_takes_nothing_ends_the_load() -> None:
    with Stub.serving(*PEOPLE) as stub:
        stub.refuse_after = 0
        batch = list(mails(500, PEOPLE, 1_500))
        load = asyncio.run(hand_over(stub.smtp_port, batch, sessions=5, is_kept=False))

    assert load.accepted == 0
    assert sum(load.refused.values()) < 40


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".a\r\n.\r\n..b\r\nc.\r\n", b"..a\r\n..\r\n...b\r\nc.\r\n.\r\n"),
    ],
)
def test_leading_dots_are_doubled(raw: bytes, expected: bytes) -> None:
    assert expected == dotted(raw)


def test_mail_is_the_same_at_every_run() -> None:
    assert list(mails(20, PEOPLE, 5_000)) == list(mails(20, PEOPLE, 5_000))


def test_mail_has_about_the_size_asked_for_and_the_forms_of_real_mail() -> None:
    made = list(mails(100, PEOPLE, 5_000))
    read = [email.message_from_bytes(mail.raw, policy=email.policy.default) for mail in made]

    assert all(4_300 < len(mail.raw) < 5_700 for mail in made)
    assert [message.defects for message in read if message.defects] == []
    kinds = Counter(message.get_content_type() for message in read)
    assert kinds == {"text/plain": 60, "multipart/alternative": 30, "multipart/mixed": 10}
    assert [f"<{message_id(n)}>" for n in range(100)] == [m["Message-ID"] for m in read]


def test_each_mail_holds_a_word_of_its_own_and_one_of_all() -> None:
    for mail in mails(50, PEOPLE, 3_000):
        assert MARK.encode() in mail.raw
        assert [mail.number] == [n for n in range(50) if f"{rare_word(n)}".encode() in mail.raw]


def test_a_huge_mail_stays_below_what_was_asked_for() -> None:
    raw = huge(1, PEOPLE[0], 3_000_000).raw

    assert 2_900_000 < len(raw) <= 3_000_000
    assert raw.endswith(b"\r\n")


async def test_every_second_mail_is_signed_by_who_sends_it() -> None:
    made = list(mails(10, PEOPLE, 5_000))
    verdicts = [await verify(Keys(), mail.raw, now=BEGIN) for mail in made]

    assert [[verdict.result for verdict in each] for each in verdicts] == [["pass"], []] * 5


class Keys:
    """A DNS that knows the key, and nothing else."""

    async def txt(self, name: str) -> Sequence[str]:
        return [record()] if name == "made-up._domainkey.news.example" else []

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        return []

    async def mx(self, name: str) -> Sequence[tuple[int, str]]:
        return []

    async def ptr(self, address: str) -> Sequence[str]:
        return []
