"""So many mails an hour from one client, network and sender, and for one mailbox."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.memory.clock import ManualClock
from connectors.memory.limits import MemoryLimits
from tests.edge.mails import a_mail
from topologies.check import Refusal, Transaction
from topologies.edge.rates import rates
from topologies.ports.directory import Target
from topologies.ports.policy import MailRates

BO = Target(user_id="bo", address="bo@shop.example")
IDA = Target(user_id="ida", address="ida@shop.example")


@pytest.mark.parametrize(
    ("allowed", "others"),
    [
        (MailRates(per_client=2), {"client_ip": "192.0.2.8"}),
        (MailRates(per_network=2), {"client_ip": "198.51.100.7"}),
        (MailRates(per_sender=2), {"mail_from": "eve@far.example"}),
        (MailRates(per_recipient=2), {"recipient": "ida@shop.example", "targets": (IDA,)}),
    ],
)
async def test_one_more_than_allowed_is_put_off_and_others_are_not(
    allowed: MailRates, others: dict[str, object]
) -> None:
    limits = MemoryLimits(clock := ManualClock())
    mail = a_mail(targets=(BO,))
    assert [await asked(mail, allowed, limits) for _ in range(3)] == ["", "", "451 4.7.1"]
    assert await asked(replace(mail, **others), allowed, limits) == ""
    clock.move(timedelta(hours=2))
    assert await asked(mail, allowed, limits) == ""


async def test_a_network_counts_together_whatever_address_is_used() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_network=2)
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2:3:4:5:6"]
    told = [await asked(a_mail(client_ip=each), allowed, limits) for each in addresses]
    assert told == ["", "", "451 4.7.1"]
    assert await asked(a_mail(client_ip="2001:db8:1:3::1"), allowed, limits) == ""


async def test_a_mail_counts_once_for_its_client_however_many_get_it() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_client=1)
    assert await asked(a_mail(), allowed, limits) == ""
    later = a_mail(recipient="ida@shop.example", recipients=("bo@shop.example",))
    assert await asked(later, allowed, limits) == ""


async def test_a_mailbox_is_counted_under_all_its_names() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_recipient=1)
    assert await asked(a_mail(targets=(BO,)), allowed, limits) == ""
    tagged = a_mail(recipient="Bo+1@shop.example", targets=(BO,))
    assert await asked(tagged, allowed, limits) == "451 4.7.1"


async def test_bounces_have_no_sender_to_count_by() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_sender=1)
    assert [await asked(a_mail(mail_from=""), allowed, limits) for _ in range(3)] == [""] * 3


async def test_what_is_refused_for_one_reason_does_not_count_for_another() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_client=1, per_sender=5)
    assert await asked(a_mail(), allowed, limits) == ""
    for _ in range(9):
        assert await asked(a_mail(), allowed, limits) == "451 4.7.1"
    elsewhere = [a_mail(client_ip=f"198.51.100.{n}") for n in range(4)]
    assert [await asked(mail, allowed, limits) for mail in elsewhere] == [""] * 4


async def test_trusted_clients_are_not_counted() -> None:
    limits, allowed = MemoryLimits(ManualClock()), MailRates(per_client=1)
    trusted = a_mail(is_trusted=True)
    assert [await asked(trusted, allowed, limits) for _ in range(3)] == [""] * 3


async def asked(mail: Transaction, allowed: MailRates, limits: MemoryLimits) -> str:
    answer = await rates(mail, allowed=allowed, limits=limits)
    assert answer is None or isinstance(answer, Refusal)
    return answer.reply[:9] if answer else ""
