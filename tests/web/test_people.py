"""People on the page: who is proposed, whom one leaves, what comes back; in Chromium."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.test_modules import MAILBOX, Body, always, line, listing, serve, sign_in

pytestmark = pytest.mark.browser

ZOE = {
    "address": "zoe@far.example",
    "name": "Zoë Lund",
    "use_count": 3,
    "last_used_at": "2026-02-17T12:00:00Z",
}
AL = ZOE | {"address": "al@far.example", "name": ""}


def test_people_are_proposed_and_taken_by_the_keyboard(page: Page) -> None:
    asked: list[str] = []

    def contacts(query: Mapping[str, str]) -> Body:
        asked.append(query["q"])
        return {"contacts": [ZOE, AL]}

    to = compose(page, contacts)
    to.press_sequentially("bo@x.example, zo")
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    assert asked[-1] == "zo"
    expect(to).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("listbox", name="People you wrote to")).to_be_visible()
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(to).to_have_attribute("aria-activedescendant", "compose-to-people-0")

    to.press("ArrowDown")
    expect(options.last).to_have_attribute("aria-selected", "true")
    to.press("ArrowDown")  # round to the first
    to.press("Enter")
    expect(to).to_have_value('bo@x.example, "Zoë Lund" <zoe@far.example>, ')
    expect(to).to_have_attribute("aria-expanded", "false")
    expect(to).to_be_focused()

    to.press_sequentially("al")
    options.last.click()
    expect(to).to_have_value('bo@x.example, "Zoë Lund" <zoe@far.example>, al@far.example, ')
    expect(to).to_be_focused()


def test_escape_leaves_the_list_and_then_the_mail(page: Page) -> None:
    to = compose(page, always({"contacts": [ZOE]}))
    to.press_sequentially("zo")
    expect(page.get_by_role("option")).to_have_count(1)
    to.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.locator(".compose")).to_be_visible()
    to.press("Escape")
    expect(page.locator(".compose")).to_be_hidden()


def test_an_address_that_is_typed_to_its_end_is_not_replaced(page: Page) -> None:
    to = compose(page, always({"contacts": [ZOE | {"address": "zo@x.example.org"}]}))
    to.press_sequentially("zo@x.example")
    expect(page.get_by_role("option")).to_have_count(1)
    to.press("Tab")
    expect(to).to_have_value("zo@x.example")
    expect(page.get_by_role("option")).to_have_count(0)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("ada", [0, 3, "ada"]),
        ("bo@x.example, ad|a; cy", [14, 17, "ad"]),
        ('"Lund, Zoë" <z|oe@x>', [0, 19, 'Lund, Zoë" <z']),
        ("a, |b", [3, 4, ""]),
        ("", [0, 0, ""]),
    ],
)
def test_the_person_at_the_caret_is_meant(page: Page, value: str, found: list[Any]) -> None:
    serve(page, {})
    caret = value.index("|") if "|" in value else len(value)
    part = """async ([value, caret]) => {
      const { start, end, text } = (await import('/web/people.js')).partAt(value, caret);
      return [start, end, text];
    }"""
    assert page.evaluate(part, [value.replace("|", ""), caret]) == found


def test_one_unsubscribes_with_a_click_and_sees_what_came_of_it(page: Page) -> None:
    offer = {"email_id": "0000000", "way": "one-click", "to": "list.far.example"}
    open_mail(
        page,
        {
            "/emails/0000000/unsubscribe": always(offer | {"state": "offered"}),
            "POST /emails/0000000/unsubscribe": always(offer | {"state": "asked"}),
        },
    )
    page.get_by_role("button", name="Unsubscribe").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("list.far.example is told so.")
    dialog.get_by_role("button", name="Unsubscribe").click()
    expect(page.locator(".unsubscribe-bar").first).to_contain_text(
        "list.far.example is being told that you want no more mail like this."
    )
    expect(page.get_by_role("button", name="Unsubscribe")).to_have_count(0)


def test_a_mail_that_offers_nothing_shows_nothing(page: Page) -> None:
    told = {"email_id": "0000000", "way": "none", "to": "", "state": "none"}
    open_mail(page, {"/emails/0000000/unsubscribe": always(told)})
    expect(page.locator(".unsubscribe-bar:visible")).to_have_count(0)


@pytest.mark.parametrize(
    ("now", "names"),
    [
        (
            "2026-02-17T09:30:00",  # a Tuesday
            {
                "In three hours": "2026-02-17 12:30",
                "This evening": "2026-02-17 18:00",
                "Tomorrow morning": "2026-02-18 08:00",
                "At the weekend": "2026-02-21 08:00",
                "Next week": "2026-02-23 08:00",
            },
        ),
        (
            "2026-02-22T21:00:00",  # a Sunday
            {
                "In three hours": "2026-02-23 00:00",
                "Tomorrow morning": "2026-02-23 08:00",
            },
        ),
        (
            "2026-02-23T21:00:00",  # a Monday
            {
                "In three hours": "2026-02-24 00:00",
                "Tomorrow morning": "2026-02-24 08:00",
                "At the weekend": "2026-02-28 08:00",
                "Next week": "2026-03-02 08:00",
            },
        ),
    ],
)
def test_likely_moments_are_offered(page: Page, now: str, names: dict[str, str]) -> None:
    serve(page, {})
    offered = """async (now) => {
      const { presets } = await import('/web/snooze.js');
      const two = (n) => String(n).padStart(2, '0');
      return Object.fromEntries(presets(new Date(now)).map(([name, at]) => [name,
        `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `
        + `${two(at.getHours())}:${two(at.getMinutes())}`]));
    }"""
    assert page.evaluate(offered, now) == names


def test_administrators_see_what_is_held_and_why_and_let_it_out(page: Page) -> None:
    held = line(7) | {
        "mail_id": "m",
        "mail_from": "zoe@far.example",
        "recipients": ["ada@demo.test"],
        "state": "held",
        "note": "",
        "findings": [{"kind": "macro", "name": "AutoOpen", "part": "offer.doc"}],
    }
    asked: list[str] = []

    def listed(query: Mapping[str, str]) -> Body:
        there = [] if query["state"] == "released" or asked else [held]
        return {
            "emails": there,
            "total_count": len(there),
            "has_more": False,
            "next_cursor": None,
        }

    def let_out(query: Mapping[str, str]) -> Body:
        asked.append("release")
        return dict(query)

    me = {"user_id": "u", "address": "ada@demo.test", "cursor": 7, "is_admin": True}
    path = f"/admin/quarantine/{held['email_id']}"
    page.route_web_socket("**/ws?**", lambda _: None)
    more = {
        "/me": always(me),
        "/folders/inbox/emails": listing(0),
        "/admin/quarantine": listed,
        path: always({"body": "Enable <b>editing</b>"}),
        f"POST {path}/release": let_out,
    }
    serve(page, MAILBOX | more)
    sign_in(page)
    page.get_by_role("button", name="Quarantine").click()
    item = page.get_by_role("dialog").get_by_role("listitem", name="Mail 7")
    expect(item).to_contain_text("A macro AutoOpen in offer.doc")
    expect(item).to_contain_text("ada@demo.test")
    item.get_by_role("button", name="Show text").click()
    expect(item.locator(".held-text")).to_have_text("Enable <b>editing</b>")

    item.get_by_role("button", name="Let out").click()
    question = page.get_by_role("dialog").last
    expect(question).to_contain_text("A macro: AutoOpen")
    question.get_by_role("button", name="Let out").click()
    expect(page.get_by_text("Nothing is here.")).to_be_visible()
    assert asked == ["release"]


def test_nobody_else_is_shown_the_quarantine(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(0)})
    sign_in(page)
    expect(page.get_by_role("button", name="Quarantine")).to_have_count(0)


def compose(page: Page, contacts: Any) -> Locator:
    """Begin a mail on a server with *contacts*; return the field To."""
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(0), "/contacts": contacts})
    sign_in(page)
    page.get_by_role("button", name="Write a mail", exact=True).click()
    return page.locator(".compose").get_by_label("To", exact=True)


def open_mail(page: Page, answers: dict[str, Any]) -> None:
    mail: dict[str, Any] = line(0) | {
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "body": "Hello.",
        "html": None,
        "blocked_images": 0,
        "attachments": [],
        "authentication": None,
        "spam_probability": None,
        "note": "",
        "is_truncated": False,
        "is_read": True,
        "labels": [],
    }
    page.route_web_socket("**/ws?**", lambda _: None)
    more = {
        "/folders/inbox/emails": listing(1),
        "/emails/0000000": always(mail),
        "/threads/t": always({"thread_id": "t", "emails": [line(0)]}),
    }
    serve(page, MAILBOX | more | answers)
    sign_in(page)
    page.evaluate("() => { location.hash = '#/folder/inbox/mail/0000000'; }")
    expect(page.get_by_role("article", name="Open mail")).to_be_visible()
