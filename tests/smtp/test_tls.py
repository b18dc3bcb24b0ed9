"""STARTTLS: when it is offered, what it forgets, and what is kept of it (RFC 3207)."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiosmtplib
import pytest
import uvloop

from tests.smtp.house import FROM_ANN, HELLO, TO_BO, House, Talk, a_house, mail_id_in
from topologies.errors import Misconfigured

Pem = tuple[str, str]  # paths of certificate and key


async def test_mail_comes_by_tls(pem: Pem) -> None:
    async with tls_house(pem) as house, house.talk() as talk:
        await secured(talk)
        mail_id_in(await talk.send(b"Subject: x\r\n\r\n" + b"y" * 100_000 + b"\r\n"))
        [mail] = house.log.mails
        assert mail.tls.startswith("TLSv1.3 TLS_")
        assert (await talk.say("QUIT"))[:3] == "221"
        assert await talk.reply() == ""


async def test_it_is_offered_once(pem: Pem) -> None:
    async with tls_house(pem) as house, house.talk() as talk:
        assert "250-STARTTLS" in (await talk.say(HELLO)).splitlines()
        await secured(talk)
        assert "250-STARTTLS" not in (await talk.say(HELLO)).splitlines()
        assert (await talk.say("STARTTLS"))[:9] == "503 5.5.1"


async def test_what_was_said_before_is_forgotten(pem: Pem) -> None:
    async with tls_house(pem) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO)
        await secured(talk, greets=False)
        assert (await talk.say(TO_BO))[:9] == "503 5.5.1"
        assert (await talk.say(FROM_ANN))[:9] == "503 5.5.1"  # EHLO is wanted anew


async def test_commands_sent_in_clear_text_are_not_obeyed_in_tls(pem: Pem) -> None:
    async with tls_house(pem) as house, house.talk() as talk:
        injected = f"STARTTLS\r\n{HELLO}\r\n{FROM_ANN}\r\n".encode()
        assert (await talk.raw(injected))[:3] == "220"
        await talk.writer.start_tls(trusting())
        assert (await talk.say(TO_BO))[:9] == "503 5.5.1"  # the only reply: none to the others


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("said", [b"MAIL FROM:<ann@far.example>\r\n" * 10, b"\x16\x03", b""])
def test_a_failed_handshake_ends_the_session_and_frees_its_place(
    pem: Pem, said: bytes, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def fail_often() -> None:
        crowded = a_house(tls_certificate=pem[0], tls_key=pem[1], max_sessions=2)
        async with crowded as house, house.talk() as other:
            for _ in range(5):
                async with house.talk() as talk:
                    assert (await talk.say("STARTTLS"))[:3] == "220"
                    if said:
                        await talk.put(said)
                        talk.writer.write_eof()
                        await talk.rest()
                    else:
                        talk.writer.transport.abort()
                await other.say("NOOP")  # time for the server to see that it is gone
                await other.say("NOOP")
            assert (await other.say("NOOP"))[:3] == "250"

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(fail_often())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_versions_older_than_1_2_are_refused(pem: Pem) -> None:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with tls_house(pem) as house, house.talk() as talk:
        await talk.say("STARTTLS")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await talk.writer.start_tls(context)


def test_libraries_get_through_on_the_loop_that_the_service_runs_on(pem: Pem) -> None:
    async def send() -> None:
        async with tls_house(pem) as house:
            raw = b"Subject: x\r\n\r\n" + b"y" * 200_000
            for is_tls in (True, False):
                await aiosmtplib.send(
                    raw,
                    sender="ann@far.example",
                    recipients=["bo@shop.example"],
                    hostname="127.0.0.1",
                    port=house.smtp.smtp_port,
                    start_tls=is_tls,
                    tls_context=trusting() if is_tls else None,
                )
            assert [bool(mail.tls) for mail in house.log.mails] == [True, False]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send())


async def test_a_certificate_that_can_not_be_used_is_told(tmp_path: Path, pem: Pem) -> None:
    for certificate in (str(tmp_path / "none.pem"), pem[1]):
        with pytest.raises(Misconfigured, match=r"the certificate .* can't be used"):
            async with a_house(tls_certificate=certificate):
                pass


# --- builders -----------------------------------------------------------------------------


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


def tls_house(pem: Pem) -> AbstractAsyncContextManager[House]:
    return a_house(tls_certificate=pem[0], tls_key=pem[1])


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def secured(talk: Talk, *, greets: bool = True) -> None:
    assert (await talk.say("STARTTLS"))[:9] == "220 2.0.0"
    await talk.writer.start_tls(trusting())
    if greets:
        await talk.say(HELLO)
