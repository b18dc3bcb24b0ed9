"""S3 itself: outages, parts that fail, sweeps beside puts, signed URLs.

What every blob store must do is in tests/contracts/test_blobs.py.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.s3.blobs import PART_BYTES, S3Blobs
from connectors.s3.client import Head, S3Client, open_client
from connectors.settings import load
from tests.live import engines
from tests.live.proxy import proxy
from topologies.errors import BlobMissing, Misconfigured, NoSpace, Retryable

pytestmark = pytest.mark.live

DAY = timedelta(days=1)


# --- what fails ---------------------------------------------------------------------


async def test_a_part_that_fails_is_sent_again_and_what_is_stored_is_whole() -> None:
    content = b"0123456789abcdef" * (PART_BYTES // 8) + b"end"  # two parts and a bit
    async with front("partNumber=2", times=1) as (url, sent), engines.s3(url) as client:
        [blob] = await S3Blobs(client).put([content])
        assert sent() == 2
        assert hashlib.sha256(await S3Blobs(client).get(blob)).hexdigest() == blob


async def test_a_request_that_fails_once_is_made_again() -> None:
    async with front("/blobs/", times=1) as (url, sent), engines.s3(url) as client:
        [blob] = await S3Blobs(client).put([b"x"])
        assert await S3Blobs(client).get(blob) == b"x"
        assert sent() == 3


async def test_a_large_content_that_can_not_be_sent_leaves_no_parts() -> None:
    content = bytes(PART_BYTES + 1)
    async with front("partNumber=2", times=100) as (url, _), engines.s3(url) as client:
        with pytest.raises(Retryable) as refused:
            await S3Blobs(client).put([content])
        assert refused.value.outage
        assert await client.abort_uploads(datetime.now(UTC) + DAY) == 0
        with pytest.raises(BlobMissing):
            await S3Blobs(client).size(hashlib.sha256(content).hexdigest())


async def test_parts_that_a_killed_process_left_are_removed_by_the_sweep() -> None:
    content = bytes(PART_BYTES + 1)
    failing = front("(partNumber=2|DELETE /)", times=100)
    async with failing as (url, _), engines.s3(url) as client:
        with pytest.raises(Retryable):
            await S3Blobs(client).put([content])
        async with same_bucket(client) as direct:
            assert [blob async for blob in S3Blobs(direct).old(datetime.now(UTC) + DAY)] == []
            assert await direct.abort_uploads(datetime.now(UTC) + DAY) == 0


async def test_while_the_service_is_away_all_is_to_be_tried_again_and_later_works() -> None:
    at = urlsplit(load().s3_url)
    async with proxy(at.hostname or "", at.port or 0) as line, engines.s3(line.url) as client:
        blobs = S3Blobs(client)
        [blob] = await blobs.put([b"before"])
        await line.cut()
        for ask in (lambda: blobs.put([b"x"]), lambda: blobs.get(blob), lambda: blobs.size(blob)):
            with pytest.raises(Retryable) as refused:
                await ask()
            assert refused.value.outage
        await line.open()
        assert await blobs.get(blob) == b"before"
        await blobs.put([b"x"])


async def test_while_the_service_hangs_nobody_waits_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = urlsplit(load().s3_url)
    async with proxy(at.hostname or "", at.port or 0) as line, engines.s3(line.url) as client:
        blobs = S3Blobs(client)
        [blob] = await blobs.put([b"before"])
        monkeypatch.setattr("connectors.s3.client.WITHIN_S", 10.2)  # of which reading takes ten
        line.stall()
        asked = time.monotonic()
        ended = await asyncio.gather(
            blobs.put([b"x"]),
            blobs.put([bytes(PART_BYTES + 1)]),
            blobs.get(blob),
            blobs.size(blob),
            anext(aiter(blobs.stream(blob))),
            return_exceptions=True,
        )
        assert time.monotonic() - asked < 15
        assert [type(each) for each in ended] == [Retryable] * 5
        assert all(isinstance(each, Retryable) and each.outage for each in ended)
        line.flow()
        assert await blobs.get(blob) == b"before"
        await blobs.put([b"x"])


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (503, "SlowDown", Retryable),
        (500, "InternalError", Retryable),
        (507, "XMinioStorageFull", NoSpace),
        (403, "QuotaExceeded", NoSpace),
        (403, "AccessDenied", Misconfigured),
        (403, "RequestTimeTooSkewed", Retryable),
    ],
)
async def test_what_the_service_refuses_means_what_it_means(
    status: int, code: str, expected: type[Exception]
) -> None:
    failing = front("PUT /[^/]+/blobs/", times=100, status=status, code=code)
    async with failing as (url, _), engines.s3(url) as client:
        with pytest.raises(expected) as refused:
            await S3Blobs(client).put([b"x"])
        if isinstance(refused.value, Retryable):
            assert refused.value.outage
            assert (refused.value.after_s is not None) == (code == "SlowDown")


async def test_a_missing_bucket_is_no_missing_blob() -> None:
    async with engines.s3() as client, same_bucket(client, bucket="rillmail-none") as other:
        blobs = S3Blobs(other)
        unknown = "0" * 64
        for ask in (
            lambda: blobs.put([b"x"]),
            lambda: blobs.get(unknown),
            lambda: blobs.size(unknown),
        ):
            with pytest.raises(Misconfigured):
                await ask()


async def test_wrong_keys_are_a_matter_of_the_settings() -> None:
    async with engines.s3() as client, same_bucket(client, secret_key="wrong") as other:
        with pytest.raises(Misconfigured):
            await S3Blobs(other).ensure_bucket()


async def test_a_bucket_that_is_there_is_left_as_it_is() -> None:
    async with engines.s3() as client:
        [blob] = await S3Blobs(client).put([b"x"])
        await S3Blobs(client).ensure_bucket()
        assert await S3Blobs(client).get(blob) == b"x"


# --- requests -----------------------------------------------------------------------


async def test_what_was_put_a_moment_ago_is_not_put_again() -> None:
    async with front("/blobs/", times=0) as (url, seen), engines.s3(url) as client:
        blobs = S3Blobs(client)
        await blobs.put([b"x"])
        once = seen()
        await blobs.put([b"x", b"x"])
        assert await blobs.put_stream(chunks([b"x"])) == (hashlib.sha256(b"x").hexdigest(), 1)
        assert (once, seen()) == (1, 1)


# --- a sweep beside puts ------------------------------------------------------------


async def test_a_put_at_the_very_moment_of_a_deletion_waits_and_stores_anew() -> None:
    async with engines.s3() as client:
        watched, paused = Watched(client), Paused(client)
        putter = S3Blobs(watched, grace=timedelta(0))
        [blob] = await putter.put([b"content"])
        before = datetime.now(UTC) + DAY
        sweeping = asyncio.create_task(S3Blobs(paused).delete([blob], before))
        await paused.is_about_to_delete.wait()
        putting = asyncio.create_task(putter.put([b"content"]))
        await watched.has_looked_for_a_sweep.wait()
        assert not putting.done()
        paused.may_delete.set()
        assert await sweeping == 1
        assert await putting == [blob]
        assert await putter.get(blob) == b"content"


async def test_two_sweeps_are_not_at_one_place_at_once() -> None:
    async with engines.s3() as client:
        [blob] = await S3Blobs(client).put([b"content"])
        before, paused = datetime.now(UTC) + DAY, Paused(client)
        sweeping = asyncio.create_task(S3Blobs(paused).delete([blob], before))
        await paused.is_about_to_delete.wait()
        with pytest.raises(Retryable):
            await S3Blobs(client).delete([blob], before)
        paused.may_delete.set()
        assert await sweeping == 1
        assert [key async for key, _ in client.keys("")] == []


# --- signed URLs --------------------------------------------------------------------


async def test_a_signed_url_is_a_download_under_the_name_that_the_mail_gave_it() -> None:
    async with engines.s3() as client, httpx.AsyncClient(trust_env=False) as browser:
        blobs = S3Blobs(client)
        [blob] = await blobs.put([b"%PDF"])
        url = await blobs.signed_url(
            blob, file_name='ü "1".pdf', content_type="application/pdf", expires_s=300
        )
        answer = await browser.get(url)
        assert (answer.status_code, answer.content) == (200, b"%PDF")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"___1_.pdf\"; filename*=UTF-8''%C3%BC%20%221%22.pdf"
        )
        assert "X-Amz-Expires=300" in url
        for other in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.split("?")[0]):
            assert (await browser.get(other)).status_code == 403


async def test_a_type_that_no_browser_should_guess_at_is_bytes() -> None:
    async with engines.s3() as client, httpx.AsyncClient(trust_env=False) as browser:
        [blob] = await S3Blobs(client).put([b"x"])
        url = await S3Blobs(client).signed_url(
            blob, file_name="x.html", content_type="text/html; charset=x\r\nA: b", expires_s=60
        )
        assert (await browser.get(url)).headers["content-type"] == "application/octet-stream"


# --- builders -----------------------------------------------------------------------


class Paused:
    """A client that stops short of deleting blobs until it may."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self.is_about_to_delete = asyncio.Event()
        self.may_delete = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def delete(self, keys: Sequence[str]) -> None:
        if keys[0].startswith("blobs/"):
            self.is_about_to_delete.set()
            await self.may_delete.wait()
        await self._client.delete(keys)


