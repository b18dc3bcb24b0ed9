# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The S3 protocol, typed: the one file that knows aiobotocore.

One client is one bucket. Requests are signed with the hash of their body (SigV4), so what
arrives is what was sent. aiobotocore tries each request up to three times, in bounded time; what
still fails is told in our own errors.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.loaders import Loader, create_loader

from connectors.access import Access, Place
from connectors.s3.direct import DirectRequests, Keys
from connectors.s3.meaning import Absent, OutOfRange, Present, translated
from topologies.errors import MailError, Misconfigured, Retryable

CHUNK_BYTES = 256 * 1024
ATTEMPTS = 3
CONNECT_TIMEOUT_S = 3
PLACE_TIMEOUT_S = 5  # for one of the connections to be free
READ_TIMEOUT_S = 10  # in which a service at work sends something
WITHIN_S = 20.0  # all tries, until an answer begins: who sends a mail, or reads one, waits for it
ABORT_TIMEOUT_S = 10.0
CHECK_WITHIN_S = 3.0
MOST_CONNECTIONS = 64
PARTS_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of an object, by the clock of the service."""

    size_bytes: int
    modified_at: datetime
    age: timedelta


class Source(Protocol):
    """A content that is sent in parts."""

    def part(self, number: int) -> Awaitable[bytes]:
        """Return the part, counted from 0; it may be asked for again."""
        ...


class S3Client:
    """One bucket of an S3 service."""

    def __init__(
        self,
        client: Any,
        direct: DirectRequests,
        bucket: str,
        access: Access,
        places: Sequence[Place],
    ) -> None:
        self._client = client
        self._direct = direct
        self._access = access
        self._places = places
        self.bucket = bucket

    async def check(self) -> None:
        """Find out whether the service lets us in; one that is away may come yet.

        Raises:
            Misconfigured: It does not; says why, and which setting to look at.
        """
        if not self._access.is_tls:
            return
        await self._access.check(self._places)
        with suppress(Retryable, Absent):
            try:
                async with _asked("bucket", CHECK_WITHIN_S):
                    await self._client.head_bucket(Bucket=self.bucket)
            except Misconfigured as error:
                raise self._access.refused(str(error)) from error

    async def ensure_bucket(self) -> None:
        """Make the bucket unless it is there.

        Raises:
            Misconfigured: It can't be: the keys are wrong, or it is somebody else's.
            Retryable: The service is out of reach.
        """
        try:
            async with _asked("bucket"):
                await self._client.head_bucket(Bucket=self.bucket)
        except Absent:
            with suppress(Present), translated("bucket"):  # another process was faster
                await self._client.create_bucket(Bucket=self.bucket)

    async def remove_bucket(self) -> None:
        """Remove the bucket, which must hold nothing."""
        with translated("bucket"):
            await self._client.delete_bucket(Bucket=self.bucket)

    async def put(self, key: str, content: bytes, *, sha256: str, if_absent: bool) -> None:
        """Store *content*.

        Raises:
            Present: *if_absent*, and something is there.
        """
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        async with _asked(key):
            with suppress(Retryable):
                status = await self._direct.put(key, content, sha256, if_absent=if_absent)
                if status == 200:
                    return
                if status == 412:
                    raise Present(key)
            await self._client.put_object(Bucket=self.bucket, Key=key, Body=content, **condition)

    async def put_parts(self, key: str, source: Source, count: int) -> None:
        """Store what *count* parts make together; all but the last have 5 MiB at least.

        Parts that were sent of what comes to nothing are removed.
        """
        async with _asked(key):
            begun = await self._client.create_multipart_upload(Bucket=self.bucket, Key=key)
        upload = {"Bucket": self.bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            parts = await self._sent(upload, source, count)
            with translated(key):
                await self._client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}
                )
        except BaseException:
            # Also when cancelled: what a killed process leaves is removed by the sweep.
            await asyncio.shield(self._abort(upload))
            raise

    async def get(self, key: str) -> bytes:
        """Return the object's content.

        Raises:
            Absent: There is none.
        """
        with suppress(Retryable):
            status, content = await self._direct.get(key)
            if status == 200:
                return content
        async with _asked(key, WITHIN_S - READ_TIMEOUT_S):  # nothing may have come so far
            answer = await self._client.get_object(Bucket=self.bucket, Key=key)
        async with answer["Body"] as body:
            with translated(key):
                return await body.read()

    async def stream(self, key: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        """Yield the bytes from *start* up to but without *end*, which is more.

        Raises:
            Absent: There is no such object.
        """
        asked = f"bytes={start}-{'' if end is None else end - 1}"  # RFC 9110 §14.1.2
        try:
            async with _asked(key):
                answer = await self._client.get_object(Bucket=self.bucket, Key=key, Range=asked)
        except OutOfRange:
            return
        async with answer["Body"] as body:
            while True:
                with translated(key):
                    chunk = await body.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    async def head(self, key: str) -> Head:
        """Return what is known of the object.

        Raises:
            Absent: There is none.
        """
        try:
            async with _asked(key):
                found = await self._client.head_object(Bucket=self.bucket, Key=key)
        except Absent:
            # The answer to a HEAD has no body that tells a missing object from a missing bucket.
            await self._check_bucket()
            raise
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        modified_at: datetime = found["LastModified"]
        return Head(
            size_bytes=found["ContentLength"], modified_at=modified_at, age=now - modified_at
        )

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """Yield all keys that begin with *prefix*, in order, with their last modification."""
        after = prefix
        while True:
            async with _asked(prefix):
                found = await self._client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, StartAfter=after
                )
            for each in found.get("Contents", ()):
                after = each["Key"]
                yield after, each["LastModified"]
            if not found["IsTruncated"]:
                return

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects; those that are not there are no error."""
        objects = [{"Key": key} for key in keys]
        async with _asked("delete"):
            answer = await self._client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
            )
        # Some services take it for an error when an object is deleted by two at once.
        errors = [each for each in answer.get("Errors", ()) if each.get("Code") != "NoSuchKey"]
        if errors:
            code = errors[0].get("Code")
            raise Retryable(f"S3 did not delete {len(errors)} of {len(keys)}: {code}")

    async def abort_uploads(self, before: datetime) -> int:
        """Remove parts of uploads begun before that moment and never ended."""
        async with _asked("uploads"):
            found = await self._client.list_multipart_uploads(Bucket=self.bucket)
        old = [each for each in found.get("Uploads", ()) if each["Initiated"] < before]
        for each in old:
            await self._abort(
                {"Bucket": self.bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
            )
        return len(old)

    async def signed_url(
        self, key: str, *, disposition: str, content_type: str, expires_s: int
    ) -> str:
        """Return a URL by which whoever has it can fetch the object for a while."""
        return await self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "ResponseContentDisposition": disposition,
                "ResponseContentType": content_type,
            },
            ExpiresIn=expires_s,
        )

    async def _sent(
        self, upload: dict[str, str], source: Source, count: int
    ) -> list[dict[str, Any]]:
        few = asyncio.Semaphore(PARTS_AT_ONCE)

        async def send(number: int) -> dict[str, Any]:
            async with few:
                content = await source.part(number)
                with translated(upload["Key"]):
                    answer = await self._client.upload_part(
                        **upload, PartNumber=number + 1, Body=content
                    )
                return {"PartNumber": number + 1, "ETag": answer["ETag"]}

        tasks = [asyncio.create_task(send(number)) for number in range(count)]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _abort(self, upload: dict[str, str]) -> None:
        try:
            async with _asked(upload["Key"], ABORT_TIMEOUT_S):
                await self._client.abort_multipart_upload(**upload)
        except (Absent, MailError):
            return  # the sweep removes it

    async def _check_bucket(self) -> None:
        try:
            async with _asked("bucket"):
                await self._client.head_bucket(Bucket=self.bucket)
        except Absent:
            raise Misconfigured(f"there is no S3 bucket {self.bucket}") from None


