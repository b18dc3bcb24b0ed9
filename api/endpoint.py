"""One way to ask something: what it takes, who may, and what it answers.

The table of these (``api.routes``) is what requests are dispatched by and what OpenAPI is
written from, so neither can know something that the other does not.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.context import Context
from api.problems import Problem, invalid, invalid_parameter
from api.shapes import FieldProblem, NoQuery
from topologies.ports import directory
from topologies.ports.tracer import TRACEPARENT, begun

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
SMALL_BODY_BYTES = 64 * 1024
MOST_PARAMETERS = 50
HEALTH_PATHS = ("/healthz", "/readyz", "/metrics")  # asked all the time, by machines
JSON_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_encoder = msgspec.json.Encoder()
_PATH = re.compile(r" - at `(?P<key>key in )?\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    Attributes:
        path: As OpenAPI writes it: ``/folders/{folder_id}``.
        holds_slashes: Its last parameter may, as addresses do (RFC 5322 §3.2.3).
        scope: What the token must allow; None: no token is needed.
        answers: What each good status carries: a shape, a media type, or None for nothing.
        problems: The statuses that are worth telling beyond 401, 403 and 503.
        largest_body: Bytes, as a function of the settings' ``max_message_bytes``.
        is_form: The body is a form (RFC 6749), not JSON.
        takes: The body is no JSON, but content of any type, told as this one.
    """

    method: Method
    path: str
    handler: Callable[["Call"], Awaitable[Response]]
    summary: str
    scope: directory.Scope | None = "read"
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    answers: Mapping[int, Any]
    problems: tuple[int, ...] = ()
    largest_body: Callable[[int], int] = lambda _: SMALL_BODY_BYTES
    is_form: bool = False
    takes: str | None = None  # media type of a body that is taken as it is
    headers: tuple[str, ...] = ()  # of the request, told in OpenAPI
    holds_slashes: bool = False

    @property
    def route(self) -> str:
        """The path as Starlette writes it."""
        return f"{self.path[:-1]}:path}}" if self.holds_slashes else self.path


class Call:
    """One request to an endpoint."""

    def __init__(self, endpoint: Endpoint, context: Context, request: Request) -> None:
        self.endpoint = endpoint
        self.context = context
        self.request = request
        self._session: directory.Session | None = None
        self._raw: bytes | None = None

    @property
    def session(self) -> directory.Session:
        """Who asks."""
        if self._session is None:
            raise RuntimeError(f"{self.endpoint.path} asks who is signed in, and has no scope")
        return self._session

    @property
    def user(self) -> directory.User:
        """The signed-in user."""
        return self.session.user

    @property
    def user_id(self) -> str:
        """Whose mailbox this is about."""
        return self.session.user.user_id

    @property
    def path(self) -> Mapping[str, str]:
        """The path's parameters."""
        return self.request.path_params

    @cached_property
    def token(self) -> str:
        """The bearer token (RFC 6750 §2.1); empty without one."""
        kind, _, token = self.request.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    async def authorise(self) -> None:
        """Find out who asks.

        Raises:
            Problem: Nobody we know (401), or they may not (403).
        """
        wanted = self.endpoint.scope
        if wanted is None:
            return
        session = await self.context.directory.session(self.token) if self.token else None
        if session is None:
            # RFC 6750 §3: without a token no error code is told.
            why = ', error="invalid_token"' if self.token else ""
            raise Problem(
                401,
                "the token is unknown or has expired: sign in again" if why else "sign in first",
                headers={"WWW-Authenticate": f'Bearer realm="rillmail"{why}'},
            )
        if wanted not in session.scopes or (wanted == "admin" and not session.user.is_admin):
            raise Problem(
                403,
                f'this needs a token with the scope "{wanted}"',
                headers={
                    "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'
                },
            )
        self._session = session

    def query(self, kind: type[Any]) -> Any:
        """Return the query as *kind*.

        Raises:
            Problem: A parameter is unknown or does not fit.
        """
        return as_query(self.request.scope["query_string"], kind)

    async def body(self, kind: type[Any]) -> Any:
        """Return the JSON body as *kind*.

        Raises:
            Problem: It is no JSON (400), too large (413), of another type (415), or does
                not fit (422).
        """
        media = self.request.headers.get("content-type", "application/json").partition(";")[0]
        if media.strip().lower() not in ("application/json", "application/merge-patch+json"):
            raise Problem(415, "send JSON, with Content-Type: application/json")
        raw = await self.raw_body()
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError as error:
            detail, path = told_and_path(str(error))
            raise invalid(FieldProblem(pointer=pointer_of(path), detail=detail)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, f"the body is no JSON: {error}", kind="invalid-body") from error

    async def raw_body(self) -> bytes:
        """Return the body, which is bounded.

        Raises:
            Problem: It is too large.
        """
        if self._raw is not None:
            return self._raw
        most = self.endpoint.largest_body(self.context.settings.max_message_bytes)
        told = self.request.headers.get("content-length", "")
        if told.isdecimal() and int(told[:20]) > most:
            raise _too_large(most)
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > most:
                raise _too_large(most)
        self._raw = bytes(body)
        return self._raw


class Resource:
    """One path: hands a request to the endpoint of its method."""

    def __init__(self, context: Context, endpoints: Mapping[str, Endpoint]) -> None:
        self._context = context
        self._endpoints = dict(endpoints)
        if "GET" in self._endpoints:
            self._endpoints["HEAD"] = self._endpoints["GET"]  # RFC 9110 §9.3.2
        self._allow = ", ".join(sorted(self._endpoints))
        self.path = next(iter(self._endpoints.values())).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            raise Problem(
                405, f"this can be asked by {self._allow}", headers={"Allow": self._allow}
            )
        call = Call(endpoint, self._context, Request(scope, receive))
        tracer = None if endpoint.path in HEALTH_PATHS else self._context.tracer
        remote = call.request.headers.get(TRACEPARENT, "") if tracer is not None else ""
        with begun(tracer, f"{endpoint.method} {endpoint.path}", remote=remote):
            await call.authorise()
            response = await endpoint.handler(call)
        await response(scope, receive, send)


def json_answer(
    value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return *value* as JSON."""
    return Response(
        _encoder.encode(value),
        status,
        {**JSON_HEADERS, **headers} if headers else JSON_HEADERS,
        "application/json",
    )


def as_query(raw: bytes, kind: type[Any]) -> Any:
    """Return a query string as *kind*; empty values count as absent.

    Raises:
        Problem: A parameter is unknown or does not fit.
    """
    try:
        given = dict(
            parse_qsl(raw.decode("ascii"), errors="strict", max_num_fields=MOST_PARAMETERS)
        )
    except ValueError:
        raise Problem(
            400, "the query is not in UTF-8, or too long", kind="invalid-parameter"
        ) from None
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        detail, path = told_and_path(str(error))
        name = path.removeprefix(".")
        if not name and (match := re.search(r"field `([^`]+)`", detail)):
            name = match[1]
        raise invalid_parameter(name, detail) from None


def told_and_path(message: str) -> tuple[str, str]:
    """Split msgspec's *message* into what is wrong and where."""
    match = _PATH.search(message)
    return (message[: match.start()], match["path"]) if match else (message, "")


def pointer_of(path: str) -> str:
    """Return msgspec's *path* (``.to[0].name``) as a JSON Pointer (RFC 6901)."""
    steps = [name or index for name, index in _STEP.findall(path)]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _too_large(most: int) -> Problem:
    return Problem(413, f"the body may have at most {most} bytes", headers={"Connection": "close"})
