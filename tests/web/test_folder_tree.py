"""Folders that lie in each other, on the page, on the real service."""

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_folders_are_put_into_each_other_folded_moved_and_deleted_together(
    webmail: Webmail,
) -> None:
    webmail.receive("The plan")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(1)
    webmail.button("New folder").click()
    named(webmail, "Work", "Create")
    webmail.button("Folder Work: more").click()
    webmail.choose("New folder inside…")
    named(webmail, "Ideas", "Create")
    expect(webmail.page.get_by_role("list", name="Folders in Work")).to_contain_text("Ideas")

    webmail.go_to("Inbox")
    webmail.row("The plan").get_by_role("checkbox").check()
    webmail.button("Move to a folder").first.click()
    webmail.choose("Work/Ideas")
    webmail.expect_unread("Ideas", 1)

    fold = webmail.button("Hide folders in Work")
    fold.click()
    expect(webmail.folder("Ideas")).to_have_count(0)
    webmail.expect_unread("Work", 1)  # with what is folded away
    expect(webmail.button("Show folders in Work")).to_be_focused()
    webmail.page.reload()
    expect(webmail.button("Show folders in Work")).to_be_visible()
    webmail.button("Show folders in Work").click()

    webmail.button("Folder Ideas: more").click()
    webmail.choose("Move to…")
    webmail.choose("Out of all folders")
    expect(webmail.page.get_by_role("list", name="Folders in Work")).to_have_count(0)
    webmail.button("Folder Work: more").click()
    webmail.choose("Move to…")
    webmail.choose("Ideas")
    expect(webmail.page.get_by_role("list", name="Folders in Ideas")).to_contain_text("Work")

    webmail.button("Folder Ideas: more").click()
    webmail.choose("Delete…")
    expect(webmail.dialog).to_contain_text("1 folder inside")
    webmail.dialog.get_by_role("button", name="Delete").click()
    expect(webmail.folder("Ideas")).to_have_count(0)
    expect(webmail.folder("Work")).to_have_count(0)
    webmail.go_to("Trash")
    expect(webmail.row("The plan")).to_be_visible()


def named(webmail: Webmail, name: str, yes: str) -> None:
    webmail.dialog.get_by_label("Name").fill(name)
    webmail.dialog.get_by_role("button", name=yes).click()
    expect(webmail.folder(name)).to_be_visible()
