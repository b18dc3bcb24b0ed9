"""The webmail tells why a mail lies where it lies."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import serve

pytestmark = pytest.mark.browser

TOLD: dict[str, Any] = {
    "is_judged": True,
    "is_spam": True,
    "probability": 0.97,
    "threshold": 0.9,
    "is_disowned": False,
    "contributions": [
        {"feature": "w:prize", "meaning": "the text says “prize”", "weight": 1.25},
        {"feature": "x:has-signature", "meaning": "it is signed off", "weight": -0.5},
        {"feature": "n:shouted:0", "meaning": "", "weight": 2.0},
    ],
    "by_sender": 0.0,
    "by_reports": 3.5,
}


def test_what_weighed_how_much_is_shown_on_both_sides(page: Page) -> None:
    show(page, TOLD)
    dialog = page.get_by_role("dialog", name="Why is this here?")
    expect(dialog).to_contain_text("It was taken for spam: 97 % probable, and spam from 90 % on.")
    expect(dialog.locator("section")).to_have_count(2)
    expect(dialog.locator("section").first.locator("li")).to_have_text(
        ["your own reports 3.50", "the text says “prize” 1.25"]
    )
    expect(dialog.locator("section").last.locator("li")).to_have_text(["it is signed off 0.50"])


def test_a_mail_that_nobody_judged_says_so(page: Page) -> None:
    show(page, TOLD | {"is_judged": False})
    expect(page.get_by_role("dialog")).to_contain_text("Nobody judged this mail")


def show(page: Page, told: dict[str, Any]) -> None:
    serve(page, {})
    page.evaluate(
        "async (told) => (await import('/web/verdict.js'))"
        ".verdictDialog({ verdict: async () => told }, { email_id: 'e' })",
        told,
    )
