"""What people do in the browser, on the real service."""

import re
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.web.webmail import Webmail

pytestmark = [pytest.mark.browser, pytest.mark.process]
# What the page does by itself, whatever the profile.
embedded_alone = pytest.mark.parametrize("house", ["embedded"], indirect=True)


def test_signing_in_with_a_wrong_password_is_told_and_with_the_right_one_shows_the_inbox(
    webmail: Webmail,
) -> None:
    address, password = webmail.users[0]
    webmail.page.goto(webmail.url)

    webmail.fill_sign_in(address, "not it")
    expect(webmail.page.get_by_role("alert")).to_have_text(
        "The address or the password is wrong. Try again."
    )
    webmail.fill_sign_in(address, password)
    expect(webmail.page.locator(".list-title")).to_have_text("Inbox")

    webmail.page.reload()  # the session of the tab stays
    expect(webmail.page.locator(".me-address")).to_have_text(address)

    webmail.sign_out()
    webmail.page.reload()
    expect(webmail.button("Sign in")).to_be_visible()


def test_new_mail_appears_by_itself_and_is_counted_until_it_is_read(webmail: Webmail) -> None:
    webmail.sign_in()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()

    webmail.receive("First of all")
    expect(webmail.row("First of all")).to_have_class(re.compile("is-unread"))
    webmail.receive("Second to that")
    expect(webmail.rows).to_have_count(2)
    expect(webmail.rows.first).to_contain_text("Second to that")
    webmail.expect_unread("Inbox", 2)
    expect(webmail.page).to_have_title("(2) Inbox – Rillmail")
    expect(webmail.page.locator("#announcer")).to_contain_text(
        "New mail from Ann Far: Second to that"
    )

    webmail.open("First of all")
    expect(webmail.mail).to_contain_text("Hello there.")
    expect(webmail.row("First of all")).not_to_have_class(re.compile("is-unread"))
    webmail.expect_unread("Inbox", 1)
    expect(webmail.page).to_have_title("(1) Inbox – Rillmail")

    # The page shows it before it is so: a reload must not overtake the request.
    with webmail.page.expect_response("**/emails/batch"):
        webmail.button("Mark as unread").click()
    webmail.expect_unread("Inbox", 2)
    webmail.page.reload()
    webmail.expect_unread("Inbox", 1)  # since it is open, it is read again


@embedded_alone
def test_hostile_html_does_not_act_and_remote_images_wait_for_a_click(webmail: Webmail) -> None:
    with ImageServer() as images:
        webmail.receive("Monthly report", html=HOSTILE.format(url=images.url))
        webmail.sign_in()
        webmail.open("Monthly report")
        expect(webmail.frame.get_by_text("The numbers of this month")).to_be_visible()

        assert webmail.page.evaluate("() => [window.acted, document.title.includes('acted')]") == [
            None,
            False,
        ]
        for what in ("script", "form", "iframe", "object", "style", "[onerror]", "[onclick]"):
            expect(webmail.frame.locator(what)).to_have_count(0)
        expect(webmail.frame.locator("a[href^=javascript]")).to_have_count(0)
        assert images.asked == []

        webmail.button("Show remote images").click()
        expect(webmail.frame.locator("img[src^=http]")).to_have_js_property("naturalWidth", 1)
        assert images.asked == ["/pixel.png"]
        assert webmail.page.evaluate("() => window.acted") is None


def test_an_attachment_is_downloaded_as_it_was_sent(webmail: Webmail) -> None:
    content = bytes(range(256)) * 1_000
    webmail.receive("With a file", files={"données.bin": content})
    webmail.sign_in()
    webmail.open("With a file")

    with webmail.page.expect_download() as downloading:
        webmail.page.get_by_role("button", name="données.bin").click()

    assert downloading.value.suggested_filename == "données.bin"
    assert Path(downloading.value.path()).read_bytes() == content


