"""Where webhooks may be, how long they are tried, and when they are let be."""

from datetime import timedelta
from typing import Any

import pytest

from tests.services import AT
from topologies.mail import webhook_rules as rules
from topologies.ports.webhooks import TEST, Webhook, WebhookAttempt, WebhookSecret

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.Example:8443/a%20b?c=d&e", "https://shop.example:8443/a%20b?c=d&e"),
        ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
        ("https://[2606:4700:4700::1111]:443/", "https://[2606:4700:4700::1111]:443/"),
        ("https://xn--bcher-kva.example/x", "https://xn--bcher-kva.example/x"),
    ],
)
def test_an_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert rules.checked_url(given, is_private_allowed=False) == kept


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "visible"),
        ("https://shop.example/" + "x" * 2_000, "2000"),
        ("https://shop.example/ä", "percent-encode"),
        ("https://shop.example/a b", "visible"),
        ("https://shop.example\n.evil.example/", "visible"),
        ("http://shop.example/", "https://"),
        ("ftp://shop.example/", "https://"),
        ("shop.example", "https://"),
        ("https:///path", "no host"),
        ("https://ann:secret@shop.example/", "password"),
        ("https://shop.example@10.0.0.1/", "password"),
        ("https://shop.example/#top", "fragment"),
        ("https://shop.example:99999/", "no URL"),
        ("https://shop.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://localhost/", "no name"),
        ("https://127.0.0.1/", "no address"),
        ("https://10.1.2.3/", "no address"),
        ("https://169.254.169.254/latest/meta-data", "no address"),
        ("https://[::1]/", "no address"),
        ("https://[::ffff:10.0.0.1]/", "no address"),
        ("https://-.example/", "host"),
    ],
)
def test_what_can_t_be_posted_to_is_refused_and_says_why(given: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rules.checked_url(given, is_private_allowed=False)


def test_a_deployment_may_allow_its_own_network() -> None:
    for url in ("http://localhost:8000/x", "http://127.0.0.1:1/", "https://[::1]/"):
        assert rules.checked_url(url, is_private_allowed=True) == url


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254"),
        *("172.16.0.1", "192.168.1.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "x", ""),
        *("::7f00:1", "fec0::1", "4000::1", "fe80::1%eth0", "127.1", "2130706433", "0x7f.1"),
    ],
)
def test_an_address_of_nobody_on_the_internet_is_known(address: str) -> None:
    assert not rules.is_of_the_internet(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_internet_is_one(address: str) -> None:
    assert rules.is_of_the_internet(address)


def test_a_message_is_tried_for_three_days() -> None:
    waits: list[timedelta] = []
    at = AT
    while (wait := rules.next_wait(len(waits) + 1, made_at=AT, attempted_at=at)) is not None:
        waits.append(wait)
        at += wait
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds[:5] == [5, 300, 1_800, 7_200, 21_600]
    assert set(seconds[5:]) == {21_600}
    assert 3 * DAY - timedelta(hours=6) < at - AT <= 3 * DAY


def test_who_is_busy_is_soon_asked_again_and_then_later() -> None:
    assert rules.wait_put_off(5, 0) == timedelta(seconds=5)
    assert rules.wait_put_off(5, 1) == timedelta(minutes=5)
    assert rules.wait_put_off(600, 0) == timedelta(minutes=5)


def test_a_webhook_that_is_gone_is_let_be_at_once() -> None:
    assert rules.why_disabled(webhook(), attempt(410)) == "it answered 410 Gone"
    assert rules.why_disabled(webhook(), attempt(410, type=TEST)) == ""


@pytest.mark.parametrize(
    ("since", "failures", "status", "is_over"),
    [
        (5 * DAY, 10, 500, True),
        (5 * DAY, 10, 0, True),
        (5 * DAY - HOUR, 1_000, 500, False),
        (50 * DAY, 9, 500, False),
        (50 * DAY, 1_000, 204, False),
    ],
)
def test_a_webhook_that_fails_for_days_is_let_be(
    since: timedelta, failures: int, status: int, is_over: bool
) -> None:
    failing = webhook(failing_since=AT - since, failures=failures)
    why = rules.why_disabled(failing, attempt(status))
    assert bool(why) == is_over
    if is_over:
        assert "took nothing for 5 days" in why
        assert ("status 500" if status else "no answer") in why


def webhook(**given: Any) -> Webhook:
    known: dict[str, Any] = {
        "webhook_id": "w",
        "owner": "ann",
        "url": "https://shop.example/",
        "events": ("email.bounced",),
        "secrets": (WebhookSecret(text="whsec_AAAA"),),
        "created_at": AT,
        "enabled_at": AT,
    }
    return Webhook(**(known | given))


def attempt(status: int, **given: Any) -> WebhookAttempt:
    known: dict[str, Any] = {
        "webhook_id": "w",
        "message_id": "m",
        "type": "email.bounced",
        "attempt": 1,
        "attempted_at": AT,
        "text": "" if status else "no answer within 15 s",
    }
    return WebhookAttempt(**(known | given), status=status)
