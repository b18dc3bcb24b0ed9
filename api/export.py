"""What a user has, as one file that is written while it is read: nothing is kept for it here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

from api import blobs
from api.at_once import AtOnce
from api.endpoint import Call
from api.shapes_export import ExportQuery
from topologies.takeout import Holdings, takeout

_exporting = AtOnce("export", most=4)  # in this process: each holds a message, and compresses


async def export(call: Call) -> Response:
    """Answer a zip file with the mail, or with everything else, too."""
    asked: ExportQuery = call.query(ExportQuery)
    user = call.user
    _exporting.check(user.user_id)
    holdings = Holdings.of(call.context)
    pieces = takeout(
        user, holdings, mail_only=asked.what == "mail", as_maildir=asked.format == "maildir"
    )
    at = call.context.clock.now()
    headers = {
        **blobs.UNTRUSTED,
        "Cache-Control": "no-store",
        "Content-Disposition": blobs.disposition(f"rillmail-{asked.what}-{at:%Y-%m-%d}.zip"),
        "Content-Type": "application/zip",
    }
    if call.request.method == "HEAD":
        return Response(None, 200, headers)
    return StreamingResponse(_counted(user.user_id, pieces), 200, headers)


async def _counted(user_id: str, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        with _exporting.of(user_id):
            async for piece in pieces:
                yield piece
                await asyncio.sleep(0)  # others get their turn between two messages
