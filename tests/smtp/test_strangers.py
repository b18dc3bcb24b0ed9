"""What the checks mean for a client on the wire; how the patience with one ends."""

import asyncio
from datetime import timedelta
from time import monotonic

import pytest

from connectors.memory.dns import MemoryDns, Records
from connectors.smtp_in.message import Pace, TooSlow
from connectors.smtp_in.wire import Wire
from tests.smtp.house import FROM_ANN, TO_BO, a_house, mail_id_in
from topologies.errors import Retryable
from topologies.events.summary import DmarcSeen

BROUGHT = {"proxy_networks": ["127.0.0.1"]}
STRANGER = "192.0.2.7"
IDA = "RCPT TO:<ida@shop.example>"


async def test_too_many_mails_of_a_client_are_put_off() -> None:
    async with a_house(client_mails_per_hour=2, **BROUGHT) as house:
        for reply in ("250", "250", "451"):
            async with house.talk(client_ip=STRANGER) as talk:
                await talk.say(FROM_ANN, "RCPT TO:<nobody@shop.example>")  # counts for nothing
                assert (await talk.say(TO_BO))[:3] == reply
                if reply == "250":
                    assert (await talk.say(IDA))[:3] == "250"
        house.clock.move(timedelta(hours=2))
        async with house.talk(client_ip=STRANGER) as talk:
            mail_id_in(await talk.send(b""))


async def test_a_listed_client_reaches_postmaster_alone() -> None:
    zones: dict[str, Records] = {"7.2.0.192.block.example": {"A": ["127.0.0.2"]}}
    lists = {"dns_block_lists": ["block.example"]}
    async with a_house(dns=MemoryDns(zones), **lists, **BROUGHT) as house:
        await house.directory.add_user("root@shop.example", "secret", is_admin=True)
        async with house.talk(client_ip=STRANGER) as talk:
            assert (await talk.say(FROM_ANN, TO_BO))[:9] == "550 5.7.1"
            assert (await talk.say("RCPT TO:<nobody@shop.example>"))[:9] == "550 5.1.1"
            assert (await talk.say("RCPT TO:<postmaster@shop.example>"))[:9] == "250 2.1.5"
        async with house.talk(client_ip="198.51.100.1") as talk:
            mail_id_in(await talk.send(b""))


async def test_a_greylisted_client_is_let_in_later() -> None:
    async with a_house(greylist=True, **BROUGHT) as house, house.talk(client_ip=STRANGER) as talk:
        assert (await talk.say(FROM_ANN, TO_BO))[:9] == "451 4.7.1"
        assert (await talk.say("DATA"))[:9] == "451 4.5.1"  # not for good
        await talk.say("RSET")
        house.clock.move(timedelta(minutes=5))
        mail_id_in(await talk.send(b"", FROM_ANN, TO_BO, IDA))


async def test_what_dmarc_refuses_is_read_to_its_end_and_refused() -> None:
    zones: dict[str, Records] = {"_dmarc.far.example": {"TXT": ["v=DMARC1; p=reject"]}}
    forged = b"From: ann@far.example\r\n\r\n" + b"x" * 200_000 + b"\r\n"
    settings = {"refuse_by_dmarc": True} | BROUGHT
    async with (
        a_house(dns=MemoryDns(zones), **settings) as house,
        house.talk(client_ip=STRANGER) as talk,
    ):
        assert (await talk.send(forged))[:9] == "550 5.7.1"
        mail_id_in(await talk.send(b"From: ann@honest.example\r\n\r\n"))
        assert len(house.log.mails) == 1


async def test_who_asks_for_reports_is_told_and_the_refusal_does_not_hang_on_it() -> None:
    policy = "v=DMARC1; p=reject; rua=mailto:dmarc@far.example"
    zones: dict[str, Records] = {"_dmarc.far.example": {"TXT": [policy]}}
    forged = b"From: ann@far.example\r\n\r\n"
    settings = {"refuse_by_dmarc": True, "dmarc_reports": True} | BROUGHT
    async with (
        a_house(dns=MemoryDns(zones), **settings) as house,
        house.talk(client_ip=STRANGER) as talk,
    ):
        assert (await talk.send(forged))[:9] == "550 5.7.1"
        [told] = house.log.events
        assert isinstance(told, DmarcSeen)
        assert (told.domain, told.fact.source) == ("far.example", STRANGER)
        house.log.error = Retryable("the log is away")
        assert (await talk.send(forged))[:9] == "550 5.7.1"


