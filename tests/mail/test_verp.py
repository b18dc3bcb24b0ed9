"""Reverse-paths that say of which delivery a bounce is: made by us alone, good for some weeks."""

from datetime import UTC, datetime, timedelta

import pytest

from topologies.mail import ids, mailbox_address, verp
from topologies.mail.verp import NotOurs

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = verp.key_of(b"k" * 32)
DELIVERY = ids.derived_id(AT, "a delivery")


def test_an_address_stands_for_a_delivery_in_the_domain_of_its_sender() -> None:
    made = verp.made(DELIVERY, "ann@shop.example", KEY)
    local, _, domain = made.rpartition("@")
    assert (local[:8], domain) == ("bounces+", "shop.example")
    assert verp.is_one(local)
    assert verp.delivery_of(local, KEY, AT) == DELIVERY
    assert str(mailbox_address.parse(made)) == made
    assert len(local) <= 64  # RFC 5321 §4.5.3.1.1


def test_it_is_the_same_at_each_attempt() -> None:
    assert verp.made(DELIVERY, "ann@shop.example", KEY) == (
        verp.made(DELIVERY, "Ann@shop.example", KEY)
    )


def test_a_host_that_changes_the_case_does_no_harm() -> None:
    assert verp.delivery_of(local_of(DELIVERY).upper(), KEY, AT) == DELIVERY


def test_one_of_another_key_or_changed_in_any_part_is_none_of_ours() -> None:
    local = local_of(DELIVERY)
    other = local_of(ids.derived_id(AT, "another"))
    for wrong in (
        other[:35] + local[35:],
        local[:-1] + ("a" if local[-1] != "a" else "b"),
        local + "a",
        local[:-1],
        "bounces",
        "bounces+x",
        "",
    ):
        with pytest.raises(NotOurs):
            verp.delivery_of(wrong, KEY, AT)
    with pytest.raises(NotOurs):
        verp.delivery_of(local, verp.key_of(b"o" * 32), AT)


def test_it_is_good_for_a_month() -> None:
    local = local_of(DELIVERY)
    assert verp.delivery_of(local, KEY, AT + timedelta(days=30)) == DELIVERY
    with pytest.raises(NotOurs, match="old"):
        verp.delivery_of(local, KEY, AT + timedelta(days=31))


@pytest.mark.parametrize(
    ("delivery", "sender"),
    [("d1", "ann@shop.example"), (DELIVERY, ""), (DELIVERY, "nonsense")],
)
def test_what_has_no_address_has_none(delivery: str, sender: str) -> None:
    assert verp.made(delivery, sender, KEY) == ""


@pytest.mark.parametrize("local", ["bounces", "bounces+news", "ann+bounces", "srs0=a=b=c=d"])
def test_other_addresses_are_left_alone(local: str) -> None:
    assert not verp.is_one(local)


def local_of(delivery_id: str) -> str:
    return verp.made(delivery_id, "ann@shop.example", KEY).rpartition("@")[0]
