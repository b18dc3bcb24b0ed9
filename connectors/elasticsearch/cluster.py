"""The wire to Elasticsearch: one request, one answer, foreign errors translated.

Stands on ``elastic_transport``, the lower half of the client ``elasticsearch``: it knows
several nodes, leaves out those that are down and asks another one. The upper half costs
60 MB of memory for methods of which we need six, and sends headers that only servers of
its own version must understand; with plain JSON, servers 7.17, 8 and 9 answer alike.
"""

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
from elastic_transport import (
    AsyncTransport,
    ConnectionError,  # noqa: A004  their name for it
    ConnectionTimeout,
    Serializer,
    TransportError,
)
from elastic_transport.client_utils import url_to_node_config

from connectors.access import Access
from topologies.errors import Misconfigured, Poison, Retryable

TIMEOUT_S = 10.0  # for one answer; the stage that waits has thirty
CONNECTIONS = 16  # to each node
_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_ELSEWHERE = (502, 503, 504)  # another node may answer
# The cluster or a shard can't take it now, or does not let us. 403 stands for a blocked index
# (its disk is full), too.
UNAVAILABLE = (401, 403, 404, 429, 502, 503, 504, 507)


class _Json(Serializer):
    """Bodies are encoded already, answers decoded by msgspec."""

    mimetype = "application/json"

    def dumps(self, data: Any) -> bytes:
        return data

    def loads(self, data: bytes) -> Any:
        try:
            return msgspec.json.decode(data) if data else {}
        except msgspec.DecodeError as error:
            # A proxy's page, or an answer that was cut off.
            raise ConnectionError(f"no JSON: {error}") from error


class Cluster:
    """One or more nodes that answer for the same indexes."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout_s: float = TIMEOUT_S,
        access: Access | None = None,
    ) -> None:
        """Connects at the first request.

        Args:
            urls: Such as ``http://127.0.0.1:9200``, of any or all nodes.
            timeout_s: How long to wait for an answer.
            access: How they are spoken to; None: as the URLs say.

        Raises:
            Misconfigured: One of the URLs is none.
        """
        try:
            nodes = [url_to_node_config(url, use_default_ports_for_scheme=True) for url in urls]
        except ValueError as error:
            raise Misconfigured(f"elasticsearch_urls: {error}") from error
        if not nodes:
            raise Misconfigured("elasticsearch_urls is empty")
        self._timeout_s = timeout_s
        self._access = access or Access(engine="elasticsearch")
        self._headers = _HEADERS | _authorization(self._access)
        self._places = [(node.host, node.port) for node in nodes]
        # Not given for http, where the library has no use for it.
        tls = {"ssl_context": self._access.tls()} if self._access.is_tls else {}
        self._transport = AsyncTransport(
            [node.replace(connections_per_node=CONNECTIONS, **tls) for node in nodes],
            serializers={"application/json": _Json()},
            # Once more at least: a node that was restarted leaves dead connections behind.
            max_retries=max(1, min(len(nodes) - 1, 3)),
            retry_on_status=_ELSEWHERE,
            max_dead_node_backoff=5.0,
            meta_header=False,
        )

    async def check(self, path: str) -> None:
        """Find out whether we are let in, by asking for *path*; a cluster that is away may come.

        Raises:
            Misconfigured: We are not; says why, and which setting to look at.
        """
        if not (self._access.is_tls or self._access.has_secret):
            return
        await self._access.check(self._places)
        with suppress(Retryable):
            status, told = await self.ask("GET", path, known=(401, 403, 404))
            error = told.get("error")
            if status == 401 or (status == 403 and "security_exception" in _told(error)):
                raise self._access.refused(f"{status} {_told(error)}")

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        options: Mapping[str, str] | None = None,
        known: Sequence[int] = (),
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the answer to one request.

        Args:
            method: Of HTTP.
            path: Such as ``/rillmail/_search``.
            body: JSON, or one JSON a line.
            options: The query string.
            known: Statuses beyond 2xx that the caller deals with.

        Raises:
            Retryable: The cluster is out of reach, overloaded, or does not know the index.
            Poison: It refuses just this.
        """
        target = f"{path}?{urlencode(options)}" if options else path
        try:
            answer = await self._transport.perform_request(
                method, target, body=body, headers=self._headers, request_timeout=self._timeout_s
            )
        except ConnectionTimeout as error:
            raise Retryable(
                f"elasticsearch: no answer within {self._timeout_s:g} s", outage=True
            ) from error
        except TransportError as error:
            raise Retryable(f"elasticsearch: {error.message}", outage=True) from error
        status = answer.meta.status
        told: Any = answer.body
        if not isinstance(told, dict):
            # Not Elasticsearch's: a page of a proxy before it.
            raise Retryable(f"elasticsearch: {status} without JSON", outage=True)
        found = cast("Mapping[str, Any]", told)
        if 200 <= status < 300 or status in known:
            return status, found
        raise error_of(status, found.get("error"))

    async def close(self) -> None:
        """Close all connections. Calling it twice is no error."""
        await self._transport.close()


def _authorization(access: Access) -> dict[str, str]:
    if access.api_key:
        return {"authorization": f"ApiKey {access.api_key}"}
    if access.user:
        pair = f"{access.user}:{access.password}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def error_of(status: int, error: Any) -> Retryable | Poison:
    """Return what the answer *status* with *error* means for who asked."""
    reason = f"elasticsearch: {status} {_told(error)}"
    if status in UNAVAILABLE:
        # Whoever comes next would fare the same: wait, and use up no attempts.
        return Retryable(reason, outage=True)
    return Retryable(reason) if status >= 500 else Poison(reason)


def _told(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)[:500]
    known = cast("Mapping[str, Any]", error)
    cause = known.get("caused_by")
    told = f"{known.get('type')}: {known.get('reason')}"
    return (f"{told} ({_told(cause)})" if cause else told)[:500]
