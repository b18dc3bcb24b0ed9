"""Whether a mail is of somebody whom a user has blocked."""

from datetime import UTC, datetime, timedelta

import pytest

from topologies.events import Address
from topologies.mail import blocking
from topologies.ports.rules import MOST_BLOCKED, BlockedSender, UserRules

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "sender"),
    [
        ("zoe@far.example", "Zoe@FAR.example"),
        ("zoe@far.example", "zoe+news@far.example"),
        ('"zoe"@far.example', "zoe@far.example"),
        ("@far.example", "anybody@far.example"),
        ("@far.example", "anybody@a.b.far.example"),
        ("@bücher.example", "zoe@xn--bcher-kva.example"),
        ("@xn--bcher-kva.example", "zoe@Bücher.example"),
    ],
)
def test_a_sender_is_known_however_they_are_written(target: str, sender: str) -> None:
    rules = with_blocked(target)
    found = blocking.blocked_by(rules, [Address(address=sender)], "")
    assert found == rules.blocked[0]


@pytest.mark.parametrize(
    "sender", ["zoe@far.example", "x@notspam.example", "spam.example", "x@spam.example.org", ""]
)
def test_nobody_else_is_meant(sender: str) -> None:
    rules = with_blocked("@spam.example", "zoe+x@far.example")
    assert blocking.blocked_by(rules, [Address(address=sender)], "x@spam.example") is None


def test_each_author_counts_and_the_envelope_where_there_is_none() -> None:
    rules = with_blocked("zoe@far.example")
    authors = [Address(address="al@far.example"), Address(address="zoe@far.example")]
    assert blocking.blocked_by(rules, authors, "")
    assert blocking.blocked_by(rules, [], "zoe@far.example")
    assert blocking.blocked_by(UserRules(), authors, "") is None


def test_an_address_counts_before_its_domain() -> None:
    rules = with_blocked("@far.example")
    rules = blocking.with_blocked(rules, "zoe@far.example", "trash", AT, [])
    found = blocking.blocked_by(rules, [Address(address="zoe@far.example")], "")
    assert found is not None
    assert (found.target, found.into) == ("zoe@far.example", "trash")


def test_blocking_again_changes_where_mail_goes_alone() -> None:
    rules = with_blocked("zoe@far.example")
    again = blocking.with_blocked(rules, "ZOE@far.example", "trash", AT + timedelta(days=1), [])
    assert again.blocked == (BlockedSender(target="zoe@far.example", into="trash", since=AT),)
    assert blocking.without_blocked(again, "zoe@far.example").is_idle


@pytest.mark.parametrize("target", ["", "@", "zoe", "@-", "a b@c d", "ann@shop.example"])
def test_what_can_t_be_blocked_is_told(target: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        blocking.with_blocked(UserRules(), target, "spam", AT, ["ann@shop.example"])


def test_there_are_not_too_many() -> None:
    many = tuple(
        BlockedSender(target=f"p{number}@far.example", since=AT) for number in range(MOST_BLOCKED)
    )
    rules = UserRules(blocked=many)
    with pytest.raises(ValueError, match="at most"):
        blocking.with_blocked(rules, "zoe@far.example", "spam", AT, [])
    assert len(blocking.with_blocked(rules, "p7@far.example", "spam", AT, []).blocked) == len(many)


def with_blocked(*targets: str) -> UserRules:
    rules = UserRules()
    for target in targets:
        rules = blocking.with_blocked(rules, target, "spam", AT, [])
    return rules
