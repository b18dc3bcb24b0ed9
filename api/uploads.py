"""Files uploaded first and sent later: `POST /attachments`, and what their ids stand for.

The content goes to the blob store as it comes. The id holds what is known of it and for whom it
is, signed, so that nothing is kept besides and nobody can name another's content. Blobs that no
mail refers to are swept after days, long after an id has expired.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
from starlette.responses import Response

from api.context import Context
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter
from api.shapes_sending import Uploaded, UploadQuery
from topologies.events import BlobId
from topologies.mail import compose

LIVES = timedelta(days=1)
SIGNATURE_BYTES = 16
_PURPOSE = b"upload\0"  # so that no signature of another kind is one of these


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """A file that a user uploaded."""

    blob: BlobId
    user_id: str
    file_name: str
    content_type: str
    size: int
    expires: int  # Unix time


async def upload(call: Call) -> Response:
    """Take a file that will be sent later."""
    asked: UploadQuery = call.query(UploadQuery)
    if compose.has_controls(asked.file_name):
        raise invalid_parameter("file_name", "it holds a control character")
    declared = call.request.headers.get("content-type", "").partition(";")[0].strip()
    content_type = declared or "application/octet-stream"
    if not compose.is_content_type(content_type):
        raise invalid_parameter("Content-Type", "write a type as application/pdf")
    context = call.context
    blob, size = await context.blobs.put_stream(_bounded(call))
    expires_at = (context.clock.now() + LIVES).replace(microsecond=0)
    kept = Upload(
        blob, call.user_id, asked.file_name, content_type, size, int(expires_at.timestamp())
    )
    told = Uploaded(
        attachment_id=await id_of(context, kept),
        file_name=kept.file_name,
        content_type=kept.content_type,
        size=size,
        expires_at=datetime.fromtimestamp(kept.expires, UTC),
    )
    return json_answer(told, 201)


async def known(context: Context, user_id: str, attachment_id: str) -> Upload | None:
    """Return what *attachment_id* stands for; None if it is none of the user's, or has expired.

    Raises:
        Retryable: What signs ids is out of reach.
    """
    key = await context.url_key.get()
    try:
        payload, signature = map(_to_bytes, attachment_id.split("."))
        if not hmac.compare_digest(signature, _signature(key, payload)):
            return None
        found = msgspec.json.decode(payload, type=Upload)
    except (ValueError, binascii.Error):
        return None
    is_alive = found.expires >= context.clock.now().timestamp()
    return found if found.user_id == user_id and is_alive else None


async def _bounded(call: Call) -> AsyncIterator[bytes]:
    most = call.context.settings.max_message_bytes
    told = call.request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > most:
        raise _too_large(most)
    size = 0
    async for chunk in call.request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        if chunk:
            yield chunk


def _too_large(most: int) -> Problem:
    return Problem(413, f"a file may have at most {most} bytes", headers={"Connection": "close"})


async def id_of(context: Context, kept: Upload) -> str:
    """Return the id that stands for *kept*.

    Raises:
        Retryable: What signs ids is out of reach.
    """
    payload = msgspec.json.encode(kept)
    signature = _signature(await context.url_key.get(), payload)
    return f"{_to_text(payload)}.{_to_text(signature)}"


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + payload, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"==", altchars=b"-_", validate=False)
