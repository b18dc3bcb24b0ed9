"""The webmail: its page at ``/`` and its files under ``/web``.

Read into memory once, since they are few and small. The page may run only what comes from here.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.problems import Problem, not_found

FOLDER = Path(__file__).parent / "web"
POLICY = (
    "default-src 'self'; img-src 'self' data: https: http:; base-uri 'none'; object-src 'none';"
    " frame-ancestors 'none'; form-action 'self'"
)
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: dict[str, str]


class Pages:
    """Serves the files of one folder; ``index.html`` is the page."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read *folder*."""
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem(405, headers={"Allow": "GET, HEAD"})
        file = self._files.get(scope["path_params"].get("path", "index.html"))
        if file is None:
            raise not_found("there is no such page")
        known = Request(scope).headers.get("if-none-match", "")
        is_known = file.headers["ETag"] in known
        response = Response(
            None if is_known else file.content, 304 if is_known else 200, file.headers
        )
        await response(scope, receive, send)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(
        content,
        {
            "Cache-Control": "no-cache",  # asked for anew, and answered 304: never an old mixture
            "Content-Security-Policy": POLICY,
            "Content-Type": TYPES[path.suffix],
            "Cross-Origin-Opener-Policy": "same-origin",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )
