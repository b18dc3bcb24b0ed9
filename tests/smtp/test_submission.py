"""Submission: users sign in in TLS, and send in their own name (RFC 6409, RFC 4954)."""

import asyncio
import base64
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from tests.smtp.house import House, Talk, a_house, mail_id_in
from topologies.events import DeliveryWishes, MailSubmitted, RecipientWish
from topologies.ports.restraints import Restraint

Pem = tuple[str, str]

BO, PASSWORD = "bo@shop.example", "secret"
HELLO = "EHLO client.example"
FROM_BO = f"MAIL FROM:<{BO}>"
TO_ANN = "RCPT TO:<ann@far.example>"
DATED = b"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n"
MESSAGE = DATED + b"From: Bo <bo@shop.example>\r\nTo: ann@far.example\r\n\r\nhello\r\n"


async def test_a_user_signs_in_and_sends(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        await signed_in(client)
        mail_id = mail_id_in(await client.send(MESSAGE, FROM_BO, TO_ANN))
        user = await house.directory.user_by_address(BO)
        assert user is not None
        assert house.log.events == [
            MailSubmitted(
                mail_id=mail_id,
                submitted_at=house.clock.now(),
                user_id=user.user_id,
                mail_from=BO,
                recipients=("ann@far.example",),
                size_bytes=len(MESSAGE),
                raw=MESSAGE,
                origin="submission",
                client_ip="127.0.0.1",
            )
        ]


@pytest.mark.parametrize("begins_in_tls", [False, True])
async def test_libraries_get_through(pem: Pem, begins_in_tls: bool) -> None:
    async with a_desk(pem) as house:
        message = EmailMessage()
        message["From"], message["To"], message["Bcc"] = BO, "ann@far.example", "ida@shop.example"
        message.set_content("hello")
        port = house.smtp.submissions_port if begins_in_tls else house.smtp.submission_port
        await aiosmtplib.send(
            message,
            hostname="127.0.0.1",
            port=port,
            username=BO,
            password=PASSWORD,
            use_tls=begins_in_tls,
            start_tls=not begins_in_tls,
            tls_context=trusting(),
        )
        await asyncio.to_thread(by_smtplib, message, port, begins_in_tls)
        for each in house.log.events:
            assert isinstance(each, MailSubmitted)
            assert each.recipients == ("ann@far.example", "ida@shop.example")
            assert each.bcc == ("ida@shop.example",)
        assert len(house.log.events) == 2


async def test_nothing_is_taken_before_tls_and_sign_in(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house, secures=False) as client:
        assert "AUTH" not in await client.say(HELLO)
        assert (await client.say(f"AUTH PLAIN {plain(BO, PASSWORD)}"))[:9] == "530 5.7.0"
        assert (await client.say(FROM_BO)) == "530 5.7.0 Say STARTTLS first"
        await secure(client)
        assert "AUTH PLAIN LOGIN" in await client.say(HELLO)
        assert (await client.say(FROM_BO)) == "530 5.7.0 Sign in first"
        assert (await client.say("DATA"))[:3] == "503"


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ([f"AUTH PLAIN {base64.b64encode(b'a').decode()}"], "501 5.5.2"),
        (["AUTH PLAIN !"], "501 5.5.2"),
        (["AUTH PLAIN ="], "501 5.5.2"),
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", "*"], "501 5.7.0"),
        (["AUTH"], "501 5.5.4"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH PLAIN {wrong}"], "535 5.7.8"),
        (["AUTH PLAIN {nobody}"], "535 5.7.8"),
        (["AUTH PLAIN {as_ida}"], "535 5.7.8"),
        (["AUTH PLAIN", "{right}"], "235 2.7.0"),
        (["AUTH plain {right}"], "235 2.7.0"),
        (["AUTH LOGIN", "{name}", "{word}"], "235 2.7.0"),
        (["AUTH LOGIN {name}", "{word}"], "235 2.7.0"),
        (["AUTH PLAIN " + "x" * 13_000], "500 5.5.6"),
    ],
)
async def test_sign_ins_are_answered(pem: Pem, lines: list[str], reply: str) -> None:
    known = {
        "right": plain(BO, PASSWORD),
        "wrong": plain(BO, "other"),
        "nobody": plain("nobody@shop.example", PASSWORD),
        "as_ida": plain(BO, PASSWORD, acts_as="ida@shop.example"),
        "name": base64.b64encode(BO.encode()).decode(),
        "word": base64.b64encode(PASSWORD.encode()).decode(),
    }
    async with a_desk(pem) as house, talk(house) as client:
        said = ""
        for line in lines:
            said = await client.say(line.format_map(known))
        assert said[:9] == reply
        assert (await client.say("NOOP"))[:3] == "250"
        if reply[:3] == "235":
            assert (await client.say(f"AUTH PLAIN {known['right']}"))[:3] == "503"


