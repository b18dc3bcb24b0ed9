"""The OpenAPI 3.1 description, made from the table of endpoints."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.endpoint import Endpoint, NoQuery
from api.problems import MEDIA_TYPE, PREFIX, TYPES, Problem
from api.shapes import ProblemBody

VERSION = "0.1.0"
_PARAMETER = re.compile(r"{(\w+)}")
_REF = "#/components/schemas/{name}"
_ALWAYS = (503,)


class Description:
    """Serves the description of some endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        """Serve the description of *endpoints*, which is made when it is first asked for."""
        self._endpoints = endpoints

    @cached_property
    def _content(self) -> bytes:
        return msgspec.json.encode(described(self._endpoints))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem(405, headers={"Allow": "GET, HEAD"})
        await Response(self._content, media_type="application/json")(scope, receive, send)


def described(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the description of *endpoints*."""
    shapes = list(dict.fromkeys([*_shapes(endpoints), ProblemBody]))
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    by_shape = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, by_shape)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    types = "\n".join(f"- `{PREFIX}{kind}`: {meaning}" for kind, meaning in TYPES.items())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rillmail",
            "version": VERSION,
            "description": f"Errors are problems (RFC 9457). Their types:\n\n{types}",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "password": {
                    "type": "oauth2",
                    "flows": {
                        "password": {
                            "tokenUrl": "/auth/token",
                            "refreshUrl": "/auth/token",
                            "scopes": {
                                "read": "read and change the mailbox",
                                "send": "send mail",
                                "admin": "administer the deployment",
                                "offline_access": "a refresh token, too",
                            },
                        }
                    },
                }
            },
        },
    }


def _shapes(endpoints: Sequence[Endpoint]) -> Iterator[Any]:
    for endpoint in endpoints:
        if endpoint.body is not None:
            yield endpoint.body
        for carried in endpoint.answers.values():
            if carried is not None and not isinstance(carried, str):
                yield carried


def _operation(endpoint: Endpoint, by_shape: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": getattr(endpoint.handler, "__name__", "") + _suffix(endpoint),
        "summary": endpoint.summary,
        "parameters": list(_parameters(endpoint)),
        "responses": dict(_responses(endpoint, by_shape)),
    }
    if endpoint.body is not None:
        media = "application/x-www-form-urlencoded" if endpoint.is_form else "application/json"
        operation["requestBody"] = {
            "required": True,
            "content": {media: {"schema": by_shape[endpoint.body]}},
        }
    elif endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": {endpoint.takes: {}}}
    if endpoint.scope is not None:
        operation["security"] = [{"password": [endpoint.scope]}]
    return operation


def _suffix(endpoint: Endpoint) -> str:
    # Handlers of different modules may have one name; with its place it is unique.
    place = re.sub(r"\W+", "_", _PARAMETER.sub("", endpoint.path)).strip("_")
    return f"_{place}" if place else ""


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(endpoint.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name in endpoint.headers:
        yield {"name": name, "in": "header", "schema": {"type": "string"}}
    if endpoint.query is not NoQuery:
        schemas, components = msgspec.json.schema_components([endpoint.query])
        del schemas
        for name, schema in components[endpoint.query.__name__]["properties"].items():
            yield {"name": name, "in": "query", "schema": schema}


def _responses(endpoint: Endpoint, by_shape: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for status, carried in endpoint.answers.items():
        answered: dict[str, Any] = {"description": _PHRASES.get(status, "done")}
        if isinstance(carried, str):
            answered["content"] = {carried: {}}
        elif carried is not None:
            answered["content"] = {"application/json": {"schema": by_shape[carried]}}
        yield str(status), answered
    needed = (401, 403) if endpoint.scope is not None else ()
    for status in sorted({*endpoint.problems, *needed, *_ALWAYS}):
        yield (
            str(status),
            {
                "description": _PHRASES.get(status, "it did not work"),
                "content": {MEDIA_TYPE: {"schema": by_shape[ProblemBody]}},
            },
        )


_PHRASES = {
    200: "done",
    201: "made",
    202: "safe, and under way",
    204: "done",
    206: "a part of it",
    302: "it is there",
    304: "you have it",
    400: "it can't be read",
    401: "sign in",
    403: "the token does not allow it",
    404: "it is not there, or another's",
    409: "it is in the way of something that is there",
    410: "it is not kept any more",
    412: "it is another version than you name",
    413: "too large",
    415: "another media type is needed",
    416: "there are not so many bytes",
    422: "it makes no sense; see errors",
    428: "say with If-Match which version you mean",
    429: "too many; see Retry-After",
    503: "something is out of reach; see Retry-After",
    507: "there is no room",
}
