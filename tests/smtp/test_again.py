"""Whoever got no answer comes again, with what is there already (RFC 1047)."""

from datetime import datetime, timedelta

import pytest

from connectors.smtp_in.again import AGAIN_WITHIN_S
from tests.smtp.house import FROM_ANN, TO_BO, House, a_house, mail_id_in
from topologies.errors import Retryable
from topologies.events import RAW_INLINE_BYTES

RAW = b"Message-ID: <1@far.example>\r\nSubject: Hi\r\n\r\nHello\r\n"
LARGE = RAW + b"and so on\r\n" * (RAW_INLINE_BYTES // 10)
TO_IDA = "RCPT TO:<ida@shop.example>"


async def offered(house: House, raw: bytes, *commands: str, client_ip: str = "") -> str:
    async with house.talk(client_ip=client_ip) as talk:
        return await talk.send(raw, *commands)


@pytest.mark.parametrize("raw", [RAW, LARGE], ids=["small", "large"])
async def test_a_mail_that_comes_again_is_the_one_that_it_was(raw: bytes) -> None:
    async with a_house() as house:
        first = await offered(house, raw)
        house.clock.move(timedelta(minutes=30))
        assert await offered(house, raw) == first
        one, other = house.log.mails
        assert (one, one.own_id) == (other, one.mail_id)


async def test_what_was_put_off_and_kept_all_the_same_is_the_same_when_it_comes_again() -> None:
    async with a_house() as house:
        house.log.error, house.log.keeps = Retryable("no answer"), True
        assert (await offered(house, RAW))[:9] == "451 4.3.0"
        house.log.error = None
        house.clock.move(timedelta(minutes=5))
        await offered(house, RAW)
        one, other = house.log.mails
        assert one == other


@pytest.mark.parametrize(
    ("raw", "commands"),
    [
        pytest.param(RAW + b"\r\n", (FROM_ANN, TO_BO), id="another content"),
        pytest.param(RAW, (FROM_ANN, TO_IDA), id="another recipient"),
        pytest.param(RAW, (FROM_ANN, TO_BO, TO_IDA), id="one more recipient"),
        pytest.param(RAW, ("MAIL FROM:<abe@far.example>", TO_BO), id="another sender"),
    ],
)
async def test_what_differs_is_another_mail(raw: bytes, commands: tuple[str, ...]) -> None:
    async with a_house() as house:
        first = await offered(house, RAW, FROM_ANN, TO_BO)
        assert mail_id_in(await offered(house, raw, *commands)) != mail_id_in(first)


async def test_who_comes_again_is_known_by_the_network() -> None:
    async with a_house(proxy_networks=["127.0.0.1"]) as house:
        ids = [
            mail_id_in(await offered(house, RAW, client_ip=client_ip))
            for client_ip in ("198.51.100.1", "198.51.100.77", "203.0.113.1")
        ]
        assert ids[0] == ids[1] != ids[2]


async def test_a_mail_without_a_message_id_is_a_new_one_each_time() -> None:
    raw = b"Subject: Hi\r\n\r\nMessage-ID: <1@far.example>\r\n"
    async with a_house() as house:
        ids = [mail_id_in(await offered(house, raw)) for _ in range(2)]
        assert ids[0] != ids[1]
        assert len(house.log.mails) == 2


async def test_who_comes_hours_later_brings_another_mail() -> None:
    async with a_house() as house:
        first = await offered(house, RAW)
        house.clock.move(timedelta(seconds=AGAIN_WITHIN_S + 1))
        assert await offered(house, RAW) != first
        assert house.log.mails[-1].received_at == house.clock.now()


async def test_while_nobody_remembers_mail_is_taken_as_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_house() as house:

        async def see(key: str, kept_s: float) -> datetime:
            raise Retryable(f"nobody remembers {key} for {kept_s}")

        monkeypatch.setattr(house.seen, "see", see)
        ids = [mail_id_in(await offered(house, RAW)) for _ in range(2)]
        assert ids[0] != ids[1]