class Watched:
    """A client that tells when somebody looks whether a sweep is at work."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self.has_looked_for_a_sweep = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def head(self, key: str) -> Head:
        try:
            return await self._client.head(key)
        finally:
            if key.startswith("sweeping/"):
                self.has_looked_for_a_sweep.set()


@asynccontextmanager
async def front(
    pattern: str, *, times: int, status: int = 503, code: str = "ServiceUnavailable"
) -> AsyncGenerator[tuple[str, Any]]:
    """An HTTP front before S3 that refuses the first so many requests that match.

    Yields its URL, and what tells how many matched.
    """
    at, matched = urlsplit(load().s3_url), 0
    words = f"<Error><Code>{code}</Code><Message>refused</Message></Error>"
    head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(words)}\r\nConnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal matched
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", asked)
            if b"100-continue" in asked:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                asked = re.sub(rb"(?i)expect: 100-continue\r\n", b"", asked)
            asked = re.sub(rb"(?i)connection: keep-alive", b"Connection: close", asked)
            body = await reader.readexactly(int(length[1]) if length else 0)
            line = asked.partition(b"\r\n")[0].decode()
            if re.search(pattern, line):
                matched += 1
                if matched <= times:
                    writer.write((head + words).encode())
                    return
            to_reader, to_writer = await asyncio.open_connection(at.hostname, at.port)
            to_writer.write(asked + body)
            writer.write(await to_reader.read(-1))
            to_writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=64 * 1024)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", lambda: matched


@asynccontextmanager
async def same_bucket(client: S3Client, **changes: str) -> AsyncGenerator[S3Client]:
    settings = load()
    names = {
        "url": settings.s3_url,
        "region": settings.s3_region,
        "bucket": client.bucket,
        "access_key": settings.s3_access_key,
        "secret_key": settings.s3_secret_key,
    }
    async with open_client(**names | changes) as other:
        yield other


def key_of(blob: str) -> str:
    return f"blobs/{blob[:2]}/{blob[2:4]}/{blob}"


async def chunks(contents: list[bytes]) -> AsyncGenerator[bytes]:
    for content in contents:
        yield content
