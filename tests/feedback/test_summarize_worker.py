"""Workers of the cluster gather a day of a domain, and report it once, though all comes twice."""

import asyncio
import email
import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import policy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.assembly.cluster import Worker, open_worker
from connectors.settings import load
from tests.contracts.dns_server import TestServer, serving
from tests.feedback.test_summarize import FAR, seen
from tests.live.engines import cluster_settings
from topologies.events import MailOutgoing
from topologies.mail import tls_report

pytestmark = pytest.mark.live
TIMEOUT_S = 120.0
COUNT = 20


async def test_a_day_is_gathered_and_reported_once_though_all_comes_twice(
    own: dict[str, str], tmp_path: Path
) -> None:
    zones = {f"_smtp._tls.{FAR}": {"TXT": [f'"v=TLSRPTv1; rua=mailto:tls@{FAR}"']}}
    async with serving(TestServer(zones)) as dns:
        more = {
            "RILLMAIL_DATA_DIR": str(tmp_path),
            "RILLMAIL_DNS_SERVERS": dns.address,
            "RILLMAIL_HOSTNAME": "mx.shop.example",
            "RILLMAIL_TLS_REPORTS": "true",
        }
        async with working(own | more, "tally_tls") as worker:
            at = worker.stores.clock.now() - timedelta(days=2)
            for _ in range(2):
                await worker.stores.log.append(seen("tls", COUNT, at=at))
            await until(lambda: is_there(worker, "summaries.due"))
            await until(lambda: is_done(worker))
            due = [r.value async for r in worker.stores.reader.read("summaries.due")]
        async with working(own | more, "summarize") as worker:
            await until(lambda: is_there(worker, "mail.outgoing"))
            await until(lambda: is_done(worker))
            read = worker.stores.reader.read("mail.outgoing")
            mails = [msgspec.json.decode(r.value, type=MailOutgoing) async for r in read]
    assert due
    assert len({(mail.mail_id, mail.raw) for mail in mails}) == 1
    message = email.message_from_bytes(mails[0].raw or b"", policy=policy.default)
    *_, file = message.walk()
    content: Any = file.get_payload(decode=True)
    [row] = tls_report.read(gzip.decompress(content)).rows
    assert (row.successes, row.failures) == (COUNT - 1, 1)


@asynccontextmanager
async def working(settings: dict[str, str], role: str) -> AsyncGenerator[Worker]:
    async with open_worker(load(settings), [role]) as worker:
        task = asyncio.create_task(worker.work())
        try:
            yield worker
        finally:
            await worker.stop()
            await task


async def is_there(worker: Worker, topic: str) -> bool:
    async for _ in worker.stores.reader.read(topic):
        return True
    return False


async def is_done(worker: Worker) -> bool:
    return sum((await worker.health())["lag"].values()) == 0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not await condition():  # noqa: ASYNC110  a broker tells nobody
            await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
def own() -> Iterator[dict[str, str]]:
    with cluster_settings() as settings:
        yield settings