@asynccontextmanager
async def _asked(what: str, within_s: float | None = None) -> AsyncGenerator[None]:
    """Bound what is asked about *what* in time, and tell its errors in our words."""
    with translated(what):
        async with asyncio.timeout(WITHIN_S if within_s is None else within_s):
            yield


def place_of(url: str) -> Place:
    """Return host and port of a URL.

    Raises:
        Misconfigured: It is none.
    """
    at = urlsplit(url)
    if at.scheme not in ("http", "https") or not at.hostname:
        raise Misconfigured(f"s3_url: {url!r} is no URL")
    return at.hostname, at.port or (443 if at.scheme == "https" else 80)


@functools.cache
def _loader(path: str | None) -> Loader:
    """Return what reads the library's description of S3: by itself, each client reads it anew.

    That takes as long as all else that a short command does.
    """
    return create_loader(path)


@asynccontextmanager
async def open_client(
    *,
    url: str,
    region: str,
    bucket: str,
    access_key: str = "",
    secret_key: str = "",
    access: Access | None = None,
) -> AsyncGenerator[S3Client]:
    """Open a client of *bucket*, and close it at the end.

    Args:
        url: Of the service; empty: Amazon's.
        region: That requests are signed for.
        bucket: Its name; made by ``ensure_bucket``.
        access_key: Empty: keys are found as AWS clients find them (environment, role).
        secret_key: Belongs to it.
        access: Whom to believe with https; None: the machine's authorities.
    """
    access = access or Access(engine="s3")
    tls = access.tls() if access.ca_file else None
    config = AioConfig(
        signature_version="s3v4",
        s3={
            # A host of one's own has no name for each bucket.
            "addressing_style": "path" if url else "auto",
            "payload_signing_enabled": True,
        },
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=MOST_CONNECTIONS,
        parameter_validation=False,  # ours are typed
        # The signature covers the body already.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    timeouts = aiohttp.ClientTimeout(
        connect=PLACE_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S
    )
    session = get_session()
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    async with (
        session.create_client(
            "s3",
            endpoint_url=url or None,
            region_name=region,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            verify=access.ca_file or None,
            config=config,
        ) as client,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, ssl=tls or True),
            timeout=timeouts,
        ) as http,
    ):
        found = None if access_key else await session.get_credentials()

        async def keys() -> Keys:
            if access_key:
                return Keys(access_key=access_key, secret_key=secret_key, token=None)
            if found is None:
                raise Misconfigured("S3: there are no keys")
            now = await found.get_frozen_credentials()
            return Keys(access_key=now.access_key, secret_key=now.secret_key, token=now.token)

        at = (
            url.rstrip("/") + f"/{bucket}" if url else f"https://{bucket}.s3.{region}.amazonaws.com"
        )
        direct = DirectRequests(http, keys, bucket_url=at, region=region)
        yield S3Client(client, direct, bucket, access, [place_of(url)] if url else [])
