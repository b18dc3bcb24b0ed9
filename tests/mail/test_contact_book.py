"""Which contacts a user has: what is learnt of a mail, who is meant, who falls out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from topologies.events import Address, Message
from topologies.mail import contact_book
from topologies.mail.contact_book import HALVED_AFTER, KEPT_WHEN_FULL, LONGEST_NAME, MOST_OF_A_MAIL
from topologies.ports.contacts import MOST_CONTACTS, Contact

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_each_recipient_is_learnt_once_with_the_name_that_is_there() -> None:
    to = [("BO@far.example", ""), ("bo@FAR.example", "Bo"), ("x y", "No address")]
    [bo] = contact_book.written_to(message(to=to), AT)
    assert bo == contact("bo@far.example", address="bo@FAR.example", name="Bo")


def test_of_a_mail_to_many_the_first_are_learnt() -> None:
    many = [(f"p{number}@far.example", "") for number in range(MOST_OF_A_MAIL + 50)]
    found = contact_book.written_to(message(to=many[:90], bcc=many[90:]), AT)
    assert [each.address for each in found] == [address for address, _ in many[:MOST_OF_A_MAIL]]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Bo\r\n\tOhm", "Bo Ohm"),
        ("bo@far.example", ""),
        ("'BO@far.example'", ""),
        ("\u202eevil", "evil"),
        ("x" * 5_000, "x" * LONGEST_NAME),
    ],
)
def test_a_name_is_kept_as_one_reads_it(name: str, kept: str) -> None:
    [bo] = contact_book.written_to(message(to=[("bo@far.example", name)]), AT)
    assert bo.name == kept


def test_half_as_many_mails_count_as_ninety_days() -> None:
    often = contact("a@x.example", uses=7)
    lately = contact("b@x.example", uses=3, used_at=AT + HALVED_AFTER)
    assert contact_book.worth(often) == pytest.approx(contact_book.worth(lately))


def test_an_older_mail_that_is_learnt_late_makes_nobody_older() -> None:
    known = contact("a@x.example", used_at=AT)
    late = contact("a@x.example", used_at=AT - timedelta(days=9))
    [after] = contact_book.after({known.key: known}, [late])
    assert (after.uses, after.used_at) == (2, AT)


def test_nobody_falls_out_while_there_is_room() -> None:
    many = [contact(f"p{n}@x.example") for n in range(MOST_CONTACTS)]
    assert contact_book.falling_out(many) == []
    out = contact_book.falling_out([*many, contact("one@more.example", uses=9)])
    assert len(out) == MOST_CONTACTS + 1 - KEPT_WHEN_FULL
    assert all(each.uses == 1 for each in out)


def test_five_thousand_contacts_are_looked_through_in_a_moment() -> None:
    many = [contact(f"p{n}@x{n}.example", name=f"Zoë {n}") for n in range(MOST_CONTACTS)]
    found = contact_book.found(many, "zoe 4999", 8)
    assert [each.key for each in found] == ["p4999@x4999.example"]


def message(**people: list[tuple[str, str]]) -> Message:
    given: dict[str, Any] = {
        field: tuple(Address(address=address, name=name) for address, name in those)
        for field, those in people.items()
    }
    return Message(**given)


def contact(key: str, **given: Any) -> Contact:
    known: dict[str, Any] = {"address": key, "used_at": AT}
    return Contact(key=key, **(known | given))
