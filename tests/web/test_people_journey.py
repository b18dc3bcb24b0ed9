"""People and time, as somebody meets them on the page of the real service."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = [pytest.mark.browser, pytest.mark.process]
# What the stores do is held against each other elsewhere; the page is the same.
embedded_alone = pytest.mark.parametrize("house", ["embedded"], indirect=True)


@embedded_alone
def test_whom_one_wrote_to_is_proposed_and_called_otherwise(webmail: Webmail) -> None:
    webmail.sign_in()
    other = webmail.address(1)
    webmail.write(other, "The first one", "Hello.")
    expect(webmail.page.get_by_text("The mail is sent.")).to_be_visible()
    webmail.go_to("Sent")
    expect(webmail.row("The first one")).to_be_visible()

    webmail.button("Settings").click()
    people = webmail.dialog.get_by_role("region", name="Contacts")
    people.get_by_role("button", name=f"Rename {other}").click()
    webmail.dialog.last.get_by_role("textbox").fill("Zoë from the lake")
    webmail.dialog.last.get_by_role("button", name="Save").click()
    expect(people).to_contain_text("Zoë from the lake")
    webmail.dialog.get_by_role("button", name="Close", exact=True).first.click()

    webmail.button("Write a mail").click()
    to = webmail.compose.get_by_label("To", exact=True)
    to.press_sequentially("zoe la")
    expect(webmail.page.get_by_role("option")).to_contain_text(["Zoë from the lake"])
    to.press("Enter")
    expect(to).to_have_value(f'"Zoë from the lake" <{other}>, ')
    webmail.compose.get_by_label("Subject").fill("The second one")
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    expect(webmail.row("The second one")).to_contain_text(re.compile(f"Zoë|{re.escape(other)}"))


@embedded_alone
def test_a_mail_is_put_off_and_its_sender_blocked(webmail: Webmail) -> None:
    webmail.receive("Not today")
    webmail.sign_in()
    webmail.open("Not today")
    webmail.button("Put off until later").click()
    webmail.page.get_by_role("menuitem").filter(has_text="Tomorrow morning").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("The mail comes back on")
    webmail.go_to("Inbox")
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
    webmail.go_to("Snoozed")
    webmail.open("Not today")
    expect(webmail.page.get_by_text("This is put off until")).to_be_visible()
    webmail.button("Bring it back now").click()
    webmail.go_to("Inbox")
    webmail.open("Not today")

    webmail.button("More").click()
    webmail.choose("Block sender")
    webmail.dialog.get_by_label("Everybody @far.example").check()
    webmail.dialog.get_by_role("button", name="Block", exact=True).click()
    expect(webmail.page.locator("#toasts")).to_contain_text(
        "From now on mail from @far.example goes to Spam."
    )
    webmail.receive("Never again")
    webmail.go_to("Spam")
    webmail.open("Never again")
    expect(webmail.page.get_by_text("you have blocked @far.example")).to_be_visible()

    webmail.button("Settings").click()
    blocked = webmail.dialog.get_by_role("region", name="Blocked senders")
    blocked.get_by_role("button", name="Unblock @far.example").click()
    expect(blocked).to_contain_text("Nobody.")


@embedded_alone
def test_one_asks_to_be_reminded_while_writing_or_later_and_takes_it_back(webmail: Webmail) -> None:
    webmail.sign_in()
    webmail.button("Write a mail").click()
    webmail.compose.get_by_label("To", exact=True).fill(webmail.address(1))
    webmail.compose.get_by_label("Subject").fill("Boats")
    webmail.compose.get_by_role("button", name="Remind me if nobody answers").click()
    webmail.page.get_by_role("menuitem").filter(has_text="Tomorrow morning").click()
    expect(webmail.compose).to_contain_text("You are reminded on")
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    expect(webmail.page.get_by_text("The mail is sent.")).to_be_visible()

    webmail.go_to("Sent")
    webmail.open("Boats")
    pane = webmail.page.get_by_role("region", name="Mail", exact=True)
    reminded = pane.get_by_text(re.compile("You are reminded on .* if nobody answers"))
    expect(reminded).to_be_visible()
    pane.get_by_role("button", name="No reminder").click()
    expect(reminded).to_be_hidden()
    with webmail.elsewhere() as client:
        assert client.get("/reminders").json()["reminders"] == []
    pane.get_by_role("button", name="Remind me if nobody answers").click()
    webmail.page.get_by_role("menuitem").filter(has_text="In three hours").click()
    expect(reminded).to_be_visible()
    with webmail.elsewhere() as client:
        [told] = client.get("/reminders").json()["reminders"]
    assert told["email"]["subject"] == "Boats"


@embedded_alone
def test_one_sends_a_mail_later_takes_it_back_and_sends_it_at_once(webmail: Webmail) -> None:
    webmail.sign_in()
    webmail.button("Write a mail").click()
    webmail.compose.get_by_label("To", exact=True).fill(webmail.address(1))
    webmail.compose.get_by_label("Subject").fill("Boats in spring")
    webmail.compose.get_by_role("button", name="Send later").click()
    webmail.page.get_by_role("menuitem").filter(has_text="Tomorrow morning").click()
    expect(webmail.page.locator("#toasts")).to_contain_text(
        "The mail waits in Drafts, to be sent on"
    )
    with webmail.elsewhere() as client:
        [told] = client.get("/scheduled").json()["scheduled"]
    assert told["subject"] == "Boats in spring"

    webmail.go_to("Drafts")
    webmail.row("Boats in spring").get_by_role("link").click()
    expect(webmail.compose).to_contain_text("It is to be sent on")
    webmail.compose.get_by_role("button", name="Take it back to change it").click()
    with webmail.elsewhere() as client:
        assert client.get("/scheduled").json()["scheduled"] == []
    webmail.compose.get_by_label("Subject").fill("Boats now")
    webmail.compose.get_by_role("button", name="Send later").click()
    webmail.page.get_by_role("menuitem", name="Send at once").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("The mail is sent.")
    webmail.go_to("Sent")
    expect(webmail.row("Boats now")).to_be_visible()