def test_a_draft_is_saved_as_it_is_typed_goes_on_elsewhere_and_is_sent(
    webmail: Webmail, tmp_path: Path
) -> None:
    file = tmp_path / "boats.csv"
    file.write_bytes(b"boat,seats\r\n" * 50)
    saved = webmail.compose.locator(".compose-state")
    to = webmail.compose.get_by_label("To", exact=True)
    text = webmail.compose.get_by_label("Text", exact=True)
    webmail.sign_in(0)

    webmail.button("Write a mail").click()
    to.fill("bo@")
    webmail.compose.get_by_label("Subject").fill("Four seats")
    text.fill("Dear Bo,")
    expect(saved).to_have_text("Saved")
    webmail.compose.get_by_label("Files to attach").set_input_files(file)
    expect(webmail.compose.get_by_label("Attached files")).to_contain_text("boats.csv")
    webmail.button("Close; the text is kept in Drafts").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("Saved in Drafts.")

    webmail.page.reload()
    webmail.go_to("Drafts")
    expect(webmail.row("Four seats")).to_contain_text("To: bo@")
    webmail.row("Four seats").get_by_role("link").click()
    expect(to).to_have_value("bo@")
    expect(text).to_have_value("Dear Bo,")
    expect(webmail.compose.get_by_label("Attached files")).to_contain_text("boats.csv")

    webmail.save_elsewhere("Four seats", subject="Five seats", body="Dear Bo, five.")
    expect(webmail.row("Five seats")).to_be_visible()
    text.fill("Dear Bo, four will do.")
    expect(webmail.page.locator(".compose-notice")).to_contain_text("changed elsewhere")
    webmail.button("Keep what I wrote").click()
    expect(saved).to_have_text("Saved")
    expect(webmail.row("Four seats")).to_contain_text("four will do")

    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    expect(webmail.page.locator("#compose-to-error")).not_to_be_empty()  # "bo@" is no address
    to.fill(webmail.address(1))
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    expect(webmail.page.get_by_text("The mail is sent.")).to_be_visible()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
    webmail.go_to("Sent")
    expect(webmail.row("Four seats")).to_contain_text(webmail.address(1))

    webmail.button("Write a mail").click()
    text.fill("Never mind.")
    expect(saved).to_have_text("Saved")
    webmail.button("Discard").click()
    webmail.button("Undo").click()
    expect(text).to_have_value("Never mind.")
    webmail.button("Discard").click()
    webmail.go_to("Drafts")
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
    webmail.sign_out()

    webmail.sign_in(1)
    webmail.open("Four seats")
    with webmail.page.expect_download() as downloading:
        webmail.page.get_by_role("button", name="boats.csv").click()
    assert Path(downloading.value.path()).read_bytes() == file.read_bytes()


@embedded_alone
def test_a_draft_that_is_to_be_sent_later_is_taken_back_to_be_changed(webmail: Webmail) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    draft = {
        "to": [webmail.address(1)],
        "subject": "Tomorrow",
        "body": "At nine.",
        "send_at": later,
    }
    with webmail.elsewhere() as client:
        draft_id = client.post("/drafts", json=draft).json()["draft_id"]
        client.post(f"/drafts/{draft_id}/send").raise_for_status()
    text = webmail.compose.get_by_label("Text", exact=True)
    webmail.sign_in()
    webmail.go_to("Drafts")
    webmail.row("Tomorrow").get_by_role("link").click()
    expect(webmail.page.locator(".compose-notice")).to_contain_text("It is to be sent on")
    expect(webmail.page.locator(".compose-form")).to_have_js_property("inert", value=True)

    webmail.button("Take it back to change it").click()
    text.fill("At ten.")
    expect(webmail.row("Tomorrow")).to_contain_text("At ten.")
    expect(webmail.compose.locator(".compose-state")).to_have_text("Saved")


