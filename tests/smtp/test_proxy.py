"""Behind a proxy the client is who the proxy says; nobody else is believed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in.proxy import FIXED_BYTES, SIGNATURE, NotProxied, client_of, read_fixed
from tests.smtp.house import TO_BO, House, Talk, a_house, mail_id_in, proxy_header
from topologies.errors import Misconfigured

OURS = {"proxy_networks": ["127.0.0.0/8", "::1"]}


@pytest.mark.parametrize("client_ip", ["192.0.2.7", "2001:db8::7", "10.0.0.1"])
async def test_the_event_names_the_client(client_ip: str) -> None:
    async with a_house(**OURS) as house, house.talk(client_ip=client_ip) as talk:
        mail_id_in(await talk.send(b""))
        assert [mail.client_ip for mail in house.log.mails] == [client_ip]


async def test_an_ipv4_address_in_ipv6_is_one_of_ipv4() -> None:
    async with a_house(**OURS) as house, house.talk(client_ip="::ffff:192.0.2.7") as talk:
        await talk.send(b"")
        assert [mail.client_ip for mail in house.log.mails] == ["192.0.2.7"]


async def test_a_proxy_that_looks_whether_we_live_is_itself() -> None:
    async with a_house(**OURS) as house, house.talk(greets=False) as talk:
        await talk.put(SIGNATURE + b"\x20\x00\x00\x03abc")
        assert (await talk.reply())[:3] == "220"
        await talk.say("EHLO client.example")
        await talk.send(b"")
        assert [mail.client_ip for mail in house.log.mails] == ["127.0.0.1"]


async def test_a_header_may_come_in_pieces_and_with_commands_behind_it() -> None:
    said = proxy_header("192.0.2.7") + b"EHLO client.example\r\nNOOP\r\n"
    async with a_house(**OURS) as house, house.talk(greets=False) as talk:
        for at in range(0, len(said), 5):
            await talk.put(said[at : at + 5])
            await asyncio.sleep(0)
        assert [(await talk.reply())[:3] for _ in range(3)] == ["220", "250", "250"]


@pytest.mark.parametrize(
    "said",
    [
        b"EHLO client.example\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\n",
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x31\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(12),
    ],
)
async def test_a_proxy_that_names_nobody_is_hung_up_on(said: bytes) -> None:
    async with a_house(**OURS) as house, house.talk(greets=False) as talk:
        await talk.put(said)
        assert await heard(talk) == ""
        assert house.log.mails == []


async def test_who_is_no_proxy_of_ours_is_not_believed() -> None:
    for settings in ({}, {"proxy_networks": ["192.0.2.1"]}):
        async with a_house(**settings) as house, house.talk(greets=False) as talk:
            await talk.put(proxy_header("198.51.100.9") + b"EHLO client.example\r\n")
            assert [line[:3] for line in (await heard(talk)).splitlines()] == ["220", "500", "421"]


async def test_who_is_no_proxy_is_served_beside_them() -> None:
    async with a_house(proxy_networks=["192.0.2.1"]) as house, house.talk() as talk:
        mail_id_in(await talk.send(b""))
        assert [mail.client_ip for mail in house.log.mails] == ["127.0.0.1"]


async def test_a_proxy_that_says_nothing_does_not_keep_the_service_from_stopping() -> None:
    async with a_house(**OURS) as house, house.talk(greets=False), asyncio.timeout(5):
        await house.smtp.close()


async def test_our_own_mail_server_needs_no_proxy() -> None:
    async with a_house(**OURS) as house, house.talk(lmtp=True) as talk:
        assert (await talk.say(TO_BO))[:3] == "503"


async def test_many_clients_are_brought_at_once() -> None:
    async with a_house(**OURS) as house:
        replies = await asyncio.gather(*(one(house, f"192.0.2.{n}") for n in range(100)))
        assert len({mail_id_in(reply) for reply in replies}) == 100
        assert {mail.client_ip for mail in house.log.mails} == {f"192.0.2.{n}" for n in range(100)}


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(Misconfigured, match="RILLMAIL_PROXY_NETWORKS"):
        asyncio.run(opened("proxy_networks"))
    with pytest.raises(Misconfigured, match="RILLMAIL_TRUSTED_NETWORKS"):
        asyncio.run(opened("trusted_networks"))


@given(st.binary(max_size=40))
def test_no_bytes_break_it(data: bytes) -> None:
    for said in (data, SIGNATURE + data):
        try:
            fixed = read_fixed(said[:FIXED_BYTES])
            client_of(fixed, said[FIXED_BYTES : FIXED_BYTES + fixed.rest_bytes])
        except NotProxied:
            continue


async def one(house: House, client_ip: str) -> str:
    async with house.talk(client_ip=client_ip) as talk:
        return await talk.send(b"")


async def heard(talk: Talk) -> str:
    try:
        return await talk.rest()
    except ConnectionResetError:  # it hung up before it read all we said
        return ""


async def opened(setting: str) -> None:
    async with a_house(**{setting: ["far.example"]}):
        pass
