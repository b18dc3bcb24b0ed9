"""Refresh tokens, revocation, sessions, and changing one's password."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.desk import DOMAIN, PASSWORD, Desk, Desks, memory_alone
from tests.api.test_mailbox import got

FORM = {"grant_type": "password", "username": f"ann@{DOMAIN}", "password": PASSWORD}
OFFLINE = {"scope": "read send offline_access"}
MINUTE = timedelta(minutes=1)


async def test_whoever_asks_is_given_a_short_access_token_and_a_refresh_token(
    a_desk: Desks,
) -> None:
    async with a_desk(access_minutes=5) as desk:
        told = await tokens(desk)
        assert (told["expires_in"], told["scope"]) == (300, "read send offline_access")
        assert told["refresh_token"].startswith("rr_")
        plain = (await desk.stranger().post("/auth/token", data=FORM)).json()
        assert "refresh_token" not in plain
        assert (plain["expires_in"], plain["scope"]) == (720 * 3_600, "read send")
        assert (await status(desk, plain["access_token"])) == 200
        desk.clock.move(6 * MINUTE)
        assert (await status(desk, told["access_token"])) == 401
        assert (await status(desk, plain["access_token"])) == 200


async def test_a_refresh_token_goes_on_where_the_access_token_ends(a_desk: Desks) -> None:
    async with a_desk(access_minutes=5) as desk:
        first = await tokens(desk)
        desk.clock.move(6 * MINUTE)
        second = (await refreshed(desk, first)).json()
        assert (await status(desk, second["access_token"])) == 200
        assert second["refresh_token"] != first["refresh_token"]
        assert second["scope"] == "read send offline_access"
        narrow = (await refreshed(desk, second, scope="read")).json()
        assert narrow["scope"] == "read offline_access"


async def test_a_refresh_token_shown_twice_signs_out_whoever_holds_one(a_desk: Desks) -> None:
    async with a_desk(access_minutes=30) as desk:
        first = await tokens(desk)
        second = (await refreshed(desk, first)).json()
        desk.clock.move(2 * MINUTE)
        stolen = await refreshed(desk, first)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert (await status(desk, second["access_token"])) == 401
        assert (await refreshed(desk, second)).status_code == 400


async def test_an_answer_that_was_lost_is_given_again(a_desk: Desks) -> None:
    async with a_desk() as desk:
        first = await tokens(desk)
        lost = (await refreshed(desk, first)).json()
        again = (await refreshed(desk, first)).json()
        assert again["refresh_token"] == lost["refresh_token"]
        assert (await status(desk, again["access_token"])) == 200
        assert (await refreshed(desk, again)).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "rr_x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 9_000}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "scope": "all"}, "invalid_scope"),
        ({"grant_type": "password", "username": "ann"}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"username": "ann"}, "invalid_request"),
    ],
)
@memory_alone
async def test_what_is_wrong_with_a_grant_is_told(
    a_desk: Desks, form: dict[str, str], error: str
) -> None:
    async with a_desk() as desk:
        answer = await desk.stranger().post("/auth/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_more_scopes_than_were_granted_are_refused_and_nothing_is_used_up(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        first = await tokens(desk, scope="read offline_access")
        answer = await refreshed(desk, first, scope="read send")
        assert answer.json()["error"] == "invalid_scope"
        assert (await refreshed(desk, first)).status_code == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_revoked_token_takes_its_session_with_it(a_desk: Desks, which: str) -> None:
    async with a_desk() as desk:
        told = await tokens(desk)
        other = await desk.signed_in()
        for _ in range(2):  # RFC 7009 §2.2: an unknown one is no error
            answer = await desk.stranger().post(
                "/auth/revoke", data={"token": told[which], "token_type_hint": which}
            )
            assert (answer.status_code, answer.content) == (200, b"")
        assert (await status(desk, told["access_token"])) == 401
        assert (await refreshed(desk, told)).status_code == 400
        assert (await other.get("/me")).status_code == 200


@memory_alone
async def test_revoking_takes_a_form_with_a_token(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        answer = await client.post("/auth/revoke", data={"token_type_hint": "access_token"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert (await client.post("/auth/revoke", json={"token": "x"})).status_code == 415


# --- sessions -----------------------------------------------------------------------


async def test_sessions_are_listed_and_ended(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        client.headers["User-Agent"] = "Phone/1.0 " + "x" * 1_000
        phone = await signed_in(client)
        desk.clock.move(timedelta(milliseconds=1))
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        listed = await got(ann, "/auth/sessions")
        assert [each["is_this"] for each in listed] == [False, True]
        first = listed[0]
        assert first["client"].startswith("Phone/1.0 xxx")
        assert len(first["client"]) == 200
        assert first["scopes"] == ["read", "send"]
        assert first["seen_on"] == f"{desk.clock.now():%Y-%m-%d}"
        assert first["expires_at"] > first["created_at"]
        path = f"/auth/sessions/{first['session_id']}"
        assert (await bo.delete(path)).status_code == 404
        assert (await ann.delete(path)).status_code == 204
        assert (await ann.delete(path)).status_code == 404
        assert (await phone.get("/me")).status_code == 401
        assert [each["is_this"] for each in await got(ann, "/auth/sessions")] == [True]


@memory_alone
async def test_a_client_s_name_can_hold_nothing_that_steers(a_desk: Desks) -> None:
    async with a_desk() as desk:
        name = b"Pho\tne\xc2\xa0 \xc2\xad\xff \xc3\xbc"
        headers = [(b"User-Agent", name)]
        answer = await desk.stranger().post("/auth/token", data=FORM, headers=headers)
        assert answer.status_code == 200
        desk.clock.move(timedelta(milliseconds=1))
        ann = await desk.signed_in("ann")
        told, _ = await got(ann, "/auth/sessions")
        assert told["client"] == "Pho ne \ufffd ü"


async def test_a_session_is_seen_day_by_day(a_desk: Desks) -> None:
    async with a_desk() as desk:
        one = await desk.signed_in()
        desk.clock.move(timedelta(milliseconds=1))
        other = await desk.signed_in()
        desk.clock.move(timedelta(days=3))
        told = await got(other, "/auth/sessions")
        days = [each["seen_on"] for each in told]
        assert days == [
            f"{desk.clock.now() - timedelta(days=3):%Y-%m-%d}",
            f"{desk.clock.now():%Y-%m-%d}",
        ]
        assert (await one.get("/me")).status_code == 200


# --- the password -------------------------------------------------------------------


async def test_a_new_password_signs_out_all_programs_but_this_one(a_desk: Desks) -> None:
    async with a_desk() as desk:
        phone, ann = await desk.signed_in("ann"), await desk.signed_in("ann")
        body = {"old_password": PASSWORD, "password": "another password"}
        assert (await ann.patch("/me/password", json=body)).status_code == 204
        assert (await ann.get("/me")).status_code == 200
        assert (await phone.get("/me")).status_code == 401
        refused = await desk.stranger().post("/auth/token", data=FORM)
        assert refused.status_code == 400
        form = FORM | {"password": "another password"}
        assert (await desk.stranger().post("/auth/token", data=form)).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"old_password": "wrong", "password": "long enough"}, "/old_password"),
        ({"old_password": PASSWORD, "password": "short"}, "/password"),
        ({"old_password": PASSWORD, "password": "ü" * 1_024}, "/password"),
    ],
)
@memory_alone
async def test_what_is_wrong_with_a_new_password_is_told(
    a_desk: Desks, body: dict[str, str], pointer: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        answer = await ann.patch("/me/password", json=body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert (await ann.get("/me")).status_code == 200


async def test_a_stolen_token_helps_nobody_to_guess_the_password(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        body = {"old_password": "guess", "password": "another password"}
        answers = [await ann.patch("/me/password", json=body) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [422] * 10 + [429]
        assert answers[0].json()["type"].endswith(":wrong-password")
        headers = answers[-1].headers
        assert headers["ratelimit-policy"] == '"sign-in";q=10;w=900'
        assert headers["ratelimit"] == f'"sign-in";r=0;t={headers["retry-after"]}'


# --- builders -----------------------------------------------------------------------


async def tokens(desk: Desk, *, scope: str = OFFLINE["scope"]) -> dict[str, Any]:
    answer = await desk.stranger().post("/auth/token", data=FORM | {"scope": scope})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refreshed(desk: Desk, told: dict[str, Any], **more: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"], **more}
    return await desk.stranger().post("/auth/token", data=form)


async def status(desk: Desk, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await desk.stranger().get("/me", headers=headers)).status_code


async def signed_in(client: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await client.post("/auth/token", data=FORM)
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client
