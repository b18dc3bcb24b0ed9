"""What a person sees and does on the page."""

import re
import smtplib
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import FrameLocator, Locator, Page, expect

SEARCHABLE_WITHIN_S = 30.0


@dataclass(frozen=True)
class House:
    """A running service, and who is at home there: addresses with their passwords."""

    http_url: str
    smtp_port: int
    users: list[tuple[str, str]]


class Webmail:
    """The page of a running service."""

    def __init__(self, page: Page, house: House) -> None:
        self.page = page
        self.url = house.http_url
        self.smtp_port = house.smtp_port
        self.users = house.users

    def address(self, user: int = 0) -> str:
        return self.users[user][0]

    def sign_in(self, user: int = 0) -> None:
        address, password = self.users[user]
        self.page.goto(self.url)
        self.fill_sign_in(address, password)
        expect(self.folder("Inbox")).to_be_visible()

    def fill_sign_in(self, address: str, password: str) -> None:
        self.page.get_by_label("Mail address").fill(address)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def sign_out(self) -> None:
        self.button("Sign out").click()
        expect(self.button("Sign in")).to_be_visible()

    def receive(self, subject: str, text: str = "Hello there.", **more: Any) -> None:
        """Let a mail come in by SMTP to the first user."""
        mail = written(subject, text, to=self.address(), **more)
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            client.send_message(mail, "ann@far.example", [self.address()])

    def save_elsewhere(self, named: str, **typed: str) -> None:
        """Let the first user's draft be saved by another program than this page."""
        with self.elsewhere() as client:
            page = client.get("/folders/drafts/emails").json()
            [draft] = [mail for mail in page["emails"] if mail["subject"] == named]
            path = f"/drafts/{draft['email_id']}"
            client.put(path, json=typed, headers={"If-Match": "*"}).raise_for_status()

    def elsewhere(self) -> httpx.Client:
        """Return a program of the first user's, which is to be closed."""
        address, password = self.users[0]
        form = {"grant_type": "password", "username": address, "password": password}
        token = httpx.post(f"{self.url}/auth/token", data=form, timeout=30).json()["access_token"]
        own = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=own, timeout=30)

    # --- what is seen -----------------------------------------------------------------

    @property
    def rows(self) -> Locator:
        return self.page.get_by_role("list", name="Mails").get_by_role("listitem")

    def row(self, subject: str) -> Locator:
        return self.rows.filter(has_text=subject)

    @property
    def mail(self) -> Locator:
        return self.page.get_by_role("article", name="Open mail")

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator("iframe.mail-frame")

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog")

    @property
    def compose(self) -> Locator:
        return self.page.locator(".compose")

    def folder(self, name: str) -> Locator:
        folders = self.page.get_by_role("navigation", name="Folders")
        return folders.get_by_role("link").filter(has_text=re.compile(rf"^{name}(\d|$)"))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def expect_unread(self, folder: str, count: int) -> None:
        badge = self.folder(folder).locator(".badge")
        if count:
            expect(badge).to_have_text(f"{count} unread")
        else:
            expect(badge).to_have_count(0)

    # --- what is done -----------------------------------------------------------------

    def open(self, subject: str) -> None:
        self.row(subject).get_by_role("link").click()
        expect(self.page.locator(".mail-subject")).to_have_text(subject)

    def go_to(self, folder: str) -> None:
        self.folder(folder).click()
        expect(self.page.locator(".list-title")).to_have_text(folder)

    def search(self, text: str) -> None:
        self.page.get_by_label("Search mail").fill(text)
        self.page.keyboard.press("Enter")

    def search_until_found(self, text: str, count: int) -> None:
        """Search again until it is found: new mail can be, some seconds after it came."""
        deadline = time.monotonic() + SEARCHABLE_WITHIN_S
        while True:
            self.search(text)
            try:
                expect(self.rows).to_have_count(count, timeout=1_000)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self.go_to("Inbox")
            else:
                return

    def tick(self, item: str) -> None:
        """Choose what is on or off in a menu."""
        self.page.get_by_role("menuitemcheckbox", name=item, exact=True).click()

    def choose(self, item: str) -> None:
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def write(self, to: str, subject: str, text: str, file: Path | None = None) -> None:
        self.button("Write a mail").click()
        self.compose.get_by_label("To", exact=True).fill(to)
        self.compose.get_by_label("Subject").fill(subject)
        self.compose.get_by_label("Text", exact=True).fill(text)
        if file is not None:
            self.compose.get_by_label("Files to attach").set_input_files(file)
        self.compose.get_by_role("button", name="Send", exact=True).click()


def written(
    subject: str,
    text: str,
    *,
    to: str,
    html: str = "",
    files: dict[str, bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ann Far <ann@far.example>"
    mail["To"] = to
    mail["Subject"] = subject
    for name, value in (headers or {}).items():
        mail[name] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, content in (files or {}).items():
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail
