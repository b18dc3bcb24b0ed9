"""A stream of server-sent events, seen from the client."""

import asyncio
from types import TracebackType
from typing import Any, Self

import msgspec

from api.server import ENDING
from tests.api.desk import Desk, Talk


class Stream(Talk):
    """A stream of an ASGI application, seen from the client."""

    TIMEOUT_S = 10.0

    def __init__(self, desk: Desk, token: str, query: str = "", *, last: str = "") -> None:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        self.ending = asyncio.Event()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/events/stream",
            "raw_path": b"/events/stream",
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": headers + ([(b"last-event-id", last.encode())] if last else []),
            ENDING: self.ending,
        }
        super().__init__(desk.app, scope)
        self._text = ""
        self.last_id = ""

    async def __aenter__(self) -> Self:
        self._begin()
        first = await self.said()
        self.status: int = first["status"]
        self.headers: dict[bytes, bytes] = dict(first["headers"])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._to_app.put_nowait({"type": "http.disconnect"})
        self.can_send.set()
        await self.ended()

    async def change(self) -> dict[str, Any]:
        """Return the next change, past what only says where it begins."""
        told = await self.event()
        if "data" not in told:
            told = await self.event()
        assert "event" not in told, told
        change = msgspec.json.decode(told["data"])
        assert told["id"] == str(change["cursor"])
        return change

    async def end(self) -> dict[str, Any]:
        """Return why it ends."""
        told = await self.event()
        assert told["event"] == "end", told
        return msgspec.json.decode(told["data"])

    async def event(self) -> dict[str, str]:
        """Return the fields of the next block; its id is kept, as a browser keeps it."""
        lines = (await self.block()).split("\n")
        fields = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def block(self) -> str:
        """Return what stands before the next empty line."""
        while "\n\n" not in self._text:
            self._text += (await self.said())["body"].decode()
        block, _, self._text = self._text.partition("\n\n")
        return block
