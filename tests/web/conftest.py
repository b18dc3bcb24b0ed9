"""Chromium, and the page opened in it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.journeys.place import PASSWORD, Place
from tests.process import RunningService
from tests.web.chromium import SWITCHES
from tests.web.webmail import House, Webmail

PATIENCE_MS = 15_000


@pytest.fixture(scope="module")  # while it is open, its event loop is in the way of others
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(
            "Chromium is missing: apt-get install chromium"
        )
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, headless=True, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of 1280 × 800; an error in the page's scripts fails the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-GB", accept_downloads=True
    )
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.live)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The real service with two people; what it would call spam stays in the inbox."""
    if request.param == "embedded":
        with RunningService(tmp_path / "data", {"RILLMAIL_SPAM_THRESHOLD": "1"}) as running:
            yield House(running.http_url, running.smtp_port, running.users)
        return
    with Place(request.getfixturevalue("cluster_service")) as place:
        people = [place.person("alice", "--name", "Alice"), place.person("bob", "--name", "Bob")]
        users = [(person.address, PASSWORD) for person in people]
        yield House(place.service.http_url, place.service.smtp_port, users)


@pytest.fixture
def webmail(page: Page, house: House) -> Webmail:
    """The page of the real service, on which nobody is signed in."""
    return Webmail(page, house)
