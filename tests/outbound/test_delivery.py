"""Handing mail over by SMTP: each recipient has the answer that the peer gave, whatever it does."""

import asyncio

import pytest

from tests.outbound.house import FAR, RAW, ZONES, delivered, due, reading, relaying
from tests.outbound.peer import DROP, FEATURES, GARBAGE, SILENT, Peer, listening
from topologies.errors import Misconfigured
from topologies.events import DeliveryWishes, RecipientWish
from topologies.ports.relay import PutOff

WITHOUT_PIPELINING = tuple(name for name in FEATURES if name != "PIPELINING")


@pytest.mark.parametrize("features", [FEATURES, WITHOUT_PIPELINING, ()])
async def test_a_mail_reaches_each_recipient_as_it_is(features: tuple[str, ...]) -> None:
    raw = RAW + b".\r\n..\r\n.dot\r\n" + b"x" * 300_000 + b"\r\n"
    async with listening(Peer(features=features)) as peer, relaying(peer) as relay:
        results = await delivered(relay, due("bo", "cy"), raw)
        assert [(r.recipient, r.status, r.code, r.enhanced, r.text) for r in results] == [
            (f"bo@{FAR}", "delivered", 250, "2.0.0", "taken"),
            (f"cy@{FAR}", "delivered", 250, "2.0.0", "taken"),
        ]
        assert {r.host for r in results} == {f"mx.{FAR} [127.0.0.1]"}
        [taken] = peer.taken
        assert taken.data.replace(b"\r\n..", b"\r\n.") == raw
        assert len(taken.recipients) == 2


@pytest.mark.parametrize("features", [FEATURES, WITHOUT_PIPELINING])
async def test_each_recipient_has_an_answer_of_its_own(features: tuple[str, ...]) -> None:
    answers = {
        f"RCPT TO:<no@{FAR}>": "550 5.1.1 nobody here",
        f"RCPT TO:<full@{FAR}>": "452-4.2.2 the mailbox\r\n452 4.2.2 is full",
        f"RCPT TO:<odd@{FAR}>": "599 go away",
    }
    async with listening(Peer(answers, features)) as peer, relaying(peer) as relay:
        results = await delivered(relay, due("no", "bo", "full", "odd"))
        assert [(r.status, r.code, r.enhanced, r.text) for r in results] == [
            ("failed", 550, "5.1.1", "nobody here"),
            ("delivered", 250, "2.0.0", "taken"),
            ("deferred", 452, "4.2.2", "the mailbox is full"),
            ("failed", 599, "5.0.0", "go away"),
        ]
        assert len(peer.taken) == 1


@pytest.mark.parametrize("features", [FEATURES, WITHOUT_PIPELINING])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(
    ("answer", "status", "enhanced"),
    [
        ("451 4.7.1 greylisted", "deferred", "4.7.1"),
        ("421 closing", "deferred", "4.0.0"),
        ("554 5.7.1 spam", "failed", "5.7.1"),
        ("550 4.7.1 their codes differ", "failed", "5.0.0"),
    ],
)
async def test_a_no_counts_wherever_it_is_said(
    features: tuple[str, ...], step: str, answer: str, status: str, enhanced: str
) -> None:
    async with listening(Peer({step: answer}, features)) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        code = int(answer[:3])
        assert (result.status, result.enhanced, result.code) == (status, enhanced, code)
        assert peer.taken == []


@pytest.mark.parametrize("features", [FEATURES, WITHOUT_PIPELINING])
@pytest.mark.parametrize("answer", [DROP, SILENT, GARBAGE])
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BLOCK", "END"])
async def test_a_peer_that_breaks_off_defers_and_never_fails(
    features: tuple[str, ...], step: str, answer: str
) -> None:
    peer = Peer({step: answer}, features)
    async with listening(peer), relaying(peer, delivery_timeout_s=0.2) as relay:
        [result] = await delivered(relay, due(), RAW + b"x" * 10_000 + b"\r\n")
        assert (result.status, result.code, result.enhanced[:3]) == ("deferred", 0, "4.4")
        assert result.text
        assert result.host == f"mx.{FAR} [127.0.0.1]"


