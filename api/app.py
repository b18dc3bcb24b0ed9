"""The HTTP API and the webmail as one ASGI application."""

import asyncio
import math
import time
from collections import defaultdict

import structlog
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import Context
from api.endpoint import HEALTH_PATHS, Endpoint, Resource
from api.openapi import Description
from api.pages import Pages
from api.paths import Paths
from api.problems import Problem, answer
from api.push import Push
from api.routes import ENDPOINTS
from api.server import is_ending
from topologies.errors import BlobMissing, NoSpace, Retryable

_logger = structlog.get_logger("http")


def create(context: Context, *, is_whole: bool = True) -> ASGIApp:
    """Return the application that answers with what is in *context*.

    Args:
        context: What requests are answered with.
        is_whole: Else it tells health and figures alone.
    """
    if not is_whole:
        health = [endpoint for endpoint in ENDPOINTS if endpoint.path in HEALTH_PATHS]
        routes = [Route(each.path, Resource(context, {each.method: each})) for each in health]
        return _Answering(Paths(routes, _nowhere), context)
    by_path: defaultdict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        by_path[endpoint.route][endpoint.method] = endpoint
    pages = Pages()
    routes: list[BaseRoute] = [
        *(Route(path, Resource(context, endpoints)) for path, endpoints in by_path.items()),
        Route("/openapi.json", Description(ENDPOINTS)),
        Route("/", pages),
        Route("/web/{path:path}", pages),
        WebSocketRoute("/ws", Push(context)),
    ]
    return _Answering(Paths(routes, _nowhere), context)


class _Answering:
    """Tells every error as a problem, and what is ours without its inside; counts what is asked."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False
        status = 0
        began_at = time.perf_counter()
        begun_at: float | None = None

        async def watched(message: Message) -> None:
            nonlocal has_begun, status, begun_at
            has_begun = True
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope.get("is_stream"):
                    begun_at = time.perf_counter()  # how long it is listened to says nothing
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # it left in the middle of its request: nobody waits for an answer
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http" or not is_ending(scope):
                raise
            # By the server, which stops and has waited for long enough. Cancelled by nobody else.
            detail = "the server stops: try again, and another may answer"
            problem = Problem(503, detail, kind="unavailable", headers={"Retry-After": "1"})
            await answer(problem)(scope, receive, watched)
        except Exception as error:  # the last door: a bug must not end the connection
            problem = _problem(error)
            if problem is None:
                _logger.exception("http.bug", method=scope.get("method"), path=scope.get("path"))
                problem = Problem(500, "something went wrong on our side; it is noted")
            if has_begun or scope["type"] != "http":
                raise  # nothing sensible can be said any more: the server ends it
            await answer(problem)(scope, receive, watched)
        finally:
            if status:
                found = scope.get("endpoint")  # by the router
                route = found.path if isinstance(found, Resource) else ""
                seconds = (begun_at or time.perf_counter()) - began_at
                self._context.answered(scope["method"], route, status, seconds)


def _problem(error: Exception) -> Problem | None:
    """Return what *error* is told as; None if it is a bug."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NoSpace):
        return Problem(
            507,
            "nothing more is taken at the moment: try again later",
            kind="no-space",
            headers={"Retry-After": "60"},
        )
    if isinstance(error, Retryable):
        wait = str(max(1, math.ceil(error.after_s or 1)))
        detail = "something that is needed is out of reach: try again in a moment"
        return Problem(503, detail, kind="unavailable", headers={"Retry-After": wait})
    if isinstance(error, BlobMissing):
        return Problem(404, "the content is not there any more")
    return None


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise Problem(404, "there is nothing at this path: see /openapi.json")
