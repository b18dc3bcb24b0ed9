"""Where one is signed in, the password and the second step, in the browser on the real service."""

from base64 import b32decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import pytest
from playwright.sync_api import Page, expect

from connectors.one_time_codes import hotp, step_at
from tests.web.test_modules import serve
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser

F = TypeVar("F", bound=Callable[..., Any])


def on_the_service(test: F) -> F:
    """What the page does by itself, whatever the profile."""
    embedded = pytest.mark.parametrize("house", ["embedded"], indirect=True)
    return pytest.mark.process(embedded(test))


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/130.0.0.0 Safari/537.36"
            ),
            "Chrome on Windows",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
            "Firefox on Android",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Firefox on Linux",
        ),
        ("Phone/1.0", "Phone/1.0"),
        ("", "A program without a name"),
    ],
)
def test_a_browser_is_called_by_its_name(page: Page, sent: str, name: str) -> None:
    serve(page, {})
    called = "async (sent) => (await import('/web/security.js')).programName(sent)"

    assert page.evaluate(called, sent) == name


@on_the_service
def test_a_second_step_is_set_up_and_asked_for(webmail: Webmail) -> None:
    address, password = webmail.users[0]
    webmail.sign_in()
    webmail.button("Settings").click()
    part = webmail.dialog.get_by_role("form", name="Second step")
    part.get_by_label("Your password").fill("not it")
    part.get_by_role("button", name="Set up").click()
    expect(part.get_by_role("alert")).to_have_text("it is not your password")
    part.get_by_label("Your password").fill(password)
    part.get_by_role("button", name="Set up").click()
    secret = b32decode(part.locator(".totp-secret").inner_text())
    expect(part.locator(".totp-uri")).to_contain_text("otpauth://totp/")
    expect(part.locator(".recovery-codes li")).to_have_count(10)
    recovery = part.locator(".recovery-codes li").first.inner_text()
    confirmed = step_at(datetime.now(UTC))
    part.get_by_label("Code that the app shows").fill(hotp(secret, confirmed))
    part.get_by_role("button", name="Turn on").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("From now on a code is asked for.")
    webmail.dialog.get_by_role("button", name="Close", exact=True).click()
    webmail.sign_out()

    webmail.fill_sign_in(address, password)
    expect(webmail.page.get_by_role("alert")).to_have_text("Enter the code that your app shows.")
    code = webmail.page.get_by_label("Code of your app")
    code.fill("000000")
    webmail.button("Sign in").click()
    expect(webmail.page.get_by_role("alert")).to_contain_text("That code is wrong")
    code.fill(recovery)
    webmail.button("Sign in").click()
    expect(webmail.folder("Inbox")).to_be_visible()

    webmail.button("Settings").click()
    part.get_by_label("Your password").fill(password)
    part.get_by_label("Code of the app").fill(code_after(secret, confirmed))
    part.get_by_role("button", name="Turn off").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("The password alone will do again.")
    webmail.dialog.get_by_role("button", name="Close", exact=True).click()
    webmail.sign_out()
    webmail.fill_sign_in(address, password)
    expect(webmail.folder("Inbox")).to_be_visible()


@on_the_service
def test_programs_are_signed_out_one_by_one_and_by_another_password(webmail: Webmail) -> None:
    address, password = webmail.users[1]
    webmail.sign_in(1)
    form = {"grant_type": "password", "username": address, "password": password}
    with httpx.Client(base_url=webmail.url, timeout=30) as client:
        for name in ("Phone/1.0", "Tablet/1.0"):
            answer = client.post("/auth/token", data=form, headers={"User-Agent": name})
            assert answer.status_code == 200
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        webmail.button("Settings").click()
        part = webmail.dialog.get_by_role("region", name="Signed in")
        expect(part.get_by_role("listitem")).to_have_count(3)
        part.get_by_role("button", name="Sign out Phone/1.0").click()
        expect(part.get_by_role("listitem")).to_have_count(2)
        expect(part).to_contain_text("This page")

        change = webmail.dialog.get_by_role("form", name="Password")
        change.get_by_label("Password now").fill(password)
        change.get_by_label("New password").fill("another one")
        change.get_by_role("button", name="Change").click()
        expect(webmail.page.locator("#toasts")).to_contain_text("You have another password.")
        assert client.get("/me", headers=headers).status_code == 401
    webmail.page.reload()
    expect(webmail.folder("Inbox")).to_be_visible()


def code_after(secret: bytes, used: int) -> str:
    """Return the code of the step after *used*, which is good a step early, or that of now."""
    return hotp(secret, max(used + 1, step_at(datetime.now(UTC))))
