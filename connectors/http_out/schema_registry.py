"""JSON Schemas in a registry that speaks Confluent's API (`/subjects/…/versions`), by HTTP.

A subject holds the versions of one event within one major version: `name/2` has another than
`name/1`, since nothing need fit between the two. Posting a schema that is there changes nothing.
"""

import base64
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from topologies.errors import Misconfigured, Retryable

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 10.0
LARGEST_ANSWER_BYTES = 1024**2
NO_SUCH = (404,)


class _Registered(msgspec.Struct, frozen=True):
    id: int


class _Version(msgspec.Struct, frozen=True):
    version: int


class _Refusal(msgspec.Struct, frozen=True):
    message: str = ""


class Refused(Exception):
    """The registry does not take a schema: it does not fit what is there, or is none to it."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")


class SchemaRegistry:
    """One registry."""

    def __init__(self, url: str, *, user: str = "", password: str = "") -> None:
        """Use the registry at *url*; nothing is asked yet.

        Raises:
            Misconfigured: It is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(f"{url!r} is no URL of a schema registry: http://HOST:PORT")
        self._url = url.rstrip("/")
        self._headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        if user:
            known = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {known}"

    def has(self, subject: str, schema: bytes) -> bool:
        """Tell whether *schema* is a version of *subject*.

        Raises:
            Retryable: The registry is out of reach.
            Misconfigured: It lets nobody in.
            Refused: It can't read the schema.
        """
        path = f"/subjects/{quote(subject, safe='')}"
        return self._ask("POST", path, subject, _body(schema), _Version) is not None

    def register(self, subject: str, schema: bytes) -> int:
        """Make *schema* the newest version of *subject*, unless it is one; return its id.

        Raises:
            Retryable: The registry is out of reach.
            Misconfigured: It lets nobody in.
            Refused: It does not take it.
        """
        path = f"/subjects/{quote(subject, safe='')}/versions"
        told = self._ask("POST", path, subject, _body(schema), _Registered)
        if told is None:
            raise Misconfigured(f"{self._url} is no schema registry: it knows no {path}")
        return told.id

    def _ask(
        self,
        method: str,
        path: str,
        subject: str,
        body: Mapping[str, Any],
        kind: type[msgspec.Struct],
    ) -> Any:
        """Return the answer as *kind*; None if there is no such thing."""
        request = urllib.request.Request(  # noqa: S310  http or https alone, see above
            self._url + path, msgspec.json.encode(body), self._headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read(LARGEST_ANSWER_BYTES), type=kind)
        except urllib.error.HTTPError as error:
            if error.code in NO_SUCH:
                return None
            if error.code in (401, 403):
                raise Misconfigured(f"{self._url} lets nobody in: {error.code}") from error
            if error.code in (409, 422):
                raise Refused(subject, _reason(error)) from error
            raise Retryable(f"{self._url} answers {error.code}") from error
        except (OSError, msgspec.DecodeError) as error:
            raise Retryable(f"the schema registry is out of reach: {error}") from error


def _body(schema: bytes) -> Mapping[str, Any]:
    return {"schemaType": "JSON", "schema": schema.decode()}


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        told = msgspec.json.decode(error.read(LARGEST_ANSWER_BYTES), type=_Refusal)
    except (OSError, msgspec.DecodeError):
        return f"refused with {error.code}"
    return told.message or f"refused with {error.code}"
