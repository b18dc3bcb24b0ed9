"""Strangers come again; who is known does not wait; what can't be asked refuses nobody."""

from datetime import datetime, timedelta

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.seen import MemorySeen
from tests.edge.mails import a_mail
from topologies.check import Refusal, Transaction
from topologies.edge.greylist import FIRST_KEPT_S, KNOWN_KEPT_S, greylist
from topologies.errors import Retryable
from topologies.ports.policy import Greylisting
from topologies.ports.seen import Seen

WAIT = timedelta(minutes=5)


async def test_a_stranger_is_asked_to_come_again_and_then_let_in() -> None:
    gate = Gate()
    assert await gate.asked(a_mail()) == "451 4.7.1"
    gate.clock.move(WAIT - timedelta(seconds=1))
    assert await gate.asked(a_mail()) == "451 4.7.1"
    gate.clock.move(timedelta(seconds=1))
    assert await gate.asked(a_mail()) == ""


async def test_who_came_again_once_does_not_wait_with_other_mail() -> None:
    gate = Gate()
    await gate.passed(a_mail())
    assert await gate.asked(a_mail(mail_from="eve@far.example", recipient="ida@x.example")) == ""
    assert await gate.asked(a_mail(client_ip="198.51.100.1")) == "451 4.7.1"


async def test_a_retry_from_another_machine_of_the_network_is_one() -> None:
    gate = Gate()
    await gate.passed(a_mail(client_ip="192.0.2.7"), a_mail(client_ip="192.0.2.99"))
    await gate.passed(a_mail(client_ip="2001:db8::7"), a_mail(client_ip="2001:db8::99"))


async def test_a_retry_from_elsewhere_is_one_if_spf_proves_the_sender() -> None:
    gate = Gate()
    first = a_mail(client_ip="192.0.2.7", proved_domain="far.example")
    await gate.passed(first, a_mail(client_ip="198.51.100.7", proved_domain="far.example"))


async def test_another_sender_or_recipient_is_no_retry() -> None:
    gate = Gate()
    await gate.asked(a_mail())
    gate.clock.move(WAIT)
    assert await gate.asked(a_mail(mail_from="eve@far.example")) == "451 4.7.1"
    assert await gate.asked(a_mail(recipient="ida@shop.example")) == "451 4.7.1"


async def test_who_stays_away_is_forgotten() -> None:
    gate = Gate()
    await gate.asked(a_mail())
    gate.clock.move(timedelta(seconds=FIRST_KEPT_S))
    assert await gate.asked(a_mail()) == "451 4.7.1"
    gate.clock.move(WAIT)
    assert await gate.asked(a_mail()) == ""
    for _ in range(3):  # who comes monthly stays known
        gate.clock.move(timedelta(days=31))
        assert await gate.asked(a_mail()) == ""
    gate.clock.move(timedelta(seconds=KNOWN_KEPT_S))
    assert await gate.asked(a_mail()) == "451 4.7.1"


@pytest.mark.parametrize(
    "mail",
    [
        a_mail(is_trusted=True),
        a_mail(is_allowed=True),
        a_mail(client_ip="10.1.2.3"),
        a_mail(client_ip="127.0.0.1"),
    ],
)
async def test_our_own_and_who_is_vouched_for_do_not_wait(mail: Transaction) -> None:
    assert await Gate().asked(mail) == ""


async def test_it_is_off_unless_switched_on() -> None:
    gate = Gate()
    answer = await greylist(a_mail(), greylisting=Greylisting(), seen=gate.seen, clock=gate.clock)
    assert answer is None


async def test_a_store_out_of_reach_refuses_nobody() -> None:
    gate = Gate()
    gate.seen = Away()
    assert await gate.asked(a_mail()) == ""


class Gate:
    """The check, its clock and its memory."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.seen: Seen = MemorySeen(self.clock)

    async def asked(self, mail: Transaction) -> str:
        wish = Greylisting(is_on=True, wait_s=WAIT.total_seconds())
        answer = await greylist(mail, greylisting=wish, seen=self.seen, clock=self.clock)
        assert answer is None or isinstance(answer, Refusal)
        return answer.reply[:9] if answer else ""

    async def passed(self, first: Transaction, again: Transaction | None = None) -> None:
        assert await self.asked(first) == "451 4.7.1"
        self.clock.move(WAIT)
        assert await self.asked(again or first) == ""


class Away:
    """A store that is out of reach."""

    async def when(self, key: str) -> datetime | None:
        raise Retryable("away")

    async def see(self, key: str, kept_s: float) -> datetime:
        raise Retryable("away")