@pytest.mark.parametrize(
    "answer",
    [
        "250-" + "x" * 5_000,
        "\r\n".join("250-more" for _ in range(300)),
        "\r\n".join("250 unasked" for _ in range(3_000)),
    ],
)
async def test_an_answer_without_end_is_held_in_bounds(answer: str) -> None:
    async with listening(Peer({"MAIL": answer})) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert result.status == "deferred"


async def test_who_knows_no_ehlo_is_greeted_the_old_way() -> None:
    async with listening(Peer({"EHLO": "502 what?"})) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert result.status == "delivered"
        assert peer.lines[:3] == [
            "EHLO mail.shop.example",
            "HELO mail.shop.example",
            "MAIL FROM:<ann@shop.example>",
        ]


async def test_bounces_go_to_a_path_of_its_own_if_there_is_one() -> None:
    async with listening(Peer()) as peer, relaying(peer) as relay:
        await delivered(relay, due(return_path="bounces+x@shop.example"))
        assert peer.taken[-1].mail.startswith("MAIL FROM:<bounces+x@shop.example>")


async def test_a_host_that_was_chosen_takes_a_mail_in_place_of_its_own() -> None:
    zones = {**ZONES, "smart.example": {"A": ["127.0.0.1"]}}
    async with (
        listening(Peer()) as own,
        listening(Peer()) as other,
        relaying(own, zones=zones) as relay,
    ):
        for via in (f"127.0.0.1:{other.port}", f"smart.example:{other.port}"):
            results = await relay.deliver(due(delivery_id=via), reading(), via=via)
            assert not isinstance(results, PutOff)
            assert [each.status for each in results] == ["delivered"]
        await relay.deliver(due(), reading())
        assert (len(own.taken), len(other.taken)) == (1, 2)


async def test_a_chosen_host_that_is_not_there_defers_and_no_other_is_asked() -> None:
    async with listening(Peer()) as own, relaying(own) as relay:
        results = await relay.deliver(due(), reading(), via="nowhere.example:25")
        assert not isinstance(results, PutOff)
        [result] = results
        assert (result.status, result.enhanced) == ("deferred", "4.4.4")
        assert own.taken == []


async def test_a_session_is_used_again_and_ends_with_quit() -> None:
    async with listening(Peer()) as peer:
        async with relaying(peer) as relay:
            for number in range(5):
                [result] = await delivered(relay, due(delivery_id=f"{number}"))
                assert result.status == "delivered"
        assert (peer.connections, len(peer.taken)) == (1, 5)
        assert peer.lines[-1] == "QUIT"


async def test_a_session_has_as_many_mails_as_it_may() -> None:
    async with listening(Peer()) as peer, relaying(peer, delivery_session_mails=2) as relay:
        for number in range(5):
            await delivered(relay, due(delivery_id=f"{number}"))
        assert (peer.connections, len(peer.taken)) == (3, 5)


@pytest.mark.parametrize("second", [DROP, "421 4.3.0 no more"])
async def test_a_kept_session_that_ended_costs_no_attempt(second: str) -> None:
    answers = {"MAIL": ["250 fine", second, "250 fine"]}
    async with listening(Peer(answers)) as peer, relaying(peer) as relay:
        for number in range(3):
            [result] = await delivered(relay, due(delivery_id=f"{number}"))
            assert result.status == "delivered"
        assert peer.connections == 2


async def test_after_a_no_the_session_goes_on_with_the_next_mail() -> None:
    answers = {"RCPT": ["550 5.1.1 nobody", "250 fine"]}
    async with listening(Peer(answers)) as peer, relaying(peer) as relay:
        [first] = await delivered(relay, due(delivery_id="1"))
        [second] = await delivered(relay, due(delivery_id="2"))
        assert (first.status, second.status, peer.connections) == ("failed", "delivered", 1)


