"""Contents by URL: signed, for minutes, so that a browser can fetch them without a token.

A URL of ours is signed with a key that all processes share, so each of them answers it. Where
clients reach the object store, they download attachments from there, by a URL that it made;
pictures within a text come from here in any case, as the page's policy lets none come from
elsewhere.

What strangers sent is never shown as a page of ours: it is offered as a download, its type
is not guessed (nosniff), and where a browser shows it all the same, it may run nothing
(a sandbox by CSP).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Iterable

import msgspec
from starlette.responses import Response, StreamingResponse

from api.context import Context
from api.endpoint import Call
from api.problems import Problem, not_found
from topologies.events import Attachment, BlobId
from topologies.mail.disposition import disposition, shown_type

LIVES_S = 300
NAME_CHARACTERS = 150  # of a file name in the URL
SIGNATURE_BYTES = 16
UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class _Grant(msgspec.Struct, frozen=True, array_like=True):
    blob: BlobId
    file_name: str
    content_type: str
    expires: int  # Unix time


async def urls_here(context: Context, attachments: Iterable[Attachment]) -> list[str]:
    """Return for each where its content can be fetched from us for a while, by whoever has it.

    Raises:
        Retryable: What signs URLs is out of reach.
    """
    key = await context.url_key.get()
    # Rounded up, so that a picture keeps its URL for a while and can be cached under it.
    expires = (int(context.clock.now().timestamp()) // LIVES_S + 2) * LIVES_S
    found: list[str] = []
    for each in attachments:
        name, declared = _name_and_type(each)
        payload = msgspec.json.encode(_Grant(each.blob, name, declared, expires))
        found.append(f"/blobs/{_to_text(payload)}.{_to_text(_signature(key, payload))}")
    return found


async def download_url(context: Context, attachment: Attachment, *, is_here: bool = False) -> str:
    """Return where *attachment* can be downloaded for a while, by whoever has the URL.

    Args:
        context: Knows whether clients reach the store.
        attachment: One that is kept.
        is_here: From us in any case.

    Raises:
        Retryable: What signs URLs is out of reach.
    """
    if is_here or context.blob_urls is None:
        [url] = await urls_here(context, [attachment])
        return url
    name, declared = _name_and_type(attachment)
    return await context.blob_urls.signed_url(
        attachment.blob, file_name=name, content_type=declared, expires_s=LIVES_S
    )


async def fetch(call: Call) -> Response:
    """Answer the content that a signed URL stands for."""
    grant = await _granted(call.context, call.path["token"])
    size = await call.context.blobs.size(grant.blob)
    etag = f'"{grant.blob}"'
    headers = {
        **UNTRUSTED,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={LIVES_S}",
        "Content-Disposition": disposition(grant.file_name),
        "ETag": etag,
    }
    asked = call.request.headers
    if etag in asked.get("if-none-match", ""):
        return Response(None, 304, headers)
    start, end, status = 0, size, 200
    is_read = call.request.method == "GET"  # a range of anything else is none (RFC 9110 §14.2)
    if is_read and "range" in asked and asked.get("if-range", etag) == etag:
        start, end, status = _range_of(asked["range"], size)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    headers["Content-Type"] = shown_type(grant.content_type)
    if not is_read:
        return StreamingResponse(_nothing(), status, headers)
    return StreamingResponse(call.context.blobs.stream(grant.blob, start, end), status, headers)


def _name_and_type(attachment: Attachment) -> tuple[str, str]:
    return attachment.file_name[:NAME_CHARACTERS], attachment.content_type[:255]


async def _granted(context: Context, token: str) -> _Grant:
    key = await context.url_key.get()
    try:
        payload, signature = map(_to_bytes, token.split("."))
        if not hmac.compare_digest(signature, _signature(key, payload)):
            raise not_found("this URL is none of ours, or its time is over")
        grant = msgspec.json.decode(payload, type=_Grant)
    except (ValueError, binascii.Error):
        raise not_found("this URL is none of ours, or its time is over") from None
    if grant.expires < context.clock.now().timestamp():
        raise not_found("this URL is none of ours, or its time is over")
    return grant


def _range_of(text: str, size: int) -> tuple[int, int, int]:
    """Return (start, end, status) for a Range field (RFC 9110 §14.1.2)."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        return 0, size, 200  # several ranges, or another unit: may be ignored (§14.2)
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2] or size) + 1)
        if match[2] and int(match[2]) < start:
            return 0, size, 200  # §14.1.1: no range at all
    if start >= size or end <= start:
        raise Problem(416, headers={"Content-Range": f"bytes */{size}"})
    return start, end, 206


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"==", altchars=b"-_", validate=False)
