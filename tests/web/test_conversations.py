"""Conversations on the page: one row each, opened whole, and switched off at will."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser


def test_a_conversation_is_one_row_that_opens_whole_until_it_is_switched_off(
    webmail: Webmail,
) -> None:
    webmail.receive("Boat trip", "Who comes along?", headers={"Message-ID": "<1@far.example>"})
    webmail.sign_in()
    expect(webmail.row("Boat trip")).to_be_visible()
    answers = {"In-Reply-To": "<1@far.example>"}
    webmail.receive("Re: Boat trip", "I do, with a friend.", headers=answers)
    webmail.receive("Weather", "Rain and wind")

    expect(webmail.row("Re: Boat trip").locator(".row-count")).to_have_text("2")
    expect(webmail.rows).to_have_count(2)
    webmail.open("Re: Boat trip")
    expect(webmail.mail).to_contain_text("with a friend")
    conversation = webmail.page.locator(".conversation").first
    expect(conversation).to_contain_text("Conversation of 2 mails")
    expect(conversation).to_contain_text("Who comes along?")  # unread, so it opened by itself
    webmail.expect_unread("Inbox", 1)

    webmail.button("Conversations").click()
    expect(webmail.rows).to_have_count(3)
    webmail.button("Conversations").click()
    expect(webmail.rows).to_have_count(2)


def test_a_conversation_is_moved_and_brought_back_as_a_whole(webmail: Webmail) -> None:
    webmail.receive("Boat trip", headers={"Message-ID": "<1@far.example>"})
    webmail.receive("Re: Boat trip", headers={"In-Reply-To": "<1@far.example>"})
    webmail.sign_in()
    expect(webmail.row("Boat trip").locator(".row-count")).to_have_text("2")

    webmail.open("Re: Boat trip")
    webmail.button("Move to Trash").click()
    expect(webmail.page.get_by_text("2 mails moved to Trash.")).to_be_visible()
    expect(webmail.rows).to_have_count(0)
    webmail.button("Undo").click()
    expect(webmail.row("Boat trip").locator(".row-count")).to_have_text("2")


def test_an_answer_that_is_not_sent_yet_is_marked_and_gone_on_with_in_its_conversation(
    webmail: Webmail,
) -> None:
    webmail.receive("Boat trip", headers={"Message-ID": "<1@far.example>"})
    webmail.sign_in()
    webmail.open("Boat trip")
    webmail.button("Reply").click()
    webmail.compose.get_by_role("textbox", name="Text").fill("I would, if")
    webmail.compose.get_by_role("button", name="Close").click()
    draft = webmail.page.locator(".other-mail", has_text="I would, if")
    expect(draft.locator("summary")).to_contain_text("Draft")

    draft.locator("summary").click()
    draft.get_by_role("button", name="Go on writing").click()
    expect(webmail.compose.get_by_role("textbox", name="Text")).to_have_value(
        re.compile("^I would, if")
    )