async def test_a_peer_that_takes_few_recipients_at_once_gets_the_others_next() -> None:
    answers = {f"RCPT TO:<c@{FAR}>": ["452 4.5.3 too many", "250 fine"]}
    async with listening(Peer(answers)) as peer, relaying(peer) as relay:
        results = await delivered(relay, due("a", "b", "c"))
        assert [r.status for r in results] == ["delivered"] * 3
        assert [len(taken.recipients) for taken in peer.taken] == [2, 1]


async def test_the_next_host_is_asked_when_one_is_not_there() -> None:
    zones = {
        FAR: {"MX": [(10, "dead.example"), (20, "full.example"), (30, f"mx.{FAR}")]},
        "dead.example": {"A": ["127.0.0.2"]},
        "full.example": {"A": ["127.0.0.3"]},
        f"mx.{FAR}": {"A": ["127.0.0.1"]},
    }
    full = Peer({"GREETING": "554 5.3.2 no service here"})
    async with (
        listening(Peer()) as peer,
        listening(full, "127.0.0.3", peer.port),
        relaying(peer, zones=zones) as relay,
    ):
        [result] = await delivered(relay, due())
        assert (result.status, result.host) == ("delivered", f"mx.{FAR} [127.0.0.1]")
        assert full.connections == 1


async def test_a_no_of_the_first_host_is_not_asked_again_at_the_next() -> None:
    zones = {
        FAR: {"MX": [(10, "first.example"), (20, f"mx.{FAR}")]},
        "first.example": {"A": ["127.0.0.2"]},
        f"mx.{FAR}": {"A": ["127.0.0.1"]},
    }
    first = Peer({"RCPT": "451 4.7.1 greylisted"})
    async with (
        listening(Peer()) as peer,
        listening(first, "127.0.0.2", peer.port),
        relaying(peer, zones=zones) as relay,
    ):
        [result] = await delivered(relay, due())
        assert (result.status, result.code, peer.connections) == ("deferred", 451, 0)


async def test_who_refuses_the_connection_defers_even_with_a_5xx() -> None:
    async with listening(Peer({"GREETING": "554 5.7.1 listed"})) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.code, result.enhanced) == ("deferred", 554, "4.7.1")


async def test_a_host_that_refuses_us_is_left_alone_and_its_reason_told() -> None:
    async with listening(Peer({"GREETING": "554 5.7.1 listed"})) as peer, relaying(peer) as relay:
        for number in range(5):
            [result] = await delivered(relay, due(delivery_id=f"{number}"))
            assert result.status == "deferred"
            assert "listed" in result.text
        assert peer.connections == 2


async def test_who_takes_no_mail_at_all_says_so_for_good() -> None:
    async with listening(Peer({"GREETING": "521 no mail here"})) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.code) == ("failed", 521)


@pytest.mark.parametrize(
    ("zones", "status", "enhanced"),
    [
        ({FAR: {"MX": [(0, "")]}}, "failed", "5.1.10"),
        ({}, "failed", "5.1.2"),
        ({FAR: {"MX": [(10, "gone.example")]}}, "failed", "5.4.4"),
        ({FAR: {"MX": [(10, "mail.shop.example"), (20, "b.example")]}}, "failed", "5.4.6"),
    ],
)
async def test_a_domain_without_a_host_is_told_why(
    zones: dict[str, dict[str, list[object]]], status: str, enhanced: str
) -> None:
    async with relaying(1, zones=zones) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.enhanced) == (status, enhanced)


@pytest.mark.parametrize("name", [FAR, f"mx.{FAR}"])
async def test_a_dns_that_does_not_know_defers(name: str) -> None:
    async with relaying(1, failing=[name]) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.enhanced) == ("deferred", "4.4.3")