@embedded_alone
def test_an_unknown_recipient_is_told_beside_the_field_and_the_text_is_kept(
    webmail: Webmail,
) -> None:
    webmail.sign_in()
    domain = webmail.address().partition("@")[2]

    webmail.write(f"nobody@{domain}", "Are you there", "I wonder.")

    field = webmail.compose.get_by_label("To", exact=True)
    expect(webmail.page.locator("#compose-to-error")).to_contain_text(f"nobody@{domain}")
    expect(field).to_have_attribute("aria-invalid", "true")

    webmail.page.reload()
    webmail.button("Write a mail").click()
    expect(webmail.compose.get_by_label("Subject")).to_have_value("Are you there")
    expect(webmail.compose.get_by_label("Text", exact=True)).to_have_value("I wonder.")


def test_a_mail_with_a_file_reaches_the_other_user_who_replies(
    webmail: Webmail, tmp_path: Path
) -> None:
    file = tmp_path / "plan.txt"
    file.write_bytes(b"Step one.\r\n" * 100)
    webmail.sign_in(0)
    webmail.write(webmail.address(1), "The plan", "See the file.", file)
    expect(webmail.page.get_by_text("The mail is sent.")).to_be_visible()
    webmail.go_to("Sent")
    expect(webmail.row("The plan")).to_contain_text(webmail.address(1))
    webmail.sign_out()

    webmail.sign_in(1)
    webmail.open("The plan")
    with webmail.page.expect_download() as downloading:
        webmail.page.get_by_role("button", name="plan.txt").click()
    assert Path(downloading.value.path()).read_bytes() == file.read_bytes()
    webmail.button("Reply").click()
    expect(webmail.compose.get_by_label("To", exact=True)).to_have_value(
        re.compile(re.escape(webmail.address(0)))
    )
    expect(webmail.compose.get_by_label("Subject")).to_have_value("Re: The plan")
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    expect(webmail.page.get_by_text("Conversation of 2 mails")).to_be_visible()
    webmail.sign_out()

    webmail.sign_in(0)
    webmail.open("Re: The plan")
    expect(webmail.page.get_by_text("Conversation of 2 mails")).to_be_visible()


def test_a_mail_is_forwarded_whole_as_a_file(webmail: Webmail) -> None:
    webmail.receive("Plans: a/b", "The text that was written.")
    webmail.sign_in()
    webmail.open("Plans: a/b")
    with webmail.elsewhere() as client:
        [mail] = client.get("/folders/inbox/emails").json()["emails"]
        raw = client.get(f"/emails/{mail['email_id']}/raw").content
        webmail.button("More").click()
        webmail.choose("Forward as attachment")
        expect(webmail.compose.get_by_role("listitem")).to_contain_text("Plans a b.eml")
        webmail.compose.get_by_label("To", exact=True).fill(webmail.address(0))
        webmail.compose.get_by_role("button", name="Send", exact=True).click()
        webmail.open("Fwd: Plans: a/b")
        expect(webmail.mail).to_contain_text("Plans a b.eml")
        [come] = [
            each
            for each in client.get("/folders/inbox/emails").json()["emails"]
            if each["subject"].startswith("Fwd")
        ]
        assert raw in client.get(f"/emails/{come['email_id']}/raw").content


def test_search_finds_by_word_and_tells_what_it_can_not_read(webmail: Webmail) -> None:
    webmail.receive("Harvest", "Apples and pears")
    webmail.receive("Weather", "Rain and wind")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(2)

    webmail.search_until_found("pears", 1)
    expect(webmail.row("Harvest")).to_be_visible()
    expect(webmail.row("Harvest").locator("mark")).to_have_text("pears")
    webmail.open("Harvest")
    expect(webmail.mail).to_contain_text("Apples and pears")

    webmail.search('"open')
    expect(webmail.page.locator(".search-error")).not_to_be_empty()
    webmail.search("nowhere")
    expect(webmail.page.get_by_text("Nothing was found.")).to_be_visible()


