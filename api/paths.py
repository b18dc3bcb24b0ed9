"""Which route a path leads to: Starlette's answer, found without asking each of a hundred routes.

A path without parameters is looked up whole, one with parameters among those of as many segments
that begin alike. What is found in neither way (WebSockets, pages, what there is not) goes to
Starlette's router, which knows all of them.
"""

from collections import defaultdict
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

_REST = ":path}"  # a parameter that takes in slashes


class Paths:
    """Hands requests to the first of *routes* that their path fits."""

    def __init__(self, routes: Sequence[BaseRoute], nowhere: ASGIApp) -> None:
        """*nowhere* answers what no route fits."""
        self._all = Router(routes, redirect_slashes=False, default=nowhere)
        self._whole: dict[str, Route] = {}
        self._alike: defaultdict[tuple[str, int], list[Route]] = defaultdict(list)
        for route in routes:
            if not isinstance(route, Route) or _REST in route.path:
                continue
            if "{" in route.path:
                self._alike[_likeness(route.path)].append(route)
            else:
                self._whole[route.path] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on."""
        if scope["type"] == "http" and not scope.get("root_path"):
            path: str = scope["path"]
            if (route := self._whole.get(path)) is not None:
                scope["endpoint"], scope["path_params"] = route.endpoint, {}
                await route.app(scope, receive, send)
                return
            for route in self._alike.get(_likeness(path), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await route.app(scope, receive, send)
                    return
        await self._all(scope, receive, send)


def _likeness(path: str) -> tuple[str, int]:
    """Return what paths have in common that one route may fit: the first segment, their number."""
    return path[1:].partition("/")[0], path.count("/")
