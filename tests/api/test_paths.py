"""Each path leads where Starlette's router, which asks every route, would lead it."""

import re
from typing import Any

import pytest
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

from api.paths import Paths
from api.routes import ENDPOINTS

TEMPLATES = sorted({endpoint.route for endpoint in ENDPOINTS})
IN_TEMPLATE = re.compile(r"{[^}]*}")
OTHERS = (
    *("/", "/web/", "/web/app.js", "/web/a/b.js", "/nowhere", "/nowhere/at/all", ""),
    *("/folders/", "//folders", "/folders//emails", "/emails/a/b/c/d/e", "/emails/search/", "/ws"),
)


@pytest.mark.parametrize(
    "path", [*(IN_TEMPLATE.sub("x1", template) for template in TEMPLATES), *OTHERS]
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_path_leads_where_all_routes_together_would(path: str, kind: str) -> None:
    assert await led(Paths(routes(), nowhere), path, kind) == await led(
        Router(routes(), redirect_slashes=False, default=nowhere), path, kind
    )


async def test_what_lies_below_another_path_is_found_by_its_own() -> None:
    found = await led(Paths(routes(), nowhere), "/below/folders", "http", root_path="/below")
    assert found == ("/folders", {})


class Place:
    """Notes that it was reached, in the scope."""

    def __init__(self, template: str) -> None:
        self.template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["reached"] = (self.template, scope["path_params"])


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    scope["reached"] = ("nowhere", {})


def routes() -> list[BaseRoute]:
    pages = Place("/web/{path:path}")
    return [
        *(Route(template, Place(template)) for template in TEMPLATES),
        Route("/", pages),
        Route(pages.template, pages),
        WebSocketRoute("/ws", Place("/ws")),
    ]


async def led(app: Any, path: str, kind: str, root_path: str = "") -> tuple[str, dict[str, str]]:
    scope: Scope = {"type": kind, "path": path, "root_path": root_path, "method": "GET"}

    async def silent(*_: object) -> Any:
        return {}

    await app(scope, silent, silent)
    return scope["reached"]
