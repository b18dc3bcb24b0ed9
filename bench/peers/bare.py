"""The least that answers by HTTP as we do: Starlette on our server, with a content of any length.

No users, no mailboxes, no disk: what HTTP alone costs in the same process. Run as a process of its
own: ``python -m bench.peers.bare`` prints its port.
"""

import asyncio

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from api.endpoint import JSON_HEADERS
from api.server import HttpServer

PATH = "/bytes/{count:int}"


async def answer(request: Request) -> Response:
    """Answer so many bytes, with the head of our answers."""
    content = b"x" * request.path_params["count"]
    return Response(content, 200, JSON_HEADERS, "application/json")


async def serve() -> None:
    """Serve until killed."""
    server = HttpServer(Router([Route(PATH, answer)]), "127.0.0.1", 0)
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
