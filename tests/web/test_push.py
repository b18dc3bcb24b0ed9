"""Being told of new mail while the page is closed: the setting, and what the worker shows."""

import json
import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.push import Browser
from tests.web.test_modules import until
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser

# No push service is reached from here: a subscription is made up, and kept as a browser keeps it.
PUSH_SERVICE = """
({ endpoint, keys }) => {
  let kept = null;
  PushManager.prototype.subscribe = async (options) => {
    window.subscribedTo = options.applicationServerKey;
    kept = { endpoint, toJSON: () => ({ endpoint, expirationTime: null, keys }),
      unsubscribe: async () => { kept = null; return true; } };
    return kept;
  };
  PushManager.prototype.getSubscription = async () => kept;
}
"""


def test_a_browser_is_told_of_new_mail_from_when_one_asks_for_it_until_one_signs_out(
    webmail: Webmail,
) -> None:
    page = webmail.page
    page.context.grant_permissions(["notifications"])
    webmail.sign_in()
    page.evaluate(PUSH_SERVICE, Browser(f"https://push.example/{secrets.token_hex(8)}").said())
    webmail.button("Settings").click()
    part = webmail.dialog.get_by_role("form", name="New mail")
    part.get_by_label("Tell me on this device").check()
    part.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("This browser tells you of new mail.")
    with webmail.elsewhere() as client:
        [kept] = client.get("/push/subscriptions").json()
        assert kept["host"] == "push.example"
        key = client.get("/push/key").json()["public_key"]
        assert page.evaluate("() => window.subscribedTo") == key
        worker = page.evaluate(
            "async () => (await navigator.serviceWorker.getRegistration('/web/sw.js')).active.state"
        )
        assert worker in ("activating", "activated")
        webmail.dialog.get_by_role("button", name="Close", exact=True).click()
        webmail.sign_out()
        assert client.get("/push/subscriptions").json() == []


def test_the_worker_shows_how_many_mails_are_unread_when_no_page_is_seen(
    webmail: Webmail,
) -> None:
    page = webmail.page
    page.context.grant_permissions(["notifications"])
    page.goto(webmail.url)
    devtools: Any = page.context.new_cdp_session(page)
    found: list[str] = []

    def registered(told: dict[str, Any]) -> None:
        found.extend(each["registrationId"] for each in told["registrations"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", registered)
    devtools.send("ServiceWorker.enable")
    page.evaluate(
        """async () => {
          const registration = await navigator.serviceWorker.register('/web/sw.js');
          while (!registration.active) await new Promise((resolve) => setTimeout(resolve, 20));
        }"""
    )
    until(page, lambda: bool(found))
    page.goto("about:blank")  # the page is closed
    told = {"type": "email.added", "unread_count": 3, "folder_id": "inbox", "email_id": "e"}
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": webmail.url, "registrationId": found[-1], "data": json.dumps(told)},
    )
    page.goto(webmail.url)
    until(page, lambda: len(shown(page)) == 1)
    assert shown(page) == [["New mail", "3 unread mails", "mail"]]


def shown(page: Page) -> list[list[str]]:
    """Return title, text and tag of what is shown beside the page."""
    return page.evaluate(
        """async () => {
          const registration = await navigator.serviceWorker.getRegistration('/web/sw.js');
          const notices = await registration.getNotifications();
          return notices.map((each) => [each.title, each.body, each.tag]);
        }"""
    )
