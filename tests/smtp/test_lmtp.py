"""LMTP: an answer for each recipient (RFC 2033)."""

from tests.smtp.house import FROM_ANN, TO_BO, a_house, mail_id_in
from topologies.errors import NoSpace

SMALL = "RCPT TO:<small@shop.example>"
IDA = "RCPT TO:<ida@shop.example>"


async def test_it_greets_by_lhlo_alone() -> None:
    async with a_house() as house, house.talk(lmtp=True, greets=False) as talk:
        assert await talk.reply() == "220 mx.shop.example LMTP"
        assert (await talk.say("EHLO client.example"))[:9] == "500 5.5.1"
        assert (await talk.say("HELO client.example"))[:9] == "500 5.5.1"
        assert (await talk.say("LHLO client.example")).startswith("250-mx.shop.example\n")


async def test_each_accepted_recipient_gets_a_line() -> None:
    async with a_house() as house, house.talk(lmtp=True) as talk:
        nobody = "RCPT TO:<nobody@shop.example>"
        first = await talk.send(b"Subject: x\r\n\r\n", FROM_ANN, TO_BO, nobody, IDA, TO_BO)
        [mail] = house.log.mails
        assert [first, await talk.reply(), await talk.reply()] == [
            f"250 2.0.0 Ok: queued as {mail.mail_id}"
        ] * 3
        assert (mail.origin, mail.recipients) == ("lmtp", ("bo@shop.example", "ida@shop.example"))
        assert (await talk.say("NOOP"))[:3] == "250"


async def test_who_has_no_room_is_told_and_the_others_get_the_mail() -> None:
    async with a_house() as house, house.talk(lmtp=True) as talk:
        first = await talk.send(b"x" * 2_000 + b"\r\n", FROM_ANN, SMALL, TO_BO)
        assert first[:9] == "552 5.2.2"
        mail_id_in(await talk.reply())
        assert [mail.recipients for mail in house.log.mails] == [("bo@shop.example",)]


async def test_a_refused_message_is_refused_for_each() -> None:
    async with a_house() as house, house.talk(lmtp=True) as talk:
        house.log.error = NoSpace("full")
        first = await talk.send(b"", FROM_ANN, TO_BO, IDA)
        assert [first[:9], (await talk.reply())[:9]] == ["452 4.3.1"] * 2
        assert (await talk.send(b"bare\n\r\n", FROM_ANN, TO_BO, IDA))[:9] == "554 5.6.0"
        assert (await talk.reply())[:9] == "554 5.6.0"
        assert (await talk.say("NOOP"))[:3] == "250"


async def test_without_a_recipient_it_is_out_of_order() -> None:
    async with a_house() as house, house.talk(lmtp=True) as talk:
        await talk.say(FROM_ANN, "RCPT TO:<nobody@shop.example>")
        assert (await talk.say("DATA"))[:9] == "503 5.5.1"
