"""Who is accepted and who is refused, and how that is said."""

import json
from pathlib import Path

import pytest

from tests.smtp.house import FROM_ANN, TO_BO, House, a_house, mail_id_in
from topologies.errors import Retryable

CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.parametrize(
    ("to", "reply"),
    [
        ("<bo@shop.example>", "250 2.1.5"),
        ("<Bo+Tag@SHOP.example>", "250 2.1.5"),
        (" <bo@shop.example>", "250 2.1.5"),
        ("bo@shop.example", "250 2.1.5"),
        ('<"bo"@shop.example>', "250 2.1.5"),
        ("<@relay.example,@other.example:bo@shop.example>", "250 2.1.5"),
        ("<sales@shop.example>", "250 2.1.5"),
        ("<postmaster>", "250 2.1.5"),
        ("<Postmaster@shop.example>", "250 2.1.5"),
        ("<nobody@shop.example>", "550 5.1.1"),
        ("<bo@other.example>", "554 5.7.1"),
        ("<bo@[127.0.0.1]>", "550 5.1.2"),
        ("<bo%other.example@shop.example>", "550 5.1.1"),
        ('<"bo@other.example"@shop.example>', "550 5.1.1"),
        ("<other.example!bo@shop.example>", "550 5.1.1"),
        ("<@shop.example:bo@other.example>", "554 5.7.1"),
        ("<bo@other.example@shop.example>", "553 5.1.3"),
        ("<bo>", "553 5.1.3"),
        ("<>", "553 5.1.3"),
        ("<b o@shop.example>", "553 5.1.3"),
        ("<bo\t@shop.example>", "553 5.1.3"),
        ("<bo@shop.example", "501 5.5.4"),
        ("", "501 5.5.4"),
        ("<bo@shop.example> NOTIFY=NEVER", "250 2.1.5"),
        ("<bo@shop.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("<bo@shop.example> ORCPT=rfc822;bo@old.example", "250 2.1.5"),
        ("<bo@shop.example> ORCPT=bo@old.example", "501 5.5.4"),
        ("<bo@shop.example> SIZE=1", "555 5.5.4"),
        ("<bö@shop.example>", "553 5.6.7"),
        ("<full@shop.example>", "452 4.2.2"),
    ],
)
async def test_a_recipient_gets_the_answer_that_fits(to: str, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        await furnish(house)
        assert (await talk.say(FROM_ANN, f"RCPT TO:{to}"))[:9] == reply


async def test_the_recipients_are_kept_as_written_without_a_route() -> None:
    to = ["Bo+Tag@SHOP.example", "@relay.example:ida@shop.example", "postmaster"]
    async with a_house() as house, house.talk() as talk:
        await furnish(house)
        await talk.send(b"", FROM_ANN, *(f"RCPT TO:<{path}>" for path in to))
        [mail] = house.log.mails
        assert mail.recipients == ("Bo+Tag@SHOP.example", "ida@shop.example", "postmaster")


async def test_one_event_serves_all_recipients_and_each_stands_there_once() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(b"", FROM_ANN, TO_BO, TO_BO, "RCPT TO:<ida@shop.example>")
        assert [mail.recipients for mail in house.log.mails] == [
            ("bo@shop.example", "ida@shop.example")
        ]


async def test_refused_recipients_do_not_keep_the_others_from_theirs() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(b"", FROM_ANN, "RCPT TO:<nobody@shop.example>", TO_BO)
        assert [mail.recipients for mail in house.log.mails] == [("bo@shop.example",)]


async def test_too_many_recipients_are_asked_to_come_in_another_mail() -> None:
    async with a_house(max_recipients=2) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO, TO_BO)
        assert (await talk.say(TO_BO))[:9] == "452 4.5.3"
        assert (await talk.say("DATA"))[:3] == "354"


async def test_without_a_recipient_there_is_no_data() -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.say("DATA"))[:9] == "503 5.5.1"
        assert (await talk.say(FROM_ANN, "DATA"))[:9] == "503 5.5.1"
        assert (await talk.say("RCPT TO:<nobody@shop.example>", "DATA"))[:9] == "554 5.5.1"


