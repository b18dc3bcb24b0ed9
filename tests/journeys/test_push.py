"""A browser whose page is closed is told of new mail, across kills, until it is gone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.place import PATIENCE_S, Person, Place, mail
from tests.process import eventually
from tests.push import Browser
from tests.sink import Answer, Post, Sink, listening

pytestmark = pytest.mark.process


def test_a_browser_is_told_of_new_mail_until_its_push_service_says_it_is_gone(
    place: Place, sink: Sink
) -> None:
    bo = place.person("bo")
    browser = Browser(sink.url)
    key = bo.get("/push/key")
    bo.client.post("/push/subscriptions", json=browser.said()).raise_for_status()
    place.send(mail("one"), bo)
    [first] = eventually(lambda: list(sink.posts), bool, PATIENCE_S)
    told = read(browser, first)
    [line] = bo.emails()
    assert (told["email_id"], told["unread_count"]) == (line["email_id"], 1)
    assert b"one" not in json.dumps(told).encode()
    assert first.headers["authorization"].endswith(f"k={key['public_key']}")
    assert (first.headers["content-encoding"], first.headers["ttl"]) == ("aes128gcm", "86400")

    place.service.settle()  # or the first would be told of again, and the answer be for that
    place.restart_api()
    assert bo.get("/push/key") == key  # else the subscription would be worthless
    sink.answers = [Answer(410)] * 100  # whichever is told of the next mail, and however often
    place.send(mail("two"), bo)
    ids = {line["email_id"] for line in bo.awaited(2)}
    eventually(lambda: subscriptions(bo), lambda kept: kept == [], PATIENCE_S)
    assert {read(browser, post)["email_id"] for post in sink.posts} == ids


def read(browser: Browser, post: Post) -> dict[str, Any]:
    return json.loads(browser.read(post.body))


def subscriptions(person: Person) -> list[dict[str, Any]]:
    return person.get("/push/subscriptions")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening(Sink()) as opened:
        yield opened
