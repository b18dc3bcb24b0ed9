"""STARTTLS: when it is offered, what it forgets, and what is kept of it (RFC 3207)."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import uvloop

from tests.smtp.house import FROM_ANN, HELLO, TO_BO, House, Talk, a_house, mail_id_in, proxy_header
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


async def test_requiretls_is_offered_and_taken_in_tls_alone(pem: Pem) -> None:
    asked = f"{FROM_ANN} REQUIRETLS"
    async with tls_house(pem) as house, house.talk() as talk:
        assert "REQUIRETLS" not in await talk.say(HELLO)
        assert (await talk.say(asked))[:10] == "530 5.7.10"
        await secured(talk)
        assert "REQUIRETLS" in (await talk.say(HELLO)).replace("-", " ").split()
        assert (await talk.say(f"{asked}=yes"))[:9] == "501 5.5.4"
        assert (await talk.say(f"{asked} REQUIRETLS"))[:9] == "501 5.5.4"
        assert (await talk.say(asked))[:9] == "250 2.1.0"
        await talk.say("RSET")
        mail_id_in(await talk.send(b"Subject: x\r\n\r\ny\r\n", asked, TO_BO))
        mail_id_in(await talk.send(b"Subject: x\r\n\r\ny\r\n"))
        assert [mail.tls_required for mail in house.log.mails] == ["yes", ""]


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


# --- a port that begins in TLS (RFC 8314 §3) ----------------------------------------------


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_a_client_may_begin_in_tls_behind_a_proxy_or_not(
    pem: Pem, proxies: list[str], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def send() -> None:
        async with tls_house(pem, smtps_port=free_port(), proxy_networks=proxies) as house:
            async with raw_talk(house) as talk:
                if proxies:
                    await talk.put(proxy_header("192.0.2.7"))
                await talk.writer.start_tls(trusting())
                assert (await talk.reply())[:3] == "220"
                assert "250-STARTTLS" not in (await talk.say(HELLO)).splitlines()
                mail_id_in(await talk.send(b""))
                assert (await talk.say("STARTTLS"))[:9] == "503 5.5.1"
            [mail] = house.log.mails
            assert mail.tls.startswith("TLSv1.3 ")
            assert mail.client_ip == ("192.0.2.7" if proxies else "127.0.0.1")

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(send())


async def test_who_does_not_begin_in_tls_there_hears_nothing(pem: Pem) -> None:
    async with tls_house(pem, smtps_port=free_port()) as house:
        async with raw_talk(house) as talk:
            await talk.put(f"{HELLO}\r\n{FROM_ANN}\r\n".encode())
            assert "220" not in await talk.rest()
        async with raw_talk(house) as talk, asyncio.timeout(5):
            await house.smtp.close()


async def test_one_client_that_never_shakes_hands_keeps_nobody_else_out(pem: Pem) -> None:
    settings = {"max_client_sessions": 2, "proxy_networks": ["127.0.0.1"]}
    async with (
        tls_house(pem, smtps_port=free_port(), **settings) as house,
        raw_talk(house) as first,
        raw_talk(house) as second,
        raw_talk(house) as third,
        raw_talk(house) as other,
    ):
        for talk in (first, second):
            await talk.put(proxy_header("192.0.2.7"))
        await asyncio.sleep(0.1)
        await third.put(proxy_header("192.0.2.7"))
        assert await third.rest() == ""  # hung up on at once
        await other.put(proxy_header("192.0.2.8"))
        await other.writer.start_tls(trusting())
        assert (await other.reply())[:3] == "220"
        await first.writer.start_tls(trusting())
        assert (await first.reply())[:3] == "220"  # who had a place goes on


async def test_a_place_at_the_door_is_free_again_after_the_handshake(pem: Pem) -> None:
    settings = {"max_client_sessions": 1, "proxy_networks": ["127.0.0.1"]}
    async with tls_house(pem, smtps_port=free_port(), **settings) as house:
        for _ in range(3):
            async with raw_talk(house) as talk:
                await talk.put(proxy_header("192.0.2.7"))
                await talk.writer.start_tls(trusting())
                assert (await talk.reply())[:3] == "220"
                await talk.say("QUIT")
                assert await talk.reply() == ""


async def test_that_port_needs_a_certificate() -> None:
    with pytest.raises(Misconfigured, match="RILLMAIL_SMTPS_PORT needs a certificate"):
        async with a_house(smtps_port=free_port()):
            pass


# --- certificates that are renewed --------------------------------------------------------


async def test_a_renewed_certificate_is_used_without_a_restart(
    pem: Pem, other_pem: Pem, tmp_path: Path
) -> None:
    now = copied(pem, tmp_path)
    async with tls_house(now) as house:
        first = await shown(house)
        copied(other_pem, tmp_path)
        second = await shown(house)
        assert [first, second] == [der_of(pem), der_of(other_pem)]


async def test_files_that_can_not_be_used_leave_the_old_certificate(
    pem: Pem, other_pem: Pem, tmp_path: Path
) -> None:
    now = copied(pem, tmp_path)
    async with tls_house(now) as house:
        shutil.copy(other_pem[0], now[0])  # its key is not there yet
        assert await shown(house) == der_of(pem)
        shutil.copy(__file__, now[1])
        assert await shown(house) == der_of(pem)
        os.unlink(now[1])  # noqa: PTH108
        assert await shown(house) == der_of(pem)
        shutil.copy(other_pem[1], now[1])
        assert await shown(house) == der_of(other_pem)


# --- builders -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return made(tmp_path_factory.mktemp("pem"))


@pytest.fixture(scope="module")
def other_pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return made(tmp_path_factory.mktemp("pem"))


def made(folder: Path) -> Pem:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there: it makes the certificate")
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", key, "-out", certificate, "-subj", "/CN=mx.shop.example", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *kind, *files], check=True, capture_output=True)
    return certificate, key


def copied(pem: Pem, folder: Path) -> Pem:
    paths = str(folder / "now.pem"), str(folder / "now-key.pem")
    for source, target in zip(pem, paths, strict=True):
        shutil.copy(source, target)
    return paths


def der_of(pem: Pem) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(pem[0]).read_text())


async def shown(house: House) -> bytes | None:
    """Return the certificate that a client is shown now."""
    async with house.talk() as talk:
        await secured(talk)
        secure = talk.writer.get_extra_info("ssl_object")
        return secure.getpeercert(binary_form=True)


def tls_house(pem: Pem, **settings: Any) -> AbstractAsyncContextManager[House]:
    return a_house(tls_certificate=pem[0], tls_key=pem[1], **settings)


@asynccontextmanager
async def raw_talk(house: House) -> AsyncGenerator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.smtp.smtps_port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