async def test_trusted_clients_are_let_in_by_all() -> None:
    strict = {"greylist": True, "client_mails_per_hour": 1, "trusted_networks": ["192.0.2.0/24"]}
    async with a_house(**strict, **BROUGHT) as house:
        for _ in range(3):
            async with house.talk(client_ip=STRANGER) as talk:
                mail_id_in(await talk.send(b"", "MAIL FROM:<>", TO_BO, IDA))


async def test_names_stand_in_the_event() -> None:
    zones: dict[str, Records] = {
        "7.2.0.192.in-addr.arpa": {"PTR": ["out.far.example"]},
        "out.far.example": {"A": [STRANGER]},
    }
    async with a_house(dns=MemoryDns(zones), name_lookups=True, **BROUGHT) as house:
        for helo in ("out.far.example", "localhost"):
            async with house.talk(client_ip=STRANGER) as talk:
                await talk.say(f"EHLO {helo}")
                await talk.send(b"")
        told = [(mail.client_name, mail.helo_verdict) for mail in house.log.mails]
        assert told == [("out.far.example", "proved"), ("out.far.example", "malformed")]


async def test_a_bounce_for_several_goes_to_one_unless_our_own_server_brings_it() -> None:
    async with a_house() as house:
        async with house.talk() as talk:
            assert (await talk.say("MAIL FROM:<>", TO_BO, IDA))[:9] == "550 5.5.3"
        async with house.talk(lmtp=True) as talk:
            assert (await talk.say("MAIL FROM:<>", TO_BO, IDA))[:9] == "250 2.1.5"


# --- patience -----------------------------------------------------------------------------


async def test_errors_make_a_stranger_wait_longer_each_time() -> None:
    async with a_house(tarpit_s=0.03) as house, house.talk() as talk:
        waits: list[float] = []
        for _ in range(12):
            began_at = monotonic()
            await talk.say("RCPT TO:<nobody@shop.example>", "NOOP")
            waits.append(monotonic() - began_at)
        assert sum(waits[5:]) >= 0.03 * sum(range(1, 8))
        assert min(waits[8:]) > 0.08


async def test_a_mail_ends_the_waiting() -> None:
    async with a_house(tarpit_s=60) as house, house.talk() as talk:
        await talk.say(*["RCPT TO:<nobody@shop.example>"] * 5)
        mail_id_in(await talk.send(b""))
        async with asyncio.timeout(5):
            await talk.say(*["RCPT TO:<nobody@shop.example>"] * 5, "NOOP")


async def test_our_own_mail_server_does_not_wait() -> None:
    async with a_house(tarpit_s=60) as house, house.talk(lmtp=True) as talk:
        async with asyncio.timeout(5):
            await talk.say(*["RCPT TO:<nobody@shop.example>"] * 15, "NOOP")


async def test_who_waits_does_not_keep_the_service_from_stopping() -> None:
    async with a_house(tarpit_s=60) as house, house.talk() as talk:
        await talk.put(b"RCPT TO:<nobody@shop.example>\r\n" * 7)
        for _ in range(6):
            await talk.reply()
        await house.smtp.close()
        assert (await talk.reply())[:9] == "421 4.3.2"


async def test_a_session_brings_so_many_mails() -> None:
    async with a_house(max_session_mails=2) as house, house.talk() as talk:
        for _ in range(2):
            mail_id_in(await talk.send(b""))
        assert (await talk.say(FROM_ANN))[:9] == "421 4.7.0"
        assert await talk.reply() == ""


async def test_who_brings_nothing_is_sent_away() -> None:
    async with a_house() as house, house.talk() as talk:
        for _ in range(100):
            assert (await talk.say(FROM_ANN, "RSET"))[:3] == "250"
        assert (await talk.say(FROM_ANN))[:9] == "421 4.7.0"
        assert await talk.reply() == ""


async def test_a_message_that_drips_is_cut_off_and_one_that_flows_is_not() -> None:
    wire = Wire(asyncio.StreamReader(), None, lambda: None)  # type: ignore[arg-type]
    pace = Pace(wire, 50)
    for _ in range(59):
        wire.waited_s += 1
        pace.add(1)
    wire.waited_s += 1
    with pytest.raises(TooSlow):
        pace.add(1)
    flowing = Pace(wire, 50)
    for _ in range(600):
        wire.waited_s += 1
        flowing.add(51)
    anyhow = Pace(wire, 0)
    wire.waited_s += 3_600
    anyhow.add(1)
