"""Labels on the page, on the real service: by mouse and by keys."""

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_labels_are_made_put_on_mails_listed_and_deleted_by_mouse_and_by_keys(
    webmail: Webmail,
) -> None:
    webmail.receive("About the boat")
    webmail.receive("About the lake")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(2)

    webmail.button("New label").click()
    webmail.dialog.get_by_label("Name").fill("Trips")
    webmail.dialog.get_by_role("button", name="Create").click()
    expect(webmail.folder("Trips")).to_be_visible()

    webmail.page.keyboard.press("j")
    webmail.page.keyboard.press("l")
    webmail.tick("Trips")
    expect(webmail.row("About the lake")).to_contain_text("Trips")
    expect(webmail.row("About the boat")).not_to_contain_text("Trips")
    webmail.expect_unread("Trips", 1)

    webmail.row("About the boat").get_by_role("checkbox").check()
    webmail.row("About the lake").get_by_role("checkbox").check()
    toolbar = webmail.page.get_by_role("toolbar", name="Selected mails")
    toolbar.get_by_role("button", name="Labels").click()
    some = webmail.page.get_by_role("menuitemcheckbox", name="Trips")
    expect(some).to_have_attribute("aria-checked", "mixed")
    webmail.tick("Trips")
    webmail.expect_unread("Trips", 2)

    webmail.go_to("Trips")
    expect(webmail.rows).to_have_count(2)
    webmail.receive("About the weather")  # which no label lists
    webmail.open("About the boat")
    expect(webmail.page.get_by_role("group", name="Labels")).to_have_text("Trips")
    webmail.expect_unread("Trips", 1)
    webmail.page.keyboard.press("l")
    webmail.tick("Trips")
    expect(webmail.rows).to_have_count(1)
    webmail.page.reload()
    expect(webmail.page.locator(".list-title")).to_have_text("Trips")
    expect(webmail.row("About the lake")).to_be_visible()
    expect(webmail.rows).to_have_count(1)

    webmail.button("Label Trips: more").click()
    webmail.choose("Rename…")
    webmail.dialog.get_by_label("Name").fill("Outings")
    webmail.dialog.get_by_role("button", name="Rename").click()
    expect(webmail.page.locator(".list-title")).to_have_text("Outings")
    webmail.button("Label Outings: more").click()
    webmail.choose("Colour…")
    webmail.tick("Green")
    webmail.button("Label Outings: more").click()
    webmail.choose("Delete…")
    webmail.dialog.get_by_role("button", name="Delete").click()
    expect(webmail.folder("Outings")).to_have_count(0)
    expect(webmail.page.locator(".list-title")).to_have_text("Inbox")
    expect(webmail.rows).to_have_count(3)
