"""Contents by URL: signed, for minutes, so that a browser can fetch them without a token.

What strangers sent is never shown as a page of ours: it is offered as a download, its type
is not guessed (nosniff), and where a browser shows it all the same, it may run nothing
(a sandbox by CSP).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import AsyncIterator

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


def url_of(context: Context, attachment: Attachment) -> str:
    """Return where the content of *attachment* can be fetched for a while, by whoever has it."""
    # Rounded up, so that a picture keeps its URL for a while and can be cached under it.
    expires = (int(context.clock.now().timestamp()) // LIVES_S + 2) * LIVES_S
    name = attachment.file_name[:NAME_CHARACTERS]
    grant = _Grant(attachment.blob, name, attachment.content_type[:255], expires)
    payload = msgspec.json.encode(grant)
    return f"/blobs/{_to_text(payload)}.{_to_text(_signature(context, payload))}"


async def fetch(call: Call) -> Response:
    """Answer the content that a signed URL stands for."""
    grant = _granted(call.context, call.path["token"])
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
    if "range" in asked and asked.get("if-range", etag) == etag:
        start, end, status = _range_of(asked["range"], size)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    headers["Content-Type"] = shown_type(grant.content_type)
    if call.request.method == "HEAD":
        return StreamingResponse(_nothing(), status, headers)
    return StreamingResponse(call.context.blobs.stream(grant.blob, start, end), status, headers)


def _granted(context: Context, token: str) -> _Grant:
    try:
        payload, signature = map(_to_bytes, token.split("."))
        if not hmac.compare_digest(signature, _signature(context, payload)):
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


def _signature(context: Context, payload: bytes) -> bytes:
    return hmac.new(context.url_key, payload, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"==", altchars=b"-_", validate=False)
