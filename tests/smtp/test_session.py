"""How a session begins, goes on and ends; what each command answers."""

import asyncio
import smtplib
import socket
from email.message import EmailMessage

import aiosmtplib
import pytest

from tests.smtp.house import FROM_ANN, HELLO, TO_BO, a_house, mail_id_in
from topologies.errors import Misconfigured


async def test_the_server_names_itself_and_what_it_can() -> None:
    async with a_house(max_message_bytes=1_234) as house, house.talk(greets=False) as talk:
        assert await talk.reply() == "220 mx.shop.example ESMTP"
        assert (await talk.say(HELLO)).splitlines() == [
            "250-mx.shop.example",
            "250-PIPELINING",
            "250-SIZE 1234",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-CHUNKING",
            "250-BINARYMIME",
            "250-ENHANCEDSTATUSCODES",
            "250 HELP",
        ]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("HELO client.example", "250 mx.shop.example"),
        ("HELO", "501 5.5.4 Say who you are"),
        ("EHLO", "501 5.5.4 Say who you are"),
        ("EHLO клиент", "501 5.5.4 Say who you are"),
        ("NOOP", "250 2.0.0 OK"),
        ("noop whatever", "250 2.0.0 OK"),
        ("RSET", "250 2.0.0 OK"),
        ("VRFY bo", "252 2.0.0 That is not told, but mail for it can be tried"),
        ("EXPN all", "502 5.5.1 EXPN not implemented"),
        ("STARTTLS", "454 4.7.0 TLS is not available"),
        ("AUTH PLAIN AGJvAHNlY3JldA==", "500 5.5.1 Unknown command"),
        ("XCLIENT ADDR=192.0.2.1", "500 5.5.1 Unknown command"),
        ("LHLO client.example", "500 5.5.1 Unknown command"),
        ("", "500 5.5.1 Unknown command"),
        ("QUIT now", "501 5.5.4 No argument is wanted here"),
        ("QUIT", "221 2.0.0 Bye"),
    ],
)
async def test_a_command_is_answered(command: str, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        assert await talk.say(command) == reply


async def test_help_lists_what_there_is() -> None:
    async with a_house() as house, house.talk() as talk:
        assert await talk.say("HELP") == (
            "250 2.0.0 Supported commands: BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET VRFY"
        )


@pytest.mark.parametrize(
    ("sender", "reply"),
    [
        ("<ann@far.example>", "250 2.1.0"),
        ("<>", "250 2.1.0"),
        (" <ann@far.example> SIZE=100 BODY=8BITMIME", "250 2.1.0"),
        ("<ann@my_host.far.example> body=7bit", "250 2.1.0"),
        ("<bö@far.example> SMTPUTF8", "250 2.1.0"),
        ("<bö@far.example>", "553 5.6.7"),
        ("<ann@far.example> SMTPUTF8=YES", "501 5.5.4"),
        ("<ann@far.example> BODY=BINARYMIME", "250 2.1.0"),
        ("<ann@far.example> BODY=9BIT", "501 5.5.4"),
        ("<ann@far.example> SIZE=many", "501 5.5.4"),
        ("<ann@far.example> SIZE=1 SIZE=2", "501 5.5.4"),
        ("<ann@far.example> SIZE=26214401", "552 5.3.4"),
        ("<ann@far.example> RET=FULL ENVID=a+2Bb", "250 2.1.0"),
        ("<ann@far.example> RET=ALL", "501 5.5.4"),
        ("<ann@far.example> ENVID=a+2bb", "501 5.5.4"),
        ("<ann@far.example> AUTH=<>", "555 5.5.4"),
        ("<ann>", "553 5.1.7"),
        ("<ann@>", "553 5.1.7"),
        ("<a b@far.example>", "553 5.1.7"),
        ("<a\0b@far.example>", "553 5.1.7"),
        ("<ann@far.example", "501 5.5.4"),
        ("", "501 5.5.4"),
    ],
)
async def test_a_sender_is_answered(sender: str, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.say(f"MAIL FROM:{sender}"))[:9] == reply


async def test_the_order_of_commands_is_kept() -> None:
    async with a_house() as house, house.talk(greets=False) as talk:
        await talk.reply()
        assert (await talk.say(FROM_ANN))[:9] == "503 5.5.1"
        await talk.say("HELO client.example")
        assert (await talk.say(TO_BO))[:9] == "503 5.5.1"
        assert (await talk.say(FROM_ANN, FROM_ANN))[:9] == "503 5.5.1"
        assert (await talk.say("RSET", FROM_ANN))[:9] == "250 2.1.0"
        assert (await talk.say("EHLO again.example", TO_BO))[:9] == "503 5.5.1"


async def test_helo_promises_no_parameters() -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.say("HELO x", FROM_ANN + " SIZE=1"))[:9] == "555 5.5.4"


async def test_a_bounce_has_an_empty_sender() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.send(b"", "MAIL FROM:<>", TO_BO)
        assert [mail.mail_from for mail in house.log.mails] == [""]


async def test_pipelined_commands_are_answered_in_order_and_together() -> None:
    commands = f"{FROM_ANN}\r\n{TO_BO}\r\nRCPT TO:<nobody@shop.example>\r\nDATA\r\n"
    async with a_house() as house, house.talk() as talk:
        await talk.put(commands.encode())
        assert [(await talk.reply())[:3] for _ in range(4)] == ["250", "250", "550", "354"]
        await talk.put(b"Subject: x\r\n\r\n.\r\nRSET\r\nQUIT\r\n")
        assert [(await talk.reply())[:3] for _ in range(3)] == ["250", "250", "221"]
        assert await talk.reply() == ""


