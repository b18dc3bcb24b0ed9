"""What senders wish to be told about delivery is read, checked, and stands in the event."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in import dsn
from tests.smtp.house import FROM_ANN, TO_BO, a_house
from topologies.events.inbound import DeliveryWishes, RecipientWish


async def test_wishes_stand_in_the_event() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(
            b"",
            FROM_ANN + " RET=hdrs ENVID=QQ+2B314159",
            TO_BO + " NOTIFY=SUCCESS,delay ORCPT=rfc822;Bo+2Bx@old.example",
            "RCPT TO:<ida@shop.example>",
        )
        [mail] = house.log.mails
        assert mail.wishes == DeliveryWishes(
            returned="HDRS",
            envelope_id="QQ+314159",
            recipients=(
                RecipientWish(
                    recipient="bo@shop.example",
                    notify=("SUCCESS", "DELAY"),
                    original="rfc822;Bo+x@old.example",
                ),
            ),
        )


async def test_without_wishes_there_are_none() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(b"")
        assert [mail.wishes for mail in house.log.mails] == [None]


async def test_wishes_for_who_was_refused_are_forgotten() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(b"", FROM_ANN, "RCPT TO:<nobody@shop.example> NOTIFY=NEVER", TO_BO)
        assert [mail.wishes for mail in house.log.mails] == [None]


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((dsn.ret, value) for value in ("", "ALL", "FULL,HDRS")),
        *((dsn.notify, value) for value in ("", "NEVER,SUCCESS", "DELAY,DELAY", "DELAY,", "X")),
        *((dsn.envid, value) for value in ("", "x" * 101, "a=b", "+", "+2b", "+0A", "+FF", "ü")),
        *((dsn.orcpt, value) for value in ("", "a@b.example", ";a@b", "rfc822;", "r;a=b")),
        *((dsn.orcpt, value) for value in ("rfc822;" + "x" * 500, "rfc 822;a@b", "r;+0D+0A")),
    ],
)
def test_what_is_no_wish_is_refused(read: Callable[[str], object], value: str) -> None:
    with pytest.raises(ValueError):
        read(value)


def test_an_address_in_utf_8_keeps_its_encoding() -> None:
    assert dsn.orcpt("utf-8;b\\x{F6}@shop.example") == "utf-8;b\\x{F6}@shop.example"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30))
def test_xtext_is_decoded_to_what_was_encoded(text: str) -> None:
    encoded = "".join(f"+{ord(c):02X}" if c in "+= " else c for c in text)
    assert dsn.envid(encoded) == text
    assert dsn.orcpt("rfc822;" + encoded) == "rfc822;" + text


@given(st.text(max_size=120))
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (dsn.ret, dsn.envid, dsn.notify, dsn.orcpt):
        try:
            read(text)
        except ValueError:
            continue
