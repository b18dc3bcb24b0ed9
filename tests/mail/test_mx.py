"""Which hosts take a domain's mail, and in which order."""

from collections import Counter

import pytest

from topologies.mail.mx import Refusal, hosts_of, literal

OURS = ("mail.shop.example",)


def test_hosts_are_tried_by_preference_and_equal_ones_in_any_but_one_order() -> None:
    records = [(20, "c.example"), (10, "a.example"), (10, "b.example")]
    orders = Counter(hosts("far.example", records, seed=f"{number}") for number in range(100))
    assert set(orders) == {
        ("a.example", "b.example", "c.example"),
        ("b.example", "a.example", "c.example"),
    }
    assert min(orders.values()) > 25
    assert hosts("far.example", records, seed="x") == hosts("far.example", records, seed="x")


def test_without_mx_a_domain_is_its_own_host() -> None:
    assert hosts("Far.Example", []) == ("far.example",)


def test_a_null_mx_takes_no_mail() -> None:
    refusal = hosts_of("far.example", [(0, "")], ours=OURS, seed="")
    assert isinstance(refusal, Refusal)
    assert refusal.enhanced == "5.1.10"
    assert hosts("far.example", [(0, ""), (10, "a.example")]) == ("a.example",)


def test_nobody_is_tried_who_would_give_it_back_to_us() -> None:
    records = [(10, "a.example"), (20, "Mail.Shop.Example"), (20, "b.example"), (30, "c.example")]
    assert hosts("far.example", records) == ("a.example",)
    refusal = hosts_of("far.example", records[1:], ours=OURS, seed="")
    assert isinstance(refusal, Refusal)
    assert refusal.enhanced == "5.4.6"


@pytest.mark.parametrize(
    ("destination", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("far.example", None),
    ],
)
def test_an_address_literal_is_an_address(destination: str, address: str | None) -> None:
    assert literal(destination) == address


@pytest.mark.parametrize("destination", ["[far.example]", "[IPv7:x]", "[]"])
def test_a_literal_of_no_known_kind_is_none(destination: str) -> None:
    with pytest.raises(ValueError):
        literal(destination)


def hosts(domain: str, records: list[tuple[int, str]], seed: str = "") -> tuple[str, ...]:
    found = hosts_of(domain, records, ours=OURS, seed=seed)
    assert not isinstance(found, Refusal)
    return found
