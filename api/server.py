"""The HTTP server: uvicorn inside our own loop, on a socket that we bind.

Bound here, so that a port in use is one sentence at the start and port 0 can be told.
"""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http_protocol import HttpProtocol
from connectors.process import not_listening

BACKLOG = 2_048
KEEP_ALIVE_S = 75  # longer than proxies and clients keep theirs, so that no request is lost
CLOSE_TIMEOUT_S = 3  # for requests under way; sockets and streams are told to reconnect
ENDING = "rillmail.ending"  # a key of the scope


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # the process stops all its servers together


class HttpServer:
    """Serves one ASGI application."""

    def __init__(self, app: ASGIApp, host: str, port: int, *, silent_s: int = KEEP_ALIVE_S) -> None:
        """Bind the port; nothing is served before ``start``.

        Args:
            app: What answers.
            host: The address to listen on.
            port: And the port; 0: any that is free.
            silent_s: How long a client may say nothing, between requests or within one.

        Raises:
            Misconfigured: The port is taken, or the address is none of this machine's.
        """
        self._app = app
        self._ending = asyncio.Event()
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                self._serve,
                interface="asgi3",  # it does not see so by itself of a method
                http=HttpProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                ws_max_size=64 * 1024,
                ws_per_message_deflate=False,
                timeout_keep_alive=silent_s,
                timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on."""
        self._socket.listen(BACKLOG)
        self._task = asyncio.create_task(self._server.serve([self._socket]), name="http")

    async def close(self) -> None:
        """Let requests under way end, then close."""
        self._ending.set()
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ENDING] = self._ending
        await self._app(scope, receive, send)


def ending_of(scope: Scope) -> asyncio.Event | None:
    """Return what is set when the server that *scope* comes from begins to stop.

    For answers that do not end by themselves; None: whoever serves it does not say.
    """
    return scope.get(ENDING)


def is_ending(scope: Scope) -> bool:
    """Tell whether the server that *scope* comes from has begun to stop."""
    ending = ending_of(scope)
    return ending is not None and ending.is_set()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, since asyncio turns Nagle's algorithm off only then.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise not_listening("HTTP", host, "http_port", port, error) from error
    return bound