async def test_an_app_password_lets_send_until_it_is_removed(pem: Pem) -> None:
    async with a_desk(pem) as house:
        user = await house.directory.user_by_address(BO)
        assert user is not None
        made, text = await house.app_passwords.add(user.user_id, "phone", house.clock.now())
        async with talk(house) as client:
            assert (await client.say(f"AUTH PLAIN {plain(BO, text)}"))[:3] == "235"
        async with talk(house) as client:
            assert (await client.say(f"AUTH PLAIN {plain('ida@shop.example', text)}"))[:3] == "535"
            await house.app_passwords.remove(user.user_id, made.password_id)
            assert (await client.say(f"AUTH PLAIN {plain(BO, text)}"))[:3] == "535"


async def test_who_has_a_second_factor_sends_by_an_app_password_alone(pem: Pem) -> None:
    async with a_desk(pem) as house:
        user = await house.directory.user_by_address(BO)
        assert user is not None
        at = house.clock.now()
        _, text = await house.app_passwords.add(user.user_id, "phone", at)
        await house.second_factors.propose(user.user_id, b"s" * 20, [], at)
        for is_on, reply in ((False, "235"), (True, "535")):
            async with talk(house) as client:
                assert (await client.say(f"AUTH PLAIN {plain(BO, PASSWORD)}"))[:3] == reply
            if not is_on:
                assert await house.second_factors.turn_on(user.user_id, b"s" * 20, 1)
        async with talk(house) as client:
            assert (await client.say(f"AUTH PLAIN {plain(BO, text)}"))[:3] == "235"


