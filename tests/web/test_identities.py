"""Whom one writes as: names, signatures and further addresses, in the browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import serve
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("to", "sender", "others"),
    [
        (["SHOP@x.example", "bo@x.example"], "shop@x.example", "bo@x.example"),
        (["me@x.example", "bo@x.example"], None, "bo@x.example"),
        (["list@x.example"], None, "list@x.example"),
    ],
)
def test_an_answer_comes_from_the_address_that_was_written_to(
    page: Page, to: list[str], sender: str | None, others: str
) -> None:
    serve(page, {})
    begun = """async (to) => {
      const { Identities } = await import('/web/identities.js');
      const { replyTo } = await import('/web/reply.js');
      const list = [{ address: 'me@x.example', is_primary: true }, { address: 'shop@x.example' }];
      const identities = new Identities({ identities: async () => list });
      await identities.ready;
      const people = (all) => all.map((address) => ({ address, name: '' }));
      const email = { email_id: 'e', subject: 'x', body: 'y', created_at: '2026-01-01T00:00:00Z',
        reply_to: [], from: people(['ann@far.example'])[0], to: people(to), cc: [] };
      const { more, cc } = replyTo(email, 'all', 'me@x.example', identities);
      return [more.from ?? null, cc];
    }"""

    assert page.evaluate(begun, to) == [sender, others]


@pytest.mark.parametrize(
    ("text", "before", "after", "expected"),
    [
        ("Hello\n\n-- \nA\n\n> B", "\n\n-- \nA", "\n\n-- \n$&", "Hello\n\n-- \n$&\n\n> B"),
        ("Hello\n\n-- \nA", "\n\n-- \nA", "", "Hello"),
        ("Hello", "", "\n\n-- \nA", "Hello"),
        ("", "", "\n\n-- \nA", "\n\n-- \nA"),
        ("Hello, signed by hand", "\n\n-- \nA", "\n\n-- \nB", "Hello, signed by hand"),
    ],
)
def test_another_signature_takes_the_place_of_the_one_that_stands_there(
    page: Page, text: str, before: str, after: str, expected: str
) -> None:
    serve(page, {})
    resigned = """async ([text, before, after]) =>
      (await import('/web/identities.js')).resigned(text, before, after)"""

    assert page.evaluate(resigned, [text, before, after]) == expected


@pytest.mark.process
# What the page does by itself, whatever the profile.
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_mail_is_signed_as_whom_it_is_written(webmail: Webmail) -> None:
    local, _, domain = webmail.address().partition("@")
    shop = f"{local}+shop@{domain}"
    webmail.sign_in()
    webmail.button("Settings").click()
    part = webmail.dialog.get_by_role("region", name="Whom I write as")
    part.get_by_role("button", name=f"Change {webmail.address()}").click()
    asked = webmail.dialog.filter(has=webmail.page.get_by_role("form", name="How you sign"))
    asked.get_by_label("Your name").fill("Bo Shop")
    asked.get_by_label("Signature").fill("Bo\nby the sea")
    asked.get_by_role("button", name="Save").click()
    expect(part).to_contain_text("Bo Shop")
    part.get_by_role("button", name="Add an address").click()
    webmail.dialog.get_by_label("Address", exact=True).fill("nobody@far.example")
    webmail.dialog.get_by_role("button", name="Add", exact=True).click()
    expect(
        webmail.dialog.get_by_role("alert").filter(has_text="no address of yours")
    ).to_be_visible()
    webmail.dialog.get_by_label("Address", exact=True).fill(shop)
    webmail.dialog.get_by_role("button", name="Add", exact=True).click()
    expect(part.get_by_role("listitem")).to_have_count(2)
    part.get_by_role("button", name=f"Change {shop}").click()
    asked.get_by_label("Signature").fill("The shop")
    asked.get_by_role("button", name="Save").click()
    expect(asked).to_have_count(0)
    webmail.dialog.get_by_role("button", name="Close", exact=True).click()

    webmail.button("Write a mail").click()
    text = webmail.compose.get_by_label("Text", exact=True)
    expect(text).to_have_value("\n\n-- \nBo\nby the sea")
    webmail.compose.get_by_role("button", name="Close; the text is kept in Drafts").click()
    webmail.go_to("Drafts")
    expect(webmail.rows).to_have_count(0)  # a signature alone is no mail

    webmail.button("Write a mail").click()
    webmail.compose.get_by_label("From").select_option(shop)
    expect(text).to_have_value("\n\n-- \nThe shop")
    webmail.compose.get_by_label("To", exact=True).fill(webmail.address(1))
    webmail.compose.get_by_label("Subject").fill("Signed")
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    webmail.go_to("Sent")
    expect(webmail.row("Signed")).to_be_visible()
    webmail.sign_out()
    webmail.sign_in(1)
    webmail.open("Signed")
    expect(webmail.mail).to_contain_text("Bo Shop")
    expect(webmail.mail).to_contain_text(shop)
    expect(webmail.mail).to_contain_text("The shop")
