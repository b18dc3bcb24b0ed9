"""Our signatures, proved by OpenDKIM: as a milter of a real Postfix that we deliver to."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bench.peers import postfix
from connectors.memory.blobs import MemoryBlobs
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.url_key import MemoryUrlKey
from tests.outbound.house import AT, delivered, relaying
from tests.outbound.peer import Peer, listening
from topologies.events import DeliveryDue, MailOutgoing
from topologies.mail import dkim_private, domain_records, ids
from topologies.outbound.sign import sign
from topologies.ports.dkim_keys import Algorithm, DkimKey
from topologies.ports.policy import SignPolicy

pytestmark = pytest.mark.process

DOMAIN = "shop.example"
RAW = (
    "From: Änn <ann@shop.example>\r\nTo: bo@far.example\r\n"
    "Subject: a subject that is folded, since it is quite long, and goes on below\r\n"
    "\there\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Größe  with  spaces \r\n.a dot\r\nFrom here on\r\n\r\n\r\n"
).encode()
HEADER = re.compile(rb"^Authentication-Results: (.*?)\r\n(?![ \t])", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "algorithms",
    [["rsa-sha256"], ["ed25519-sha256"], ["ed25519-sha256", "rsa-sha256"]],
    ids=["rsa", "ed25519", "both"],
)
async def test_opendkim_proves_what_we_sign(folder: Path, algorithms: Sequence[Algorithm]) -> None:
    keys = [key(algorithm) for algorithm in algorithms]
    due = await signed(keys)
    assert due.raw is not None
    assert due.raw.count(b"DKIM-Signature: ") == len(keys)
    [whole, changed] = await seen(folder, keys, [due.raw, due.raw + b"P.S.\r\n"])
    assert whole.count("dkim=pass") == len(keys), whole
    assert "dkim=fail" not in whole
    assert changed.count("dkim=pass") == 0, changed
    assert "dkim=fail" in changed


async def seen(folder: Path, keys: Sequence[DkimKey], mails: Sequence[bytes]) -> Sequence[str]:
    """Deliver *mails* to Postfix, and return what its OpenDKIM found out about each."""
    with opendkim(folder, keys) as milter:
        own: dict[str, object] = {
            "smtpd_milters": f"inet:127.0.0.1:{milter}",
            "milter_default_action": "tempfail",
        }
        async with listening(Peer()) as sink:
            with postfix.running(folder, own | {"relayhost": f"[127.0.0.1]:{sink.port}"}) as (
                port,
                _,
            ):
                async with relaying(port) as relay:
                    for number, raw in enumerate(mails):
                        due = a_delivery(f"{number}", raw)
                        [result] = await delivered(relay, due, raw)
                        assert result.status == "delivered", result
                        await arrived(sink, number + 1)
            return [_found(taken.data) for taken in sink.taken]


def _found(data: bytes) -> str:
    return " ".join(match[1].decode() for match in HEADER.finditer(data.partition(b"\r\n\r\n")[0]))


@contextmanager
def opendkim(folder: Path, keys: Sequence[DkimKey]) -> Generator[int]:
    """Run OpenDKIM as a verifier to whom *keys* are in the DNS; yield the port of its milter."""
    records = domain_records.wanted(DOMAIN, f"mx.{DOMAIN}", keys, AT)
    names = folder / "records"
    names.write_text("".join(f"{r.name} {r.value}\n" for r in records if r.what == "dkim"))
    port = postfix.free_port()
    config = folder / "opendkim.conf"
    config.write_text(
        f"Mode v\nSocket inet:{port}@127.0.0.1\nBackground no\nAutoRestart no\nSyslog no\n"
        f"AlwaysAddARHeader yes\nAuthservID mx.far.example\nTestDNSData file:{names}\n"
        "ExternalIgnoreList 192.0.2.99\nInternalHosts 192.0.2.99\nPeerList 192.0.2.99\n"
    )
    with (
        (folder / "opendkim.log").open("a") as log,
        postfix.process(["opendkim", "-f", "-x", str(config)], log),
    ):
        postfix.wait_for(port)
        yield port


async def signed(keys: Sequence[DkimKey]) -> DeliveryDue:
    """Return a mail of ours as it goes out."""
    kept = MemoryDkimKeys()
    for each in keys:
        await kept.add(each)
    mail = MailOutgoing(
        mail_id=ids.derived_id(AT, "signed"),
        submitted_at=AT,
        user_id="user-1",
        mail_from=f"ann@{DOMAIN}",
        recipients=("bo@far.example",),
        size_bytes=len(RAW),
        raw=RAW,
    )
    policy = SignPolicy(hostname=f"mx.{DOMAIN}")
    events = await sign(mail, keys=kept, blobs=MemoryBlobs(), url_key=MemoryUrlKey(), policy=policy)
    [due] = [each for each in events if isinstance(each, DeliveryDue)]
    return due


def a_delivery(number: str, raw: bytes) -> DeliveryDue:
    return DeliveryDue(
        delivery_id=number,
        mail_id=number,
        submitted_at=AT,
        mail_from=f"ann@{DOMAIN}",
        destination="far.example",
        recipients=("bo@far.example",),
        size_bytes=len(raw),
        due_at=AT,
    )


def key(algorithm: Algorithm) -> DkimKey:
    return DkimKey(
        domain=DOMAIN,
        selector=f"of-{algorithm.partition('-')[0]}",
        algorithm=algorithm,
        private_key=dkim_private.make(algorithm),
        created_at=AT,
        signs_from=AT - timedelta(days=1),
        signs_until=None,
    )


async def arrived(sink: Peer, count: int) -> None:
    """Wait until the sink has so many."""
    async with asyncio.timeout(60):
        while len(sink.taken) < count:  # noqa: ASYNC110  Postfix tells nobody
            await asyncio.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postfix's own users may enter."""
    installed = shutil.which("opendkim", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not postfix.is_installed() or installed is None or os.geteuid() != 0:
        pytest.skip("needs Postfix and OpenDKIM, and root to start them")
    made_here = Path(tempfile.mkdtemp(prefix="rillmail-opendkim-"))
    made_here.chmod(0o755)
    yield made_here
    shutil.rmtree(made_here, ignore_errors=True)
