"""A second factor: set up, asked for at sign-in, lost, turned off."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.one_time_codes import hotp, step_at
from tests.api.desk import DOMAIN, PASSWORD, Desk, Desks, memory_alone
from tests.api.test_mailbox import got

FORM = {"grant_type": "password", "username": f"ann@{DOMAIN}", "password": PASSWORD}
STEP = timedelta(seconds=30)


async def test_it_is_told_once_and_asked_for_when_a_code_was_confirmed(a_desk: Desks) -> None:
    async with a_desk(hostname="mail.shop.example") as desk:
        ann = await desk.signed_in("ann")
        assert await got(ann, "/me/totp") == {"state": "off", "recovery_codes_left": 0}
        told = await proposed(ann)
        assert told["uri"].startswith("otpauth://totp/mail.shop.example:ann%40shop.example?")
        assert f"secret={told['secret']}" in told["uri"]
        assert len(set(told["recovery_codes"])) == 10
        assert (await got(ann, "/me/totp"))["state"] == "proposed"
        assert (await sign_in(desk)).status_code == 200
        code = code_of(desk, told)
        answer = await ann.post("/me/totp/confirm", json={"code": code})
        assert answer.status_code == 204
        assert await got(ann, "/me/totp") == {"state": "on", "recovery_codes_left": 10}
        again = await ann.post("/me/totp/confirm", json={"code": code})
        assert (again.status_code, kind_of(again)) == (409, "second-factor-on")
        another = await ann.post("/me/totp", json={"password": PASSWORD})
        assert (another.status_code, kind_of(another)) == (409, "second-factor-on")


async def test_signing_in_needs_a_code_and_says_so(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        answer = await sign_in(desk)
        assert (answer.status_code, kind_of(answer)) == (400, "otp-required")
        assert answer.json()["error"] == "invalid_grant"
        wrong = await sign_in(desk, password="wrong")
        assert kind_of(wrong) == "sign-in-failed"
        assert kind_of(await sign_in(desk, otp="000000")) == "otp-wrong"
        desk.clock.move(STEP)
        assert (await sign_in(desk, otp=code_of(desk, told))).status_code == 200
        assert (await desk.signed_in("bo")) is not None


async def test_a_code_is_good_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        # That of the confirmation is used up, too.
        assert kind_of(await sign_in(desk, otp=code_of(desk, told))) == "otp-wrong"
        desk.clock.move(STEP)
        code = code_of(desk, told)
        assert (await sign_in(desk, otp=code)).status_code == 200
        assert kind_of(await sign_in(desk, otp=code)) == "otp-wrong"
        desk.clock.move(STEP)
        assert kind_of(await sign_in(desk, otp=code)) == "otp-wrong"
        assert (await sign_in(desk, otp=code_of(desk, told))).status_code == 200


async def test_a_recovery_code_is_good_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        code = told["recovery_codes"][3]
        answer = await sign_in(desk, otp=code.upper().replace("-", " "))
        assert answer.status_code == 200
        assert kind_of(await sign_in(desk, otp=code)) == "otp-wrong"
        ann = client_of(desk, answer)
        assert (await got(ann, "/me/totp"))["recovery_codes_left"] == 9


async def test_who_guesses_codes_is_slowed_down_wherever_they_come_from(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        desk.clock.move(STEP)
        for _ in range(5):
            assert kind_of(await sign_in(desk, otp="000000")) == "otp-wrong"
        desk.clock.move(timedelta(minutes=20))  # the failed sign-ins are forgotten, these are not
        for _ in range(5):
            assert kind_of(await sign_in(desk, otp="000000")) == "otp-wrong"
        refused = await sign_in(desk, otp=code_of(desk, told))
        assert (refused.status_code, kind_of(refused)) == (429, "too-many-failures")
        assert refused.headers["ratelimit-policy"] == '"second-factor";q=10;w=3600'
        desk.clock.move(timedelta(minutes=75))
        assert (await sign_in(desk, otp=code_of(desk, told))).status_code == 200


async def test_a_right_code_is_no_failure_however_often_one_is_given(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        for _ in range(12):
            desk.clock.move(STEP)
            assert kind_of(await sign_in(desk)) == "otp-required"
            assert (await sign_in(desk, otp=code_of(desk, told))).status_code == 200


async def test_a_session_goes_on_without_a_code(a_desk: Desks) -> None:
    async with a_desk() as desk:
        told = await turned_on(desk)
        desk.clock.move(STEP)
        first = await sign_in(desk, otp=code_of(desk, told), scope="read offline_access")
        form = {"grant_type": "refresh_token", "refresh_token": first.json()["refresh_token"]}
        assert (await desk.stranger().post("/auth/token", data=form)).status_code == 200


async def test_it_is_turned_off_by_password_and_code(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        told = await turned_on(desk)
        desk.clock.move(STEP)
        code = code_of(desk, told)
        wrong = await ann.post("/me/totp/disable", json={"password": "wrong", "code": code})
        assert pointers(wrong) == ["/password"]
        wrong = await ann.post("/me/totp/disable", json={"password": PASSWORD, "code": "000000"})
        assert pointers(wrong) == ["/code"]
        body = {"password": PASSWORD, "code": code}
        assert (await ann.post("/me/totp/disable", json=body)).status_code == 204
        assert (await ann.post("/me/totp/disable", json=body)).status_code == 404
        assert (await sign_in(desk)).status_code == 200


@memory_alone
async def test_a_wrong_code_confirms_nothing(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        nothing = await ann.post("/me/totp/confirm", json={"code": "000000"})
        assert nothing.status_code == 404
        told = await proposed(ann)
        wrong = await ann.post("/me/totp/confirm", json={"code": "000000"})
        assert (pointers(wrong), kind_of(wrong)) == (["/code"], "otp-wrong")
        # A recovery code shows nothing about the app.
        wrong = await ann.post("/me/totp/confirm", json={"code": told["recovery_codes"][0]})
        assert kind_of(wrong) == "otp-wrong"
        assert (await sign_in(desk)).status_code == 200


@memory_alone
async def test_whoever_missed_the_answer_asks_again(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        lost, told = await proposed(ann), await proposed(ann)
        assert lost["secret"] != told["secret"]
        stale = await ann.post("/me/totp/confirm", json={"code": code_of(desk, lost)})
        assert stale.status_code == 422
        answer = await ann.post("/me/totp/confirm", json={"code": code_of(desk, told)})
        assert answer.status_code == 204


@pytest.mark.parametrize("body", [{}, {"password": ""}, {"password": "x" * 2_000}, {"x": 1}])
@memory_alone
async def test_it_is_set_up_by_the_password_alone(a_desk: Desks, body: dict[str, Any]) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        assert (await ann.post("/me/totp", json=body)).status_code == 422
        wrong = await ann.post("/me/totp", json={"password": "wrong"})
        assert (pointers(wrong), kind_of(wrong)) == (["/password"], "wrong-password")


# --- builders -----------------------------------------------------------------------


async def proposed(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/me/totp", json={"password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def turned_on(desk: Desk) -> dict[str, Any]:
    ann = await desk.signed_in("ann")
    told = await proposed(ann)
    answer = await ann.post("/me/totp/confirm", json={"code": code_of(desk, told)})
    assert answer.status_code == 204, answer.text
    return told


def code_of(desk: Desk, told: dict[str, Any]) -> str:
    """Return the code that the app shows now."""
    return hotp(base64.b32decode(told["secret"]), step_at(desk.clock.now()))


async def sign_in(desk: Desk, **more: str) -> httpx.Response:
    return await desk.stranger().post("/auth/token", data=FORM | more)


def client_of(desk: Desk, answer: httpx.Response) -> httpx.AsyncClient:
    client = desk.stranger()
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


def kind_of(answer: httpx.Response) -> str:
    return answer.json()["type"].rpartition(":")[2]


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]
