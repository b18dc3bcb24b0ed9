"""Mail that one brings along, and takes along, in the browser on the real service."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_dialogs import open_settings
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser

MBOX = (
    b"From ann@far.example Mon Mar  2 10:00:00 2026\nSubject: An old one\n\nfirst\n\n"
    b"From ann@far.example Mon Mar  2 11:00:00 2026\nSubject: Another\n\nsecond\n"
)


@pytest.mark.process
# What the page does by itself, whatever the profile.
@pytest.mark.parametrize("house", ["embedded"], indirect=True)
def test_mail_is_brought_along_and_taken_along(webmail: Webmail, tmp_path: Path) -> None:
    webmail.sign_in()
    webmail.button("Settings").click()
    bring = webmail.dialog.get_by_role("form", name="Bring mail along")
    bring.get_by_role("button", name="Bring it here").click()
    expect(bring.get_by_role("alert")).to_have_text("Choose a file first.")
    for told in ("2 mails were added.", "0 mails were added, 2 were here already."):
        file = {"name": "old.mbox", "mimeType": "application/mbox", "buffer": MBOX}
        bring.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
        bring.get_by_role("button", name="Bring it here").click()
        expect(webmail.page.locator("#toasts")).to_contain_text(told)
        expect(webmail.row("An old one")).to_have_count(1)
    file = {"name": "x.gz", "mimeType": "application/gzip", "buffer": b"\x1f\x8b\x08\x00"}
    bring.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    bring.get_by_role("button", name="Bring it here").click()
    expect(bring.get_by_role("alert")).to_contain_text("unpack it first")

    take = webmail.dialog.get_by_role("form", name="Take it along")
    take.get_by_label("What").select_option("The mail, as a Maildir")
    with webmail.page.expect_download() as downloading:
        take.get_by_role("button", name="Download").click()
    downloading.value.save_as(tmp_path / "mine.zip")
    assert downloading.value.suggested_filename.startswith("rillmail-mail-")
    with zipfile.ZipFile(tmp_path / "mine.zip") as held:
        mails = [held.read(name) for name in held.namelist() if "/cur/" in name and name[-1] != "/"]
    assert b"Subject: An old one\r\n\r\nfirst\r\n" in mails


def test_a_connection_that_breaks_is_told(page: Page) -> None:
    open_settings(page)
    page.route("**/import", lambda route: route.abort())
    bring = page.get_by_role("form", name="Bring mail along")
    file = {"name": "old.mbox", "mimeType": "application/mbox", "buffer": MBOX}
    bring.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    bring.get_by_role("button", name="Bring it here").click()

    expect(bring.get_by_role("alert")).to_contain_text("bring the file once more")