# --- limits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("NOOP " + "x" * 505, "250"),
        ("NOOP " + "x" * 506, "500"),
        ("MAIL FROM:<ann@far.example>" + " " * 663, "250"),
        ("MAIL FROM:<ann@far.example>" + " " * 664, "500"),
        ("NOOP " + "x" * 1_000_000, "500"),
    ],
)
async def test_a_command_has_a_length(command: str, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.say(command))[:3] == reply
        assert (await talk.say("RSET"))[:3] == "250"


@pytest.mark.parametrize(("extra", "reply"), [(0, "250 2.0.0"), (1, "552 5.3.4")])
async def test_a_message_has_a_size(extra: int, reply: str) -> None:
    async with a_house(max_message_bytes=100_000) as house, house.talk() as talk:
        answer = await talk.send(b"x" * (99_998 + extra) + b"\r\n")
        assert answer[:9] == reply
        assert len(house.log.mails) == (not extra)
        assert (await talk.say("NOOP"))[:3] == "250"


@pytest.mark.parametrize(("hops", "reply"), [(100, "250 2.0.0"), (101, "554 5.4.6")])
async def test_a_mail_that_went_round_in_circles_is_refused(hops: int, reply: str) -> None:
    content = b"Received: by a.example\r\n" * hops + b"\r\n" + b"Received: no\r\n" * 200
    async with a_house() as house, house.talk() as talk:
        assert (await talk.send(content))[:9] == reply


async def test_too_many_errors_end_the_session() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, *["RCPT TO:<nobody@shop.example>"] * 20)
        assert (await talk.reply())[:9] == "421 4.7.0"
        assert await talk.reply() == ""


async def test_another_protocol_ends_soon() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.put(b"POST / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\nF: g\r\nH: i\r\n\r\n")
        assert [(await talk.reply())[:3] for _ in range(6)] == [*["500"] * 5, "421"]
        assert await talk.reply() == ""


async def test_nothing_that_is_said_breaks_a_session() -> None:
    nonsense = [b"\0\r\n", b"\xff\xfe\r\n", b"MAIL\r\n", b"RCPT TO:<@:@@>\r\n", b" \r\n", b"\t\r\n"]
    nonsense += [
        b"MAIL FROM:<" + b'"' * 400 + b">\r\n",
        b"HELP \xc3\xbc\r\n",
        b"VRFY\r\n",
        b".\r\n",
    ]
    async with a_house() as house:
        for line in nonsense:
            async with house.talk() as talk:
                assert (await talk.raw(line))[:1] == "5"
                assert (await talk.say("NOOP"))[:3] == "250"
                mail_id_in(await talk.send(b""))


async def test_a_silent_client_is_told_goodbye() -> None:
    async with a_house(session_timeout_s=1) as house, house.talk() as talk:
        assert (await talk.reply())[:9] == "421 4.4.2"
        assert await talk.reply() == ""


async def test_more_sessions_than_allowed_are_told_to_come_back() -> None:
    async with a_house(max_sessions=1) as house:
        async with house.talk() as first, house.talk(greets=False) as second:
            assert (await second.reply())[:9] == "421 4.3.2"
            assert await second.reply() == ""
            await first.say("QUIT")
            assert await first.reply() == ""
        async with house.talk() as third:
            assert (await third.say("NOOP"))[:3] == "250"


# --- the service stops --------------------------------------------------------------------


async def test_open_sessions_are_told_when_the_service_stops() -> None:
    async with a_house() as house, house.talk() as talk:
        await house.smtp.close()
        assert (await talk.reply())[:9] == "421 4.3.2"
        assert await talk.reply() == ""


async def test_a_message_under_way_is_answered_before_the_service_stops() -> None:
    async with a_house() as house, house.talk() as talk:
        house.log.is_open.clear()
        await talk.say(FROM_ANN, TO_BO, "DATA")
        await talk.put(b"Subject: x\r\n\r\n.\r\n")
        await house.log.was_asked.wait()
        stopping = asyncio.create_task(house.smtp.close())
        await asyncio.sleep(0)
        house.log.is_open.set()
        mail_id_in(await talk.reply())
        assert (await talk.reply())[:9] == "421 4.3.2"
        await stopping


async def test_a_stopped_server_is_reached_no_more() -> None:
    async with a_house() as house:
        port = house.smtp.smtp_port
        await house.smtp.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("name", ["smtp", "lmtp"])
async def test_a_port_in_use_is_told_in_one_sentence(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as told:
            async with a_house(**{f"{name}_port": port}):
                pass
        assert str(told.value) == (
            f"{name.upper()} can't listen on 127.0.0.1:{port} (Address already in use):"
            f" let RILLMAIL_{name.upper()}_PORT name a free port, or 0 for any"
        )


# --- clients that people use --------------------------------------------------------------


async def test_smtplib_and_aiosmtplib_can_send() -> None:
    message = EmailMessage()
    message["From"], message["To"] = "ann@far.example", "bo@shop.example"
    message["Subject"] = "Grüße"
    message.set_content(".\n..\nfrom a library\n")

    def by_smtplib(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(message)

    async with a_house() as house:
        await asyncio.to_thread(by_smtplib, house.smtp.smtp_port)
        await aiosmtplib.send(
            message, hostname="127.0.0.1", port=house.smtp.smtp_port, start_tls=False
        )
        assert len(house.log.mails) == 2
        for mail in house.log.mails:
            assert mail.raw is not None
            assert mail.raw.endswith(b"\r\n\r\n.\r\n..\r\nfrom a library\r\n")
