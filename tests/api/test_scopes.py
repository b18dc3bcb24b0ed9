"""Each endpoint demands the scope that the table names, and a token of no other does."""

import re

import pytest

from api.routes import ENDPOINTS
from tests.api.desk import Desks, memory_alone
from topologies.ports.sessions import Scope

SCOPES: dict[Scope, str] = {"read": "send admin", "send": "read admin", "admin": "read send"}
WITHOUT = {
    *("/auth/token", "/auth/revoke", "/blobs/{token}", "/.well-known/mta-sts.txt"),
    *("/healthz", "/readyz", "/metrics"),
}
GUARDED = [endpoint for endpoint in ENDPOINTS if endpoint.scope is not None]


@pytest.mark.parametrize("scope", SCOPES)
@memory_alone
async def test_a_token_with_all_other_scopes_is_not_enough(a_desk: Desks, scope: Scope) -> None:
    async with a_desk() as desk:
        others, stranger = await desk.signed_in("root", scope=SCOPES[scope]), desk.stranger()
        for endpoint in GUARDED:
            if endpoint.scope != scope:
                continue
            path = re.sub(r"{\w+}", "a", endpoint.path)
            answer = await others.request(endpoint.method, path)
            assert answer.status_code == 403, (endpoint.method, path)
            told = answer.headers["www-authenticate"]
            assert told == f'Bearer error="insufficient_scope", scope="{scope}"'
            answer = await stranger.request(endpoint.method, path)
            assert answer.status_code == 401, (endpoint.method, path)


@memory_alone
async def test_no_administrator_s_scope_is_given_to_who_is_none(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        for endpoint in GUARDED:
            if endpoint.scope == "admin":
                path = re.sub(r"{\w+}", "a", endpoint.path)
                assert (await ann.request(endpoint.method, path)).status_code == 403, path


def test_what_needs_no_token_is_known() -> None:
    assert {e.path for e in ENDPOINTS if e.scope is None} == WITHOUT


def test_administration_needs_its_scope_and_nothing_else_does() -> None:
    for endpoint in GUARDED:
        assert (endpoint.scope == "admin") == endpoint.path.startswith("/admin/"), endpoint.path
