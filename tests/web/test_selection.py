"""Several mails at once on the page: one request, what failed told mail by mail, and put off."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import MAILBOX, always, listing, serve, sign_in
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser


def test_what_is_done_with_a_selection_is_one_request(page: Page) -> None:
    asked = selected(page, 3, {"results": [{"email_id": each, "status": 200} for each in IDS[:3]]})

    toolbar(page, "Mark as read")
    toolbar(page, "Delete")

    expect(page.locator(".toast")).to_contain_text("3 mails moved to Trash.")
    assert asked == [
        {"items": [{"email_id": each, "is_read": True} for each in IDS[:3]]},
        {"items": [{"email_id": each, "folder_id": "trash"} for each in IDS[:3]]},
    ]


def test_what_could_not_be_done_is_told_mail_by_mail_and_is_back_in_the_list(page: Page) -> None:
    problem = {"title": "Conflict", "status": 409, "detail": "only mail that was received"}
    done, failed = IDS[0], IDS[1]
    results: list[dict[str, Any]] = [
        {"email_id": done, "status": 200},
        {"email_id": failed, "status": 409, "problem": problem},
    ]
    selected(page, 2, {"results": results})

    toolbar(page, "Report as spam")

    dialog = page.get_by_role("dialog", name="1 of 2 mails could not be changed")
    expect(dialog).to_contain_text("The others are as you wanted them.")
    [line] = dialog.get_by_role("list", name="Not changed").get_by_role("listitem").all()
    expect(line).to_contain_text("Mail 1")
    expect(line).to_contain_text("Only mail that was received.")
    expect(page.locator(f".row[data-email-id='{failed}']")).to_be_visible()


def test_what_no_mail_allows_is_told_once(page: Page) -> None:
    away = (503, {"title": "Service Unavailable", "detail": "the log is out of reach"})
    selected(page, 3, away)

    toolbar(page, "Mark as read")

    expect(page.locator(".toast.is-error")).to_have_count(1)
    expect(page.locator(".toast.is-error")).to_contain_text("The log is out of reach.")
    expect(page.locator(".row.is-unread")).to_have_count(3)


def test_a_selection_is_put_off(page: Page) -> None:
    asked = selected(page, 2, {"results": [{"email_id": each, "status": 200} for each in IDS[:2]]})

    toolbar(page, "Put off until later")
    page.get_by_role("menuitem").filter(has_text="Tomorrow morning").click()

    expect(page.locator(".toast")).to_contain_text("2 mails come back on")
    [body] = asked
    assert [each["email_id"] for each in body["items"]] == IDS[:2]
    [until] = {each["snooze_until"] for each in body["items"]}
    tomorrow = page.evaluate(
        "async () => Object.fromEntries((await import('/web/snooze.js')).presets())"
        "['Tomorrow morning'].toISOString()"
    )
    assert until == tomorrow


@pytest.mark.process
def test_mails_are_put_off_together_and_brought_back_together(webmail: Webmail) -> None:
    for subject in ("Not today", "Nor this", "This one now"):
        webmail.receive(subject)
    webmail.sign_in()
    for subject in ("Not today", "Nor this"):
        webmail.row(subject).get_by_role("checkbox").check()
    toolbar(webmail.page, "Put off until later")
    webmail.page.get_by_role("menuitem").filter(has_text="Tomorrow morning").click()
    expect(webmail.rows).to_have_count(1)
    webmail.go_to("Snoozed")
    expect(webmail.rows).to_have_count(2)
    webmail.button("Undo").click()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
    webmail.go_to("Inbox")
    expect(webmail.rows).to_have_count(3)


# --- builders -----------------------------------------------------------------------

IDS = ["0000000", "9999998", "9999997"]  # of the first mails of ``listing``


def selected(page: Page, count: int, answer: Any) -> list[Any]:
    """Select the first mails of a list; return what is asked of them, which is *answer*ed."""
    asked: list[Any] = []
    page.on(
        "request",
        lambda request: (
            asked.append(json.loads(request.post_data or ""))
            if request.url.endswith("/emails/batch")
            else None
        ),
    )
    page.route_web_socket("**/ws?**", lambda _: None)
    more = {"/folders/inbox/emails": listing(3), "POST /emails/batch": always(answer)}
    serve(page, MAILBOX | more)
    sign_in(page)
    expect(page.locator(".row")).to_have_count(3)
    for row in page.locator(".row").all()[:count]:
        row.get_by_role("checkbox").check()
    return asked


def toolbar(page: Page, name: str) -> None:
    selection = page.get_by_role("toolbar", name="Selected mails")
    selection.get_by_role("button", name=name).click()
