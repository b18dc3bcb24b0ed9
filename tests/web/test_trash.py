"""Trash on the page, on the real service: emptied, and mails brought back."""

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_trash_is_emptied_and_what_was_deleted_is_brought_back(webmail: Webmail) -> None:
    webmail.receive("Wanted after all")
    webmail.receive("Never mind")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(2)
    for subject in ("Wanted after all", "Never mind"):
        webmail.row(subject).get_by_role("checkbox").check()
    selected = webmail.page.get_by_role("toolbar", name="Selected mails")
    selected.get_by_role("button", name="Delete").click()
    expect(webmail.rows).to_have_count(0)

    webmail.go_to("Trash")
    expect(webmail.rows).to_have_count(2)
    webmail.button("Empty Trash").click()
    webmail.dialog.get_by_role("button", name="Empty").click()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()

    webmail.page.get_by_role("link", name="Deleted lately").click()
    expect(webmail.page.locator(".list-title")).to_have_text("Deleted lately")
    webmail.row("Wanted after all").get_by_role("checkbox").check()
    selected.get_by_role("button", name="Bring back").click()
    expect(webmail.rows).to_have_count(1)
    webmail.go_to("Inbox")
    expect(webmail.row("Wanted after all")).to_be_visible()

    webmail.go_to("Trash")
    webmail.page.get_by_role("link", name="Deleted lately").click()
    webmail.button("Forget them now").click()
    webmail.dialog.get_by_role("button", name="Forget").click()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