async def test_who_guesses_is_put_off_and_nobody_else(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        for _ in range(10):
            assert (await client.say(f"AUTH PLAIN {plain(BO, 'guess')}"))[:3] == "535"
        put_off = await client.say(f"AUTH PLAIN {plain(BO, PASSWORD)}")
        assert put_off[:9] == "454 4.7.0"
        async with talk(house) as other:
            await signed_in(other, "ida@shop.example")
        house.clock.move(timedelta(minutes=17))
        await signed_in(client)


@pytest.mark.parametrize(
    ("commands", "header", "reply"),
    [
        (["MAIL FROM:<ida@shop.example>"], b"", "553 5.7.1"),
        (["MAIL FROM:<ann@far.example>"], b"", "553 5.7.1"),
        ([FROM_BO, "RCPT TO:<nobody@shop.example>"], b"", "550 5.1.1"),
        ([FROM_BO, "RCPT TO:<a@b@c>"], b"", "553 5.1.3"),
        ([FROM_BO, TO_ANN], b"From: ida@shop.example\r\n", "553 5.7.1"),
        ([FROM_BO, TO_ANN], b"From: bo@shop.example, ida@shop.example\r\n", "553 5.7.1"),
        ([FROM_BO, TO_ANN], b"From: bo@shop.example\r\nFrom: bo@shop.example\r\n", "554 5.6.0"),
        ([FROM_BO, TO_ANN], b"From: bo@shop.example\r\nSender: a@far.example\r\n", "553 5.7.1"),
        ([FROM_BO, TO_ANN], b"Subject: nobody\r\n", "554 5.6.0"),
        ([FROM_BO, TO_ANN], b"From: nobody\r\n", "553 5.7.1"),
        (["MAIL FROM:<>", TO_ANN], b"From: bo+x@shop.example\r\n", "250 2.0.0"),
        ([FROM_BO + " AUTH=<>", TO_ANN], b"From: bo@shop.example\r\n", "250 2.0.0"),
        (
            [FROM_BO, TO_ANN],
            b"X: " + b"y" * 300_000 + b"\r\nFrom: bo@shop.example\r\n",
            "552 5.3.4",
        ),
    ],
)
async def test_a_user_sends_in_their_own_name(
    pem: Pem, commands: list[str], header: bytes, reply: str
) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        await signed_in(client)
        if header:
            said = await client.send(header + b"\r\nhi\r\n", *commands)
        else:
            said = await client.say(*commands)
        assert said[:9] == reply
        assert len(house.log.events) == (reply[:3] == "250" and bool(header))


@pytest.mark.parametrize("size", [10, 100_000])
async def test_bcc_is_taken_out_and_nothing_else(pem: Pem, size: int) -> None:
    body = b"x" * size + b"\r\nBcc: not@a.field\r\n"
    before = DATED + b"From: bo@shop.example\r\nBcc: ida@shop.example,\r\n ann@far.example\r\nTo: "
    raw = before + b"c@far.example\r\nbcc : d@far.example\r\nX-Odd\r\n\r\n" + body
    async with a_desk(pem) as house, talk(house) as client:
        await signed_in(client)
        recipients = ("c@far.example", "ida@shop.example", "ann@far.example")
        mail_id_in(await client.send(raw, FROM_BO, *(f"RCPT TO:<{each}>" for each in recipients)))
        [mail] = house.log.events
        assert isinstance(mail, MailSubmitted)
        kept = mail.raw if mail.raw is not None else await house.blobs.get(mail.raw_blob or "")
        expected = DATED + b"From: bo@shop.example\r\nTo: c@far.example\r\nX-Odd\r\n\r\n" + body
        assert kept == expected
        assert (mail.raw is None, mail.size_bytes) == (size > 64 * 1024, len(expected))
        assert mail.bcc == ("ida@shop.example", "ann@far.example")


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_missing_date_and_message_id_are_added(pem: Pem, size: int) -> None:
    raw = b"From: bo@shop.example\r\nBcc: ann@far.example\r\n\r\n" + b"x" * size + b"\r\n"
    async with a_desk(pem) as house, talk(house) as client:
        await signed_in(client)
        mail_id = mail_id_in(await client.send(raw, FROM_BO, TO_ANN))
        [mail] = house.log.events
        assert isinstance(mail, MailSubmitted)
        kept = mail.raw if mail.raw is not None else await house.blobs.get(mail.raw_blob or "")
        head = b"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\nMessage-ID: <%s@shop.example>\r\n"
        expected = head % mail_id.encode() + b"From: bo@shop.example\r\n\r\n" + b"x" * size
        assert kept == expected + b"\r\n"
        assert mail.size_bytes == len(kept)


async def test_wishes_for_notifications_are_kept(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        assert "DSN" in (await client.say(HELLO)).replace("-", " ").split()
        await signed_in(client)
        commands = (f"{FROM_BO} RET=HDRS ENVID=e1", f"{TO_ANN} NOTIFY=SUCCESS,FAILURE")
        mail_id_in(await client.send(MESSAGE, *commands))
        [mail] = house.log.events
        assert isinstance(mail, MailSubmitted)
        assert mail.wishes == DeliveryWishes(
            returned="HDRS",
            envelope_id="e1",
            recipients=(RecipientWish(recipient="ann@far.example", notify=("SUCCESS", "FAILURE")),),
        )


async def test_that_it_must_go_by_tls_is_kept(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        assert "REQUIRETLS" in (await client.say(HELLO)).replace("-", " ").split()
        await signed_in(client)
        mail_id_in(await client.send(MESSAGE, f"{FROM_BO} REQUIRETLS", TO_ANN))
        mail_id_in(await client.send(MESSAGE, FROM_BO, TO_ANN))
        kept = [mail.tls_required for mail in house.log.events if isinstance(mail, MailSubmitted)]
        assert kept == ["yes", ""]


async def test_one_mail_too_many_is_put_off_and_a_suspended_user_refused(pem: Pem) -> None:
    async with a_desk(pem, user_sends_per_hour=1) as house, talk(house) as client:
        await signed_in(client)
        replies = [(await client.send(MESSAGE, FROM_BO, TO_ANN))[:9] for _ in range(2)]
        assert replies == ["250 2.0.0", "451 4.7.1"]
        user = await house.directory.user_by_address(BO)
        assert user is not None
        await house.restraints.put(
            Restraint(
                user_id=user.user_id,
                kind="suspended",
                since=house.clock.now(),
                reason="spam was sent",
            )
        )
        refused = await client.send(MESSAGE, FROM_BO, TO_ANN)
        assert refused.startswith("550 5.7.1 sending is suspended")


async def test_who_is_suspended_while_signed_in_sends_no_more(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        await signed_in(client)
        user = await house.directory.user_by_address(BO)
        assert user is not None
        await house.directory.change_user(user.user_id, is_suspended=True)
        assert (await client.send(MESSAGE, FROM_BO, TO_ANN))[:9] == "550 5.7.1"


@pytest.mark.parametrize("by_app_password", [False, True])
async def test_an_open_session_sends_no_more_once_its_password_is_taken_away(
    pem: Pem, by_app_password: bool
) -> None:
    async with a_desk(pem) as house, talk(house) as client:
        user = await house.directory.user_by_address(BO)
        assert user is not None
        made, text = await house.app_passwords.add(user.user_id, "phone", house.clock.now())
        word = text if by_app_password else PASSWORD
        assert (await client.say(f"AUTH PLAIN {plain(BO, word)}"))[:3] == "235"
        house.clock.move(timedelta(minutes=2))
        assert (await client.send(MESSAGE, FROM_BO, TO_ANN))[:3] == "250"
        if by_app_password:
            await house.app_passwords.remove(user.user_id, made.password_id)
        else:
            await house.directory.change_user(user.user_id, password="another one")
        house.clock.move(timedelta(minutes=2))
        assert await client.say(FROM_BO) == "530 5.7.0 Sign in first"
        assert (await client.say(f"AUTH PLAIN {plain(BO, word)}"))[:3] == "535"
        assert len(house.log.events) == 1


async def test_who_guesses_a_password_ends_no_session_of_its_user(pem: Pem) -> None:
    async with a_desk(pem) as house, talk(house) as client, talk(house) as other:
        await signed_in(client)
        for _ in range(11):
            await other.say(f"AUTH PLAIN {plain(BO, 'guess')}")
        house.clock.move(timedelta(minutes=2))
        assert (await client.send(MESSAGE, FROM_BO, TO_ANN))[:3] == "250"


async def test_without_a_certificate_there_is_no_port() -> None:
    async with a_house() as house:
        assert (house.smtp.submission_port, house.smtp.submissions_port) == (0, 0)


# --- builders -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there: it makes the certificate")
    folder = tmp_path_factory.mktemp("pem")
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", key, "-out", certificate, "-subj", "/CN=mx.shop.example", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *kind, *files], check=True, capture_output=True)
    return certificate, key


@asynccontextmanager
async def a_desk(pem: Pem, **settings: Any) -> AsyncGenerator[House]:
    async with a_house(submission_certificate=pem[0], submission_key=pem[1], **settings) as house:
        yield house


@asynccontextmanager
async def talk(house: House, *, secures: bool = True) -> AsyncGenerator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.smtp.submission_port)
    client = Talk(reader, writer)
    try:
        await client.reply()
        await client.say(HELLO)
        if secures:
            await secure(client)
            await client.say(HELLO)
        yield client
    finally:
        writer.close()


async def secure(client: Talk) -> None:
    assert (await client.say("STARTTLS"))[:3] == "220"
    await client.writer.start_tls(trusting())


async def signed_in(client: Talk, address: str = BO) -> None:
    assert (await client.say(f"AUTH PLAIN {plain(address, PASSWORD)}"))[:3] == "235"


def plain(address: str, password: str, *, acts_as: str = "") -> str:
    return base64.b64encode(f"{acts_as}\0{address}\0{password}".encode()).decode()


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def by_smtplib(message: EmailMessage, port: int, begins_in_tls: bool) -> None:
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL("127.0.0.1", port, context=trusting())
        if begins_in_tls
        else smtplib.SMTP("127.0.0.1", port)
    )
    with client:
        if not begins_in_tls:
            client.starttls(context=trusting())
        client.login(BO, PASSWORD)
        client.send_message(message)