def test_mails_are_starred_moved_deleted_and_brought_back(webmail: Webmail) -> None:
    webmail.receive("Keep me")
    webmail.receive("Throw me away")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(2)

    webmail.row("Keep me").get_by_role("button", name="Star").click()
    expect(webmail.row("Keep me").get_by_role("button", name="Remove star")).to_be_visible()

    webmail.row("Throw me away").get_by_role("checkbox").check()
    webmail.page.get_by_role("toolbar", name="Selected mails").get_by_role(
        "button", name="Delete"
    ).click()
    expect(webmail.rows).to_have_count(1)
    webmail.button("Undo").click()
    expect(webmail.rows).to_have_count(2)
    webmail.expect_unread("Inbox", 2)

    webmail.open("Throw me away")
    webmail.button("Move to Trash").click()
    webmail.go_to("Trash")
    webmail.open("Throw me away")
    webmail.button("Delete for good").click()
    webmail.dialog.get_by_role("button", name="Delete for good").click()
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()

    webmail.go_to("Inbox")
    webmail.open("Keep me")
    webmail.button("Report as spam").click()
    expect(webmail.rows).to_have_count(0)
    webmail.go_to("Spam")
    webmail.open("Keep me")
    webmail.button("Not spam").click()
    webmail.go_to("Inbox")
    expect(webmail.row("Keep me").get_by_role("button", name="Remove star")).to_be_visible()


@embedded_alone
def test_folders_are_made_renamed_filled_and_deleted(webmail: Webmail) -> None:
    webmail.receive("Ticket")
    webmail.sign_in()

    webmail.button("New folder").click()
    webmail.dialog.get_by_label("Name").fill("Travel")
    webmail.dialog.get_by_role("button", name="Create").click()
    expect(webmail.page.locator(".list-title")).to_have_text("Travel")

    webmail.button("New folder").click()
    webmail.dialog.get_by_label("Name").fill("Travel")
    webmail.dialog.get_by_role("button", name="Create").click()
    expect(webmail.dialog.get_by_role("alert")).not_to_be_empty()  # the name is taken
    webmail.dialog.get_by_role("button", name="Cancel").click()

    webmail.button("Folder Travel: more").click()
    webmail.choose("Rename…")
    webmail.dialog.get_by_label("Name").fill("Journeys")
    webmail.dialog.get_by_role("button", name="Rename").click()
    expect(webmail.folder("Journeys")).to_be_visible()

    webmail.go_to("Inbox")
    webmail.row("Ticket").get_by_role("checkbox").check()
    webmail.button("Move to a folder").first.click()
    webmail.choose("Journeys")
    expect(webmail.rows).to_have_count(0)
    webmail.expect_unread("Journeys", 1)
    webmail.go_to("Journeys")
    expect(webmail.row("Ticket")).to_be_visible()

    webmail.button("Folder Journeys: more").click()
    webmail.choose("Delete…")
    webmail.dialog.get_by_role("button", name="Delete").click()
    expect(webmail.folder("Journeys")).to_have_count(0)
    webmail.go_to("Trash")
    expect(webmail.row("Ticket")).to_be_visible()


@embedded_alone
def test_what_became_of_a_mail_to_elsewhere_is_shown_with_it(webmail: Webmail) -> None:
    webmail.sign_in()
    webmail.write("cy@far.invalid", "To elsewhere", "Hello.")
    webmail.go_to("Sent")
    webmail.open("To elsewhere")
    delivery = webmail.mail.get_by_label("Delivery")
    # Nothing is at .invalid, ever (RFC 2606), which the DNS says, or says nothing here at all.
    expect(delivery).to_contain_text("cy@far.invalid", timeout=30_000)
    expect(delivery).to_contain_text(re.compile("Not (yet|delivered)"), timeout=60_000)