async def test_a_domain_without_mx_is_its_own_host() -> None:
    zones = {FAR: {"A": ["127.0.0.1"]}}
    async with listening(Peer()) as peer, relaying(peer, zones=zones) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.host) == ("delivered", f"{FAR} [127.0.0.1]")


async def test_an_address_literal_is_where_it_says() -> None:
    async with listening(Peer()) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due(destination="[127.0.0.1]"))
        assert (result.status, result.host) == ("delivered", "127.0.0.1")


@pytest.mark.parametrize("destination", [FAR, "[127.0.0.1]", "[IPv6:::1]", "[10.0.0.1]"])
async def test_nobody_makes_us_talk_to_our_own_network(destination: str) -> None:
    async with listening(Peer()) as peer, relaying(peer, delivery_to_private=False) as relay:
        [result] = await delivered(relay, due(destination=destination))
        assert (result.status, result.enhanced) == ("failed", "5.4.4")
        assert peer.connections == 0


async def test_whoever_calls_itself_as_we_do_is_ourselves() -> None:
    answers = {"EHLO": "250 mail.shop.example"}
    async with listening(Peer(answers)) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.enhanced, peer.taken) == ("failed", "5.4.6", [])


@pytest.mark.parametrize("relay_host", ["a:b:c", "relay.far.example:smtp", "two words", "::1:x"])
async def test_a_smarthost_that_can_not_be_one_is_told_at_the_start(relay_host: str) -> None:
    with pytest.raises(Misconfigured, match="relay_host: "):
        async with relaying(1, relay_host=relay_host):
            pass


async def test_a_smarthost_takes_the_mail_of_all_domains() -> None:
    async with listening(Peer()) as peer:
        async with relaying(1, zones={}, relay_host=f"127.0.0.1:{peer.port}") as relay:
            for name in ("a.example", "b.example"):
                [result] = await delivered(relay, due(destination=name))
                assert result.status == "delivered"
        assert peer.connections == 1


async def test_a_password_is_never_sent_in_clear_text() -> None:
    async with listening(Peer()) as peer:
        relay_host = f"127.0.0.1:{peer.port}"
        async with relaying(1, relay_host=relay_host, relay_user="us", relay_password="x") as relay:
            [result] = await delivered(relay, due())
            assert result.status == "deferred"
            assert not any(line.startswith("AUTH") for line in peer.lines)


async def test_wishes_are_handed_on_to_who_knows_them() -> None:
    wishes = DeliveryWishes(
        returned="HDRS",
        envelope_id="a b=1",
        recipients=(
            RecipientWish(
                recipient=f"bo@{FAR}", notify=("SUCCESS", "DELAY"), original="rfc822;bo+x@a.example"
            ),
        ),
    )
    async with listening(Peer()) as peer, relaying(peer) as relay:
        first, second = await delivered(relay, due("bo", "cy", wishes=wishes))
        assert first.tells_itself
        assert second.tells_itself
        [taken] = peer.taken
        assert taken.mail.endswith(" RET=HDRS ENVID=a+20b+3D1")
        assert taken.recipients == [
            f"RCPT TO:<bo@{FAR}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bo+2Bx@a.example",
            f"RCPT TO:<cy@{FAR}>",
        ]
    async with listening(Peer(features=["PIPELINING"])) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due(wishes=wishes))
        assert not result.tells_itself
        assert peer.taken[0].recipients == [f"RCPT TO:<bo@{FAR}>"]


