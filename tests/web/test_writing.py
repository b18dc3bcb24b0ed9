"""Writing: to whom an answer goes, what is pasted and dropped, and on little room."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import MAILBOX, Answer, always, line, listing, serve, sign_in

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("to", "cc", "answer"),
    [
        (["me", "bo", "cy"], ["di"], {"to": "ann@x.example", "cc": "bo, cy, di"}),
        (["me", "bo"], ["bo", "BO", "me", "ann"], {"to": "ann@x.example", "cc": "bo"}),
        (["me"], [], {"to": "ann@x.example", "cc": ""}),
    ],
)
def test_an_answer_to_all_names_everybody_once_and_not_oneself(
    page: Page, to: list[str], cc: list[str], answer: dict[str, str]
) -> None:
    serve(page, {})
    begun = """async ([email, mine]) => {
      const identities = { has: (address) => address === 'me@x.example', of: () => null };
      const { to, cc } = (await import('/web/reply.js')).replyTo(email, 'all', mine, identities);
      return { to, cc: cc.replaceAll('@x.example', '') };
    }"""

    assert page.evaluate(begun, [mail(to, cc), "ME@x.example"]) == answer


def test_a_forwarded_mail_says_who_had_a_copy(page: Page) -> None:
    serve(page, {})
    begun = """async (email) => {
      const identities = { has: () => false, of: () => null };
      const { replyTo } = await import('/web/reply.js');
      return replyTo(email, 'forward', 'me@x.example', identities).quoted;
    }"""

    body = page.evaluate(begun, mail(["me"], ["bo", "cy"]))

    assert "\nTo: me@x.example\nCc: bo@x.example, cy@x.example\n\nHello." in body


@pytest.mark.parametrize(
    ("pasted", "typed"),
    [
        (
            "bo@x.example\r\ncy@x.example,\n\n  di@x.example\n",
            "a, bo@x.example, cy@x.example, di@x.example",
        ),
        ("bo@x.example", "a, "),  # the browser's own to paste
    ],
)
def test_addresses_one_a_line_are_pasted_as_so_many(page: Page, pasted: str, typed: str) -> None:
    write(page)
    to = page.locator(".compose").get_by_label("To", exact=True)
    to.fill("a, ")
    to.evaluate(
        """(input, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', text);
          const init = { clipboardData, bubbles: true, cancelable: true };
          input.dispatchEvent(new ClipboardEvent('paste', init));
        }""",
        pasted,
    )

    expect(to).to_have_value(typed)


def test_files_that_are_dropped_are_attached_and_never_open_in_place_of_the_page(
    page: Page,
) -> None:
    drop = """() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['boat'], 'boat.csv', { type: 'text/csv' }));
      const event = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
      document.querySelector('.desk').dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    write(page)

    assert page.evaluate(drop)
    files = page.get_by_role("list", name="Attached files")
    expect(files).to_contain_text("boat.csv")

    page.get_by_role("button", name="Remove boat.csv").click()
    page.get_by_role("button", name="Close; the text is kept in Drafts").click()
    assert page.evaluate(drop)
    expect(page.locator(".compose")).to_be_hidden()
    expect(files.get_by_role("listitem")).to_have_count(0)


def test_everything_is_reached_where_there_is_little_room(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 360})  # a phone with its keyboard shown
    write(page)
    page.get_by_role("button", name="Cc Bcc").click()
    discard = page.get_by_role("button", name="Discard")

    discard.scroll_into_view_if_needed()

    expect(discard).to_be_in_viewport(ratio=1)
    discard.click()
    expect(page.locator(".compose")).to_be_hidden()
    title = page.locator(".list-title")
    assert title.evaluate("(title) => title.scrollWidth <= title.clientWidth")


def test_a_mail_is_printed_whole_and_alone(page: Page) -> None:
    whole: dict[str, Any] = mail(["me"], []) | {"body": "A line\n" * 400}
    page.route_web_socket("**/ws?**", lambda _: None)
    answers = {
        "/folders/inbox/emails": listing(3),
        f"/emails/{line(1)['email_id']}": always(whole),
        "/threads/t": always({"emails": []}),
    }
    serve(page, MAILBOX | answers)
    sign_in(page)
    page.get_by_role("link", name="Mail 1").click()
    expect(page.locator(".plain-text")).to_be_visible()

    page.emulate_media(media="print", color_scheme="dark")

    expect(page.locator(".mail-subject")).to_be_visible()
    for other in (".list-pane", ".folder-pane", ".top", ".mail-bar"):
        expect(page.locator(other)).to_be_hidden()
    assert page.evaluate("() => document.documentElement.scrollHeight") > 5_000
    expect(page.locator(".plain-text")).to_have_css("color", "rgb(0, 0, 0)")
    date = "(time) => getComputedStyle(time, '::after').content"  # “5 min” says nothing on paper
    assert "17 February 2026" in page.locator(".mail-head time").evaluate(date)


def mail(to: list[str], cc: list[str]) -> dict[str, Any]:
    def people(names: list[str]) -> list[dict[str, str]]:
        return [{"name": "", "address": f"{name}@x.example"} for name in names]

    return line(1) | {
        "from": {"name": "", "address": "ann@x.example"},
        "to": people(to),
        "cc": people(cc),
        "bcc": [],
        "reply_to": [],
        "body": "Hello.",
        "html": None,
        "blocked_images": 0,
        "date": None,
        "authentication": None,
        "spam_probability": None,
        "attachments": [],
        "labels": [],
    }


def test_a_file_that_was_not_uploaded_is_tried_again(page: Page) -> None:
    answers = iter([(503, {"title": "Not now"}), {"attachment_id": "a1"}])
    write(page, {"POST /attachments": lambda _: next(answers)})
    compose = page.locator(".compose")
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"Hello"}
    compose.get_by_label("Files to attach").set_input_files(file)  # type: ignore[arg-type]
    again = compose.get_by_role("button", name="Upload a.txt again")
    expect(compose.get_by_role("listitem")).to_contain_text("not uploaded")

    again.focus()
    page.keyboard.press("Enter")

    expect(compose.get_by_role("listitem")).to_contain_text("5 bytes")
    expect(again).to_have_count(0)
    expect(compose.get_by_role("button", name="Remove a.txt")).to_be_focused()


def write(page: Page, answers: Mapping[str, Answer] | None = None) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(3)} | dict(answers or {}))
    sign_in(page)
    expect(page.locator(".row")).to_have_count(3)
    page.keyboard.press("c")
    expect(page.locator(".compose")).to_be_visible()