def test_being_away_and_forwarding_are_set_and_kept(webmail: Webmail) -> None:
    webmail.sign_in()
    webmail.button("Settings").click()
    away = webmail.dialog.get_by_role("form", name="While I am away")
    away.get_by_label("Answer who writes to me").check()
    away.get_by_role("button", name="Save").click()
    expect(away.get_by_role("alert")).to_have_text("Write what is to be answered.")
    away.get_by_label("Text").fill("I am at sea until May.")
    away.get_by_role("button", name="Save").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("Who writes to you is answered.")

    forwarding = webmail.dialog.get_by_role("form", name="Forwarding")
    forwarding.get_by_label("Send my mail on").check()
    forwarding.get_by_label("To", exact=True).fill("nowhere")
    forwarding.get_by_role("button", name="Save").click()
    expect(forwarding.get_by_role("alert")).not_to_be_empty()
    forwarding.get_by_label("Send my mail on").uncheck()
    forwarding.get_by_label("To", exact=True).fill("")
    forwarding.get_by_role("button", name="Save").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("Mail stays here.")

    webmail.page.reload()
    webmail.button("Settings").click()
    expect(away.get_by_label("Text")).to_have_value("I am at sea until May.")
    expect(away.get_by_label("Answer who writes to me")).to_be_checked()
    away.get_by_label("Answer who writes to me").uncheck()
    away.get_by_role("button", name="Save").click()
    expect(webmail.page.locator("#toasts")).to_contain_text("Nobody is answered.")


def test_keys_do_what_the_mouse_does(webmail: Webmail) -> None:
    webmail.receive("Older")
    webmail.sign_in()
    expect(webmail.rows).to_have_count(1)
    webmail.receive("Newer")
    expect(webmail.rows).to_have_count(2)
    press = webmail.page.keyboard.press

    press("j")
    press("j")
    press("Enter")
    expect(webmail.page.locator(".mail-subject")).to_have_text("Older")
    press("k")
    expect(webmail.page.locator(".mail-subject")).to_have_text("Newer")
    press("s")
    expect(webmail.row("Newer").get_by_role("button", name="Remove star")).to_be_visible()
    press("Escape")
    press("#")
    expect(webmail.row("Newer")).to_have_count(0)
    press("z")
    expect(webmail.row("Newer")).to_be_visible()
    press("?")
    expect(webmail.dialog).to_contain_text("Keyboard shortcuts")
    press("Escape")
    press("/")
    expect(webmail.page.get_by_label("Search mail")).to_be_focused()


@embedded_alone
def test_on_a_phone_one_pane_is_shown_at_a_time(webmail: Webmail) -> None:
    webmail.page.set_viewport_size({"width": 390, "height": 844})
    webmail.receive("Small screen", files={"a-name-that-is-long-for-a-phone" * 3 + ".txt": b"x"})
    address, password = webmail.users[0]
    webmail.page.goto(webmail.url)
    webmail.fill_sign_in(address, password)

    webmail.open("Small screen")
    expect(webmail.rows.first).to_be_hidden()
    assert webmail.page.evaluate("() => document.documentElement.scrollWidth") == 390
    webmail.button("Back to the list").click()
    expect(webmail.rows).to_have_count(1)
    webmail.button("Folders").click()
    webmail.go_to("Sent")
    expect(webmail.page.get_by_text("No mails here.")).to_be_visible()
    webmail.page.keyboard.press("c")
    discard = webmail.compose.get_by_role("button", name="Discard").bounding_box()
    assert discard is not None
    assert discard["x"] + discard["width"] <= 390


HOSTILE = """<html><head><style>body {{ background: url({url}) }}</style></head>
<body onload="top.acted = 1"><p>The numbers of this month</p>
<script>top.acted = 1; top.document.title = 'acted'</script>
<img src="x" onerror="top.acted = 1"><img src="{url}" width="20">
<a href="javascript:top.acted=1">see</a> <svg onload="top.acted = 1"></svg>
<form action="{url}"><input name="password"></form>
<iframe srcdoc="<script>top.acted = 1</script>"></iframe>
<div onclick="top.acted = 1" style="background-image: url({url})">that is all</div></body></html>"""

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360"
    "000000050001a5f645400000000049454e44ae426082"
)


class ImageServer:
    """A stranger's server that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                self.wfile.write(PIXEL)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/pixel.png"

    def __enter__(self) -> "ImageServer":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
