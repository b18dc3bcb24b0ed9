"""Dialogs: what is told in them is seen, and nothing behind them is done."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import MAILBOX, Answer, always, listing, serve, sign_in

pytestmark = pytest.mark.browser

SETTINGS: dict[str, Answer] = {
    "/settings/vacation": always({"is_on": False, "subject": "", "text": ""}),
    "/settings/identities": always([]),
    "/rules/scripts": always([]),
    "/settings/forwarding": always({"is_on": False, "addresses": [], "keeps_copy": True}),
    "/settings/blocked": always({"blocked": [], "next_cursor": None}),
    "/contacts": always({"contacts": []}),
    "/auth/sessions": always([]),
    "/me/totp": always({"state": "off"}),
}


def test_what_is_saved_in_a_dialog_is_told_over_it(page: Page) -> None:
    open_settings(page)
    save = page.get_by_role("form", name="Forwarding").get_by_role("button", name="Save")

    save.click()

    toast = page.locator(".toast").filter(has_text="Mail stays here.")
    expect(toast).to_be_visible()
    expect(save).to_be_focused()  # the next key is not lost
    toast.get_by_role("button", name="Close message").click()  # which nothing lies over
    expect(toast).to_have_count(0)

    save.click()
    expect(toast).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(toast).to_be_visible()  # it outlives the dialog


def test_keys_do_nothing_behind_a_dialog(page: Page) -> None:
    open_settings(page)
    page.evaluate("() => document.activeElement.blur()")  # as when what had the focus went

    page.keyboard.press("j")
    page.keyboard.press("#")
    expect(page.locator("dialog")).to_have_count(1)
    page.keyboard.press("Escape")

    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator(".row.is-active")).to_have_count(0)


def test_a_message_stays_while_it_is_looked_at_and_gives_the_focus_back(page: Page) -> None:
    page.clock.install()
    open_settings(page)
    save = page.get_by_role("form", name="Forwarding").get_by_role("button", name="Save")
    save.click()
    close = page.get_by_role("button", name="Close message")
    close.focus()

    page.clock.run_for(60_000)
    expect(close).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(".toast")).to_have_count(0)
    expect(save).to_be_focused()


def open_settings(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(
        page,
        MAILBOX
        | SETTINGS
        | {
            "/folders/inbox/emails": listing(3),
            "PUT /settings/forwarding": SETTINGS["/settings/forwarding"],
        },
    )
    sign_in(page)
    expect(page.locator(".row")).to_have_count(3)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