async def test_what_a_peer_can_not_take_is_changed_or_told() -> None:
    eight_bit = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nÄpfel\r\n".encode()
    async with listening(Peer(features=["SIZE 200"])) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due(), eight_bit)
        assert result.status == "delivered"
        assert b"Content-Transfer-Encoding: quoted-printable" in peer.taken[0].data
        assert peer.taken[0].data.isascii()
        [large] = await delivered(relay, due(), RAW + b"x" * 1_000 + b"\r\n")
        assert (large.status, large.enhanced) == ("failed", "5.3.4")
        results = await delivered(relay, due("bö", "bo", smtputf8=True))
        assert [(r.status, r.enhanced) for r in results] == [
            ("failed", "5.6.7"),
            ("delivered", "2.0.0"),
        ]
        idn = due(mail_from="ann@läden.example", smtputf8=True)
        [result] = await delivered(relay, idn)
        assert result.status == "delivered"
        assert peer.taken[-1].mail == f"MAIL FROM:<ann@xn--lden-loa.example> SIZE={len(RAW)}"
        lone = due(body_type="BINARYMIME")
        [result] = await delivered(relay, lone, RAW + b"a\nb\r\n")
        assert (result.status, result.enhanced) == ("failed", "5.6.3")


async def test_a_dead_destination_is_deferred_at_once_and_keeps_nobody_waiting() -> None:
    zones = {
        **ZONES,
        "dead.example": {"A": ["127.0.0.9"]},
    }
    peer = Peer()
    async with listening(peer), relaying(peer, zones=zones) as relay:
        for number in range(4):
            [result] = await delivered(
                relay, due(destination="dead.example", delivery_id=f"{number}")
            )
            assert (result.status, result.enhanced) == ("deferred", "4.4.1")
        assert result.text.startswith("it was not asked, since lately: no connection")
        [result] = await delivered(relay, due())
        assert result.status == "delivered"


async def test_mails_of_a_slow_destination_are_put_off_and_not_tried() -> None:
    peer = Peer()
    peer.is_going.clear()
    async with listening(peer), relaying(peer, delivery_connections=2) as relay:
        first = [
            asyncio.create_task(relay.deliver(due(delivery_id=f"{n}"), reading())) for n in range(2)
        ]
        while len(peer.taken) < 2:  # noqa: ASYNC110  the peer tells nobody
            await asyncio.sleep(0.01)
        others = [relay.deliver(due(delivery_id=f"x{n}"), reading()) for n in range(40)]
        put_off = [each for each in await asyncio.gather(*others) if isinstance(each, PutOff)]
        assert len(put_off) == 40
        peer.is_going.set()
        for results in await asyncio.gather(*first):
            assert not isinstance(results, PutOff)
            assert [each.status for each in results] == ["delivered"]
        assert peer.most_open == 2


async def test_a_peer_that_asks_for_less_gets_less() -> None:
    answers = {"MAIL": ["451 4.7.0 too fast", "250 fine"]}
    async with listening(Peer(answers)) as peer, relaying(peer) as relay:
        [first] = await delivered(relay, due(delivery_id="1"))
        assert first.status == "deferred"
        [second] = await delivered(relay, due(delivery_id="2"))
        assert second.status == "delivered"


async def test_a_stream_leaves_by_its_addresses_until_they_have_sent_what_they_may() -> None:
    sources = ("127.0.0.5", "marketing=127.0.0.6", "marketing=127.0.0.7")
    caps = ("127.0.0.6=2", "127.0.0.7=1")
    async with (
        listening(Peer()) as peer,
        relaying(peer, source_addresses=sources, source_daily_caps=caps) as relay,
    ):
        for number in range(3):
            marketing = due(delivery_id=f"{number}", stream="marketing")
            [result] = await delivered(relay, marketing)
            assert result.status == "delivered"
        put_off = await relay.deliver(due(delivery_id="4", stream="marketing"), reading())
        assert isinstance(put_off, PutOff)
        assert put_off.for_s > 3_600
        [result] = await delivered(relay, due(delivery_id="5"))
        assert result.status == "delivered"


async def test_one_delivery_has_one_turn_at_a_time() -> None:
    async with relaying(1) as relay:
        order: list[str] = []

        async def take(name: str) -> None:
            async with relay.turn("a"):
                order.append(f"{name} begins")
                await asyncio.sleep(0)
                order.append(f"{name} ends")

        await asyncio.gather(take("1"), take("2"))
        assert order == ["1 begins", "1 ends", "2 begins", "2 ends"]
