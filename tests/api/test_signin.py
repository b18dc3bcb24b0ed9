"""Signing in and out, and what a token allows."""

from datetime import timedelta

import pytest

from tests.api.desk import DOMAIN, PASSWORD, Desks, memory_alone


async def test_who_knows_the_password_gets_a_token_that_opens_the_mailbox(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        me = (await client.get("/me")).json()
        ann = await desk.user("ann")
        assert me == {
            "user_id": ann.user_id,
            "address": f"ann@{DOMAIN}",
            "name": "Ann",
            "is_admin": False,
            "used_bytes": 0,
            "quota_bytes": None,
            "cursor": 0,
        }


async def test_a_token_is_told_as_oauth_has_it(a_desk: Desks) -> None:
    async with a_desk(token_hours=2) as desk:
        form = {"grant_type": "password", "username": f"root@{DOMAIN}", "password": PASSWORD}
        answer = await desk.stranger().post("/auth/token", data=form)
        told = answer.json()
        assert answer.headers["cache-control"] == "no-store"
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 7_200)
        assert told["scope"] == "read send admin"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"password": "wrong"}, "invalid_grant"),
        ({"username": f"nobody@{DOMAIN}"}, "invalid_grant"),
        ({"username": "no address"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"surprise": "x"}, "invalid_request"),
        ({"password": ["a", "b"]}, "invalid_request"),
    ],
)
@memory_alone
async def test_what_is_wrong_with_a_sign_in_is_told(
    a_desk: Desks, changed: dict[str, str], error: str
) -> None:
    async with a_desk() as desk:
        form = {"grant_type": "password", "username": f"ann@{DOMAIN}", "password": PASSWORD}
        answer = await desk.stranger().post("/auth/token", data=form | changed)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.headers["content-type"] == "application/problem+json"


@memory_alone
async def test_json_is_no_form(a_desk: Desks) -> None:
    async with a_desk() as desk:
        answer = await desk.stranger().post("/auth/token", json={"grant_type": "password"})
        assert answer.status_code == 415


async def test_a_token_is_worthless_after_signing_out_and_after_its_time(a_desk: Desks) -> None:
    async with a_desk(token_hours=1) as desk:
        one, other = await desk.signed_in(), await desk.signed_in()
        assert (await one.delete("/auth/token")).status_code == 204
        answer = await one.get("/me")
        assert answer.status_code == 401
        assert (
            answer.headers["www-authenticate"] == 'Bearer realm="rillmail", error="invalid_token"'
        )
        assert (await other.get("/me")).status_code == 200
        desk.clock.move(timedelta(hours=1, seconds=2))
        assert (await other.get("/me")).status_code == 401


async def test_without_a_token_nothing_of_a_mailbox_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        stranger = desk.stranger()
        for path in ("/me", "/folders", "/folders/inbox/emails", "/emails/x", "/changes"):
            answer = await stranger.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == 'Bearer realm="rillmail"'


async def test_a_token_allows_no_more_than_its_scope(a_desk: Desks) -> None:
    async with a_desk() as desk:
        reader = await desk.signed_in("root", scope="read")
        assert (await reader.get("/folders")).status_code == 200
        assert (await reader.post("/emails/send", json={})).status_code == 403
        assert (await reader.get("/admin/dead-letters")).status_code == 403
        ann = await desk.signed_in("ann")
        assert (await ann.get("/admin/quarantine")).status_code == 403


async def test_who_guesses_is_slowed_down_and_nobody_else(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        form = {"grant_type": "password", "username": f"ann@{DOMAIN}", "password": "guess"}
        statuses = [(await client.post("/auth/token", data=form)).status_code for _ in range(11)]
        assert statuses == [400] * 10 + [429]
        answer = await client.post("/auth/token", data=form | {"password": PASSWORD})
        assert answer.status_code == 429
        wait_s = int(answer.headers["retry-after"])
        assert 0 < wait_s <= 17 * 60
        await desk.signed_in("bo")
        desk.clock.move(timedelta(seconds=wait_s))
        await desk.signed_in("ann")


async def test_a_right_password_is_no_failure_however_often_it_is_given(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for _ in range(12):
            await desk.signed_in("ann")
