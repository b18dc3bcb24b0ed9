"""Delivery to a real Postfix, which hands the mail on: it arrives byte for byte."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.peers import postfix
from tests.outbound.certificates import made
from tests.outbound.house import FAR, RAW, delivered, due, relaying
from tests.outbound.peer import Peer, listening

pytestmark = pytest.mark.process

LARGE = RAW + b".\r\n" + b"".join(b"line %d\r\n" % n for n in range(50_000))


@pytest.mark.parametrize("in_tls", [False, True])
async def test_postfix_takes_mail_and_tells_who_is_not_there(folder: Path, *, in_tls: bool) -> None:
    async with listening(Peer()) as sink:
        own: dict[str, object] = {
            "relayhost": f"[127.0.0.1]:{sink.port}",
            "smtpd_recipient_restrictions": f"check_recipient_access inline:{{nobody@{FAR}=REJECT}}"
            ", permit_mynetworks, reject",
        }
        if in_tls:
            certificate = made(folder, f"mx.{FAR}")
            own |= {
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": certificate.pem,
                "smtpd_tls_key_file": certificate.key,
            }
        with postfix.running(folder, own) as (port, _):
            async with relaying(port) as relay:
                for number, raw in enumerate((RAW, LARGE)):
                    bo, nobody = await delivered(
                        relay, due("bo", "nobody", delivery_id=f"{number}"), raw
                    )
                    assert (bo.status, bo.code, bool(bo.tls)) == ("delivered", 250, in_tls)
                    assert (nobody.status, nobody.enhanced) == ("failed", "5.7.1")
                [large] = await delivered(relay, due(delivery_id="large"), b"x" * 70_000_000)
                assert (large.status, large.enhanced) == ("failed", "5.3.4")
            await arrived(sink, 2)
    by_size = sorted(sink.taken, key=lambda each: len(each.data))
    for taken, raw in zip(by_size, (RAW, LARGE), strict=True):
        body = taken.data.replace(b"\r\n..", b"\r\n.").partition(b"\r\n\r\n")[2]
        assert body == raw.partition(b"\r\n\r\n")[2]


async def arrived(sink: Peer, count: int) -> None:
    """Wait until the sink has so many."""
    async with asyncio.timeout(30):
        while len(sink.taken) < count:  # noqa: ASYNC110  Postfix tells nobody
            await asyncio.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postfix's own users may enter."""
    if not postfix.is_installed() or os.geteuid() != 0:
        pytest.skip("needs Postfix, and root to start it")
    made_here = Path(tempfile.mkdtemp(prefix="rillmail-postfix-"))
    made_here.chmod(0o755)
    yield made_here
    shutil.rmtree(made_here, ignore_errors=True)
