"""Where the focus is after something is done: never nowhere."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import MAILBOX, Answer, always, line, listing, serve, sign_in

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("width", [1280, 390])


@BOTH
def test_the_focus_goes_into_the_mail_and_back_to_its_row(page: Page, width: int) -> None:
    open_list(page, 3, width)
    row = page.get_by_role("link", name="Mail 1")

    row.click()
    expect(page.locator(".mail-subject")).to_be_visible()
    pane = page.get_by_role("region", name="Mail", exact=True)
    expect(pane if width < 720 else row).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_be_focused()

    row.click()
    expect(page.locator(".mail-subject")).to_be_visible()
    page.go_back()
    expect(row).to_be_focused()


@BOTH
def test_the_focus_goes_to_the_next_row_when_a_mail_is_deleted(page: Page, width: int) -> None:
    open_list(page, 3, width)
    page.get_by_role("link", name="Mail 1").click()

    page.get_by_role("button", name="Move to Trash").click()

    expect(page.get_by_role("link", name="Mail 2")).to_be_focused()


@BOTH
def test_the_focus_goes_to_the_name_of_the_list_when_its_last_mail_is_deleted(
    page: Page, width: int
) -> None:
    open_list(page, 1, width)
    page.get_by_role("link", name="Mail 0").click()

    page.get_by_role("button", name="Move to Trash").click()

    expect(page.locator(".list-title")).to_be_focused()


def test_the_focus_stays_on_the_button_of_a_bar_that_is_drawn_anew(page: Page) -> None:
    open_list(page, 3)
    page.get_by_role("link", name="Mail 1").click()
    bar = page.get_by_role("toolbar", name="This mail")
    bar.get_by_role("button", name="Star").focus()
    page.keyboard.press("Enter")
    expect(bar.get_by_role("button", name="Remove star")).to_be_focused()

    page.get_by_role("checkbox", name="Select: Mail 2").check()
    selected = page.get_by_role("toolbar", name="Selected mails")
    selected.get_by_role("button", name="Mark as read").focus()
    page.keyboard.press("Enter")
    expect(selected.get_by_role("button", name="Mark as unread")).to_be_focused()

    selected.get_by_role("button", name="Select none").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Mail 2")).to_be_focused()


def test_the_drawer_of_folders_takes_the_focus_and_gives_it_back(page: Page) -> None:
    open_list(page, 3, 390)
    menu = page.get_by_role("button", name="Folders")
    expect(menu).to_have_attribute("aria-expanded", "false")
    menu.focus()

    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("link", name="Inbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Folders")).to_be_hidden()
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(menu).to_be_focused()

    page.keyboard.press("Enter")
    page.get_by_role("link", name="Inbox").click()  # where one is already
    expect(page.get_by_role("navigation", name="Folders")).to_be_hidden()

    menu.press("Enter")
    page.get_by_role("navigation").get_by_role("button", name="Write a mail").click()
    expect(page.locator(".compose")).to_be_visible()
    expect(page.get_by_role("navigation", name="Folders")).to_be_hidden()


@BOTH
def test_what_a_mail_that_is_written_covers_is_not_reached(page: Page, width: int) -> None:
    open_list(page, 3, width)
    row = page.get_by_role("link", name="Mail 1")
    row.focus()
    page.keyboard.press("c")
    compose = page.locator(".compose")
    expect(compose.get_by_label("To", exact=True)).to_be_focused()

    row.evaluate("(row) => row.focus()")
    if width < 720:
        expect(compose.get_by_label("To", exact=True)).to_be_focused()
    else:
        expect(row).to_be_focused()
    compose.get_by_role("button", name="Send later").click()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(compose.get_by_role("button", name="Send later")).to_be_focused()

    compose.get_by_role("button", name="Close; the text is kept in Drafts").click()
    expect(row).to_be_focused()


def open_list(page: Page, mails: int, width: int = 1280) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.route_web_socket("**/ws?**", lambda _: None)
    whole = {"body": "Hello.", "html": None, "blocked_images": 0, "cc": [], "bcc": []}
    whole |= {"reply_to": [], "date": None, "authentication": None, "spam_probability": None}
    answers: dict[str, Answer] = {}
    for number in range(mails):
        mail = line(number) | whole | {"attachments": [], "labels": []}
        answers[f"/emails/{mail['email_id']}"] = always(mail)
    thread = {"emails": []}
    done = {"results": [{"email_id": line(0)["email_id"], "status": 200}]}
    more = {"/folders/inbox/emails": listing(mails), "/threads/t": always(thread)}
    serve(page, MAILBOX | answers | more | {"POST /emails/batch": always(done)})
    sign_in(page)
    expect(page.locator(".row")).to_have_count(mails)
