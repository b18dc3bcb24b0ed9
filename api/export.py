"""What a user has, as one file that is written while it is read: nothing is kept for it here."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

from starlette.responses import Response, StreamingResponse

from api import blobs
from api.endpoint import Call
from api.problems import Problem
from api.shapes_export import ExportQuery
from topologies.takeout import Holdings, takeout

AT_ONCE = 4  # in this process: each holds a message, and compresses

_running: Counter[str] = Counter()  # by user


async def export(call: Call) -> Response:
    """Answer a zip file with the mail, or with everything else, too."""
    asked: ExportQuery = call.query(ExportQuery)
    user = call.user
    if _running[user.user_id]:
        raise Problem(429, "an export of yours runs already", headers={"Retry-After": "60"})
    if _running.total() >= AT_ONCE:
        raise Problem(
            503, "others are exporting now: try again in a while", headers={"Retry-After": "60"}
        )
    holdings = Holdings.of(call.context)
    pieces = takeout(user, holdings, mail_only=asked.what == "mail")
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
    _running[user_id] += 1
    try:
        async for piece in pieces:
            yield piece
            await asyncio.sleep(0)  # others get their turn between two messages
    finally:
        await pieces.aclose()
        _running[user_id] -= 1
        if not _running[user_id]:
            del _running[user_id]
