"""Each endpoint demands the scope that the table names, and a token of no other does."""

import re

import pytest

from api.endpoint import Endpoint
from api.routes import ENDPOINTS
from tests.api.desk import Desks, memory_alone
from topologies.ports.sessions import Scope

SCOPES: dict[Scope, str] = {"read": "send admin", "send": "read admin", "admin": "read send"}
WITHOUT = {
    *("/auth/token", "/auth/revoke", "/blobs/{token}", "/.well-known/mta-sts.txt"),
    *("/healthz", "/readyz", "/metrics"),
}
GUARDED = [endpoint for endpoint in ENDPOINTS if endpoint.scope is not None]


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
@memory_alone
async def test_a_token_with_all_other_scopes_is_not_enough(
    a_desk: Desks, endpoint: Endpoint
) -> None:
    async with a_desk() as desk:
        assert endpoint.scope
        client = await desk.signed_in("root", scope=SCOPES[endpoint.scope])
        path = re.sub(r"{\w+}", "a", endpoint.path)
        answer = await client.request(endpoint.method, path)
        assert answer.status_code == 403
        told = answer.headers["www-authenticate"]
        assert told == f'Bearer error="insufficient_scope", scope="{endpoint.scope}"'
        stranger = await desk.stranger().request(endpoint.method, path)
        assert stranger.status_code == 401


def test_what_needs_no_token_is_known() -> None:
    assert {e.path for e in ENDPOINTS if e.scope is None} == WITHOUT


def test_administration_needs_its_scope_and_nothing_else_does() -> None:
    for endpoint in GUARDED:
        assert (endpoint.scope == "admin") == endpoint.path.startswith("/admin/"), endpoint.path
