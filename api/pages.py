"""The webmail: its page at ``/`` and its files under ``/web``.

Read into memory once, since they are few and small. The page may run only what comes from here.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
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
KEPT = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


ENTRY = re.compile(r'<script type="module"[^>]* src="/web/([a-z_-]+\.js)">')
STATIC = re.compile(r'^import\b[^;"(]*"\./([a-z_-]+\.js)"', re.MULTILINE)
DYNAMIC = re.compile(r'\bimport\("\./([a-z_-]+\.js)"\)')


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: dict[str, str]


class Pages:
    """Serves the files of one folder; ``index.html`` is the page.

    A page names its files by what all of them say together (``/web/@0123abcd/app.js``): a browser
    keeps these for good, and after an upgrade none of them meets one of another release. It names
    the modules of its first view, so that they come side by side and not one after another.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read *folder*."""
        found = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES
        }
        whole = hashlib.sha256()
        for name, content in found.items():
            whole.update(f"{name} {len(content)} ".encode() + content)
        self.version = f"@{whole.hexdigest()[:16]}"
        self._files: dict[str, _File] = {}
        for name, content in found.items():
            if name.endswith(".html"):
                content = _named(content.decode(), self.version, found).encode()
            self._files[name] = _file(name, content, "no-cache")  # asked for anew, answered 304
            self._files[f"{self.version}/{name}"] = _file(name, content, KEPT)

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


def _named(page: str, version: str, found: Mapping[str, bytes]) -> str:
    """Return *page* with its files named by *version*, and the modules of its first view."""
    needed = _first_modules(page, found)
    links = "".join(f'  <link rel="modulepreload" href="/web/{name}">\n' for name in needed)
    page = page.replace("</head>", f"{links}</head>")
    return re.sub(r'(href|src)="/web/(?!@)', rf'\1="/web/{version}/', page)


def _first_modules(page: str, found: Mapping[str, bytes]) -> Sequence[str]:
    """Return what *page* runs before it shows anything.

    These are its scripts, what they import, at once or on their way, and what each of these
    imports at once. What they import later (``later.js``) is not wanted in the first view.
    """
    needed: list[str] = []
    for entry in ENTRY.findall(page):  # one after another: the first is to run first
        wanted = [entry, *DYNAMIC.findall(found[entry].decode())]
        for name in wanted:
            wanted += [each for each in STATIC.findall(found[name].decode()) if each not in wanted]
        needed += [name for name in wanted if name not in needed]
    return needed


def _file(name: str, content: bytes, kept: str) -> _File:
    return _File(
        content,
        {
            "Cache-Control": kept,
            "Content-Security-Policy": POLICY,
            "Content-Type": TYPES[Path(name).suffix],
            "Cross-Origin-Opener-Policy": "same-origin",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )
