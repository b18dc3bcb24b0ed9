"""The two requests that every mail costs, without the detours of the AWS library.

A signature is four hashes (AWS Signature Version 4), the library's way to it and back takes
twice the CPU of all the rest. Only success is understood here: whatever else comes of a
request, it is made again by the library, which tries several times and whose errors are known.
"""

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp

from topologies.errors import Retryable

LARGE_BYTES = 512 * 1024  # from here on a content is sent piece by piece
_EMPTY = hashlib.sha256(b"").hexdigest()
_NOT_OURS = ("User-Agent", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What requests are signed with, for a while."""

    access_key: str
    secret_key: str
    token: str | None


class DirectRequests:
    """Signed requests to one bucket."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        keys: Callable[[], Awaitable[Keys]],
        *,
        bucket_url: str,
        region: str,
    ) -> None:
        """Send by *session*, which is closed by its opener; *keys* is asked for each request."""
        at = urlsplit(bucket_url)
        self._session = session
        self._keys = keys
        self._url = bucket_url
        self._path = at.path
        self._host = at.netloc
        self._region = region
        self._signing: tuple[str, str, bytes] = ("", "", b"")

    async def put(self, key: str, content: bytes, sha256: str, *, if_absent: bool) -> int:
        """Send *content*; return the status of the answer."""
        headers = await self._signed("PUT", key, sha256)
        if if_absent:
            headers["If-None-Match"] = "*"
        status, _ = await self._answer("PUT", key, headers, content)
        return status

    async def get(self, key: str) -> tuple[int, bytes]:
        """Return the status of the answer, and the content if it is 200."""
        return await self._answer("GET", key, await self._signed("GET", key, _EMPTY), None)

    async def _answer(
        self, method: str, key: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        try:
            async with self._session.request(
                method,
                f"{self._url}/{key}",
                headers=headers,
                data=content if content is None or len(content) < LARGE_BYTES else BytesIO(content),
                skip_auto_headers=_NOT_OURS,
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retryable(f"S3 is out of reach: {error}", outage=True) from error

    async def _signed(self, method: str, key: str, sha256: str) -> dict[str, str]:
        """Return the headers of a request for *key*, whose characters need no escaping."""
        keys = await self._keys()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"host": self._host, "x-amz-content-sha256": sha256, "x-amz-date": moment}
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        names = ";".join(headers)  # in order by name already
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"{method}\n{self._path}/{key}\n\n{lines}\n{names}\n{sha256}"
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = hmac.digest(self._signing_key(keys, moment[:8]), text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope},"
            f"SignedHeaders={names},Signature={signature}"
        )
        del headers["host"]  # the client says it itself
        return headers

    def _signing_key(self, keys: Keys, day: str) -> bytes:
        known_day, known_key, signing_key = self._signing
        if (known_day, known_key) != (day, keys.secret_key):
            signing_key = f"AWS4{keys.secret_key}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                signing_key = hmac.digest(signing_key, part.encode(), "sha256")
            self._signing = (day, keys.secret_key, signing_key)
        return signing_key
