"""What the bench asks of a service, answered from a list: SMTP, HTTP and WebSocket in a thread."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Generator
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.people import Person

LAG = {"store": 0, "index": {"0": 0, "1": 0}}


class Stub:
    """All mail of all people is in one list; a token is an address."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.http_url = ""
        self.smtp_port = 0
        self.pid = os.getpid()
        self.received: list[tuple[str, bytes]] = []  # (recipient, raw)
        self.refuse_after = 1_000_000  # mails, then 452
        self.connections = 0
        self._sockets: set[WebSocket] = set()
        self._started = threading.Event()

    def signed_in(self, user: int = 0) -> httpx.Client:
        return httpx.Client(headers={"Authorization": f"Bearer {self.people[user].address}"})

    def errors(self) -> str:
        return ""

    # --- SMTP -----------------------------------------------------------------------

    async def _smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        recipient = ""
        writer.write(b"220 stub.example\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                writer.write(await self._take(recipient, raw[:-3].replace(b"\r\n..", b"\r\n.")))
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                if verb == b"RCPT":
                    recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                writer.write(b"250-stub.example\r\n" if verb == b"EHLO" else b"")
                writer.write(b"250 OK\r\n")
        writer.close()

    async def _take(self, recipient: str, raw: bytes) -> bytes:
        if len(self.received) >= self.refuse_after:
            return b"452 4.3.1 full\r\n"
        self.received.append((recipient, raw))
        for listening in self._sockets:
            await listening.send_json({"type": "folder.updated"})
            await listening.send_json({"type": "email.added"})
        return b"250 OK\r\n"

    # --- HTTP -----------------------------------------------------------------------

    def _mine(self, request: Request) -> list[dict[str, Any]]:
        me = request.headers["authorization"].removeprefix("Bearer ")
        return [
            {"email_id": str(n)}
            for n, (owner, _) in reversed([*enumerate(self.received)])
            if owner == me
        ]

    async def _folders(self, request: Request) -> JSONResponse:
        spam = {"folder_id": "spam", "total_count": 0}
        inbox = {"folder_id": "inbox", "total_count": len(self._mine(request))}
        return JSONResponse([inbox, spam])

    async def _listing(self, request: Request) -> JSONResponse:
        at, limit = int(request.query_params.get("cursor", 0)), int(request.query_params["limit"])
        mine = self._mine(request)
        following = str(at + limit) if at + limit < len(mine) else None
        return JSONResponse({"emails": mine[at : at + limit], "next_cursor": following})

    async def _search(self, request: Request) -> JSONResponse:
        return JSONResponse({"emails": [], "total_count": len(self._mine(request))})

    async def _ready(self, _: Request) -> JSONResponse:
        return JSONResponse({"ready": True, "lag": LAG}, 503)

    async def _fine(self, _: Request) -> JSONResponse:
        return JSONResponse({})

    async def _push(self, websocket: WebSocket) -> None:
        assert websocket.headers["authorization"].startswith("Bearer ")
        await websocket.accept()
        self._sockets.add(websocket)
        with contextlib.suppress(WebSocketDisconnect):
            await websocket.receive_text()
        self._sockets.discard(websocket)

    # --- its thread -----------------------------------------------------------------

    async def _serve(self) -> None:
        app = Starlette(
            routes=[
                Route("/folders", self._folders),
                Route("/folders/inbox/emails", self._listing),
                Route("/emails/search", self._search),
                Route("/emails/{email_id}", self._fine, methods=["GET", "PATCH"]),
                Route("/readyz", self._ready),
                Route("/healthz", self._fine),
                WebSocketRoute("/ws", self._push),
            ]
        )
        smtp = await asyncio.start_server(self._smtp, "127.0.0.1", 0, limit=1 << 26)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        # asyncio sends at once only where it is told that this is TCP.
        with socket.socket(proto=socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            self.http_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
            self._server = uvicorn.Server(config)
            listening.listen()
            self._started.set()
            await self._server.serve([listening])
        smtp.close()

    @classmethod
    @contextlib.contextmanager
    def serving(cls, *addresses: str) -> "Generator[Stub]":
        stub = cls([Person(user_id=a, address=a, password="") for a in addresses])
        thread = threading.Thread(target=asyncio.run, args=(stub._serve(),))
        thread.start()
        stub._started.wait(10)
        try:
            yield stub
        finally:
            stub._server.should_exit = True
            thread.join()