# --- room ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "reply"),
    [("", "250 2.1.5"), (" SIZE=1000", "250 2.1.5"), (" SIZE=1001", "552 5.2.2")],
)
async def test_a_message_larger_than_the_mailbox_is_refused_for_good(size: str, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN + size)
        assert (await talk.say("RCPT TO:<small@shop.example>"))[:9] == reply


async def test_a_message_that_does_not_fit_now_may_come_back() -> None:
    async with a_house() as house, house.talk() as talk:
        await house.fill("small@shop.example", 600)
        assert (await talk.say(FROM_ANN + " SIZE=400", "RCPT TO:<small@shop.example>"))[:3] == "250"
        await talk.say("RSET", FROM_ANN + " SIZE=401")
        assert (await talk.say("RCPT TO:<small@shop.example>"))[:9] == "452 4.2.2"


@pytest.mark.parametrize(("used", "reply"), [(0, "552 5.2.2"), (600, "552 5.2.2")])
async def test_an_undeclared_size_is_met_after_the_message(used: int, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        await house.fill("small@shop.example", used)
        answer = await talk.send(b"x" * 2_000 + b"\r\n", FROM_ANN, "RCPT TO:<small@shop.example>")
        assert answer[:9] == reply
        assert house.log.mails == []


async def test_who_was_accepted_gets_the_mail_when_another_has_no_room() -> None:
    async with a_house() as house, house.talk() as talk:
        small = "RCPT TO:<small@shop.example>"
        mail_id_in(await talk.send(b"x" * 2_000 + b"\r\n", FROM_ANN, small, TO_BO))
        # One answer served both, and it was yes.
        assert [m.recipients for m in house.log.mails] == [
            ("small@shop.example", "bo@shop.example")
        ]


async def test_an_alias_is_full_when_all_behind_it_are() -> None:
    async with a_house() as house, house.talk() as talk:
        await house.directory.add_alias("all@shop.example", ["full@shop.example"])
        assert (await talk.say(FROM_ANN, "RCPT TO:<all@shop.example>"))[:9] == "452 4.2.2"
        targets = ["full@shop.example", "bo@shop.example"]
        await house.directory.add_alias("all@shop.example", targets)
        assert (await talk.say("RCPT TO:<all@shop.example>"))[:9] == "250 2.1.5"


async def test_a_directory_out_of_reach_is_no_refusal() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN)
        house.directory.error = Retryable("away")
        assert (await talk.say(TO_BO))[:9] == "451 4.3.0"
        assert (await talk.say("DATA"))[:9] == "451 4.5.1"


# --- the matrix ---------------------------------------------------------------------------


async def test_the_matrix_of_recipients_is_answered_as_wanted() -> None:
    path = CASES / "27-rcpt-matrix.json"
    if not path.exists():
        pytest.skip("27-rcpt-matrix.json is not there: it belongs in ../shared/cases")
    async with a_house("rcpt.example") as house:
        await house.directory.add_alias("alias@rcpt.example", ["bo@rcpt.example"])
        for line in json.loads(path.read_text()):
            to, _, condition = line["rcpt"].partition(" (")
            if " " in to or condition.startswith("and"):
                continue  # one copy in bo's inbox: the routing's
            async with house.talk() as talk:
                reply = await talk.say(FROM_ANN, f"RCPT TO:<{to}>")
            codes = [word for word in line["want"].replace("/", " ").split() if word.isdecimal()]
            assert reply[:3] in (codes or ["250", "550"]), (line, reply)


async def furnish(house: House) -> None:
    await house.directory.add_user("boss@shop.example", "secret", is_admin=True)
    await house.directory.add_alias("sales@shop.example", ["bo@shop.example"])
