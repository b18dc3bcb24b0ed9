"""A program is told what became of its mail: signed, again until it has it, across kills."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from tests.journeys import test_between_systems as between
from tests.journeys.place import PATIENCE_S, Person, Place
from tests.journeys.test_between_systems import Systems, send
from tests.process import RunningCluster, eventually
from tests.sink import Answer, Post, Sink, listening

pytestmark = pytest.mark.process

# Fixtures: two services that find each other.
dns, systems = between.dns, between.systems

NOWHERE = "bo@[10.0.0.1]"  # an address that no mail is sent to, whatever the DNS says


def test_who_sends_is_told_of_what_comes_back_and_can_prove_who_tells_it(
    place: Place, sink: Sink
) -> None:
    ann, bo = place.person("ann"), place.person("bo")
    made = webhook(ann.client, sink.url)
    trapped = f"{secrets.token_hex(6)}.example"
    place.rillmail("suppress", "add", f"@{trapped}", "--why", "a trap")
    send(bo.client, to=[NOWHERE], subject="Another's")
    sent = send(ann.client, to=[NOWHERE, f"cy@{trapped}"], subject="Mine")
    posts = eventually(lambda: list(sink.posts), lambda found: len(found) == 2, PATIENCE_S)
    told = {post.told["type"]: post.told["data"] for post in posts}
    assert set(told) == {"email.bounced", "email.suppressed"}
    assert [told[name]["recipient"] for name in sorted(told)] == [NOWHERE, f"cy@{trapped}"]
    assert {data["email_id"] for data in told.values()} == {sent}
    assert {data["from"] for data in told.values()} == {ann.address}
    assert "private" in told["email.bounced"]["text"]
    for post in posts:
        assert_signed(post, made["secret"])


def test_what_was_not_taken_comes_again_whatever_was_killed_meanwhile(
    place: Place, sink: Sink
) -> None:
    ann = place.person("ann")
    made = webhook(ann.client, sink.url)
    sink.answers = [Answer(500, body=b"not today")]
    send(ann.client, to=[NOWHERE], subject="Once more")
    [first] = eventually(lambda: list(sink.posts), bool, PATIENCE_S)
    seen = eventually(lambda: attempts(ann, made), bool, PATIENCE_S)
    assert [(each["status"], each["text"]) for each in seen] == [(500, "not today")]
    kill(place)
    _, second = eventually(lambda: list(sink.posts), lambda found: len(found) == 2, PATIENCE_S)
    assert second.body == first.body
    for post in (first, second):
        assert_signed(post, made["secret"])
    stamps = [int(post.headers["webhook-timestamp"]) for post in (first, second)]
    assert stamps[0] < stamps[1]
    seen = eventually(lambda: attempts(ann, made), lambda found: len(found) == 2, PATIENCE_S)
    assert [(each["attempt"], each["status"]) for each in seen] == [(2, 204), (1, 500)]
    assert {each["message_id"] for each in seen} == {first.headers["webhook-id"]}


def test_no_kill_loses_a_message_or_makes_another_of_it(place: Place) -> None:
    known: set[str] = set()

    def not_at_first(post: Post) -> Answer:
        is_new = post.id not in known
        known.add(post.id)
        return Answer(500 if is_new else 204)

    ann, wanted = place.person("ann"), set[str]()
    with listening(Sink(not_at_first)) as sink:
        webhook(ann.client, sink.url)
        for turn in range(3):
            people = [f"{turn}.{number}@[10.0.0.1]" for number in range(10)]
            before = len(sink.posts)
            send(ann.client, to=people, subject=f"Turn {turn}")
            wanted.update(people)
            eventually(lambda before=before: len(sink.posts) > before, bool, PATIENCE_S)
            kill(place)

        def told() -> set[str]:
            return {post.told["data"]["recipient"] for post in sink.taken}

        eventually(told, lambda found: found == wanted, 2 * PATIENCE_S)
        ids = {(post.told["data"]["recipient"], post.id) for post in sink.posts}
        assert len(ids) == len(wanted)


def test_a_webhook_that_is_gone_is_left_alone_until_its_owner_says_otherwise(
    place: Place, sink: Sink
) -> None:
    ann = place.person("ann")
    made = webhook(ann.client, sink.url)
    path = f"/webhooks/{made['webhook_id']}"
    sink.answers = [Answer(410)]
    send(ann.client, to=[NOWHERE], subject="Gone")
    told = eventually(lambda: ann.get(path), lambda it: not it["is_enabled"], PATIENCE_S)
    assert told["disabled_why"] == "it answered 410 Gone"
    assert ann.client.patch(path, json={"is_enabled": True}).status_code == 200
    trial = ann.client.post(f"{path}/test").json()["message_id"]
    posts = eventually(lambda: list(sink.posts), lambda found: len(found) == 2, PATIENCE_S)
    assert posts[1].headers["webhook-id"] == trial
    assert posts[1].told["type"] == "webhook.test"


def test_a_delivery_is_told_as_it_is_and_a_bounce_as_it_comes(systems: Systems, sink: Sink) -> None:
    ann = systems.ann()
    made = webhook(ann, sink.url)
    sent = send(ann, to=["bo@b.test", "nobody@b.test"], subject="Both")
    posts = eventually(lambda: list(sink.posts), lambda found: len(found) == 2, PATIENCE_S)
    told = {post.told["data"]["recipient"]: post.told for post in posts}
    assert {name: each["type"] for name, each in told.items()} == {
        "bo@b.test": "email.delivered",
        "nobody@b.test": "email.bounced",
    }
    assert {each["data"]["email_id"] for each in told.values()} == {sent}
    assert told["nobody@b.test"]["data"]["enhanced"] == "5.1.1"
    for post in posts:
        assert_signed(post, made["secret"])


def webhook(client: httpx.Client, url: str, events: Sequence[str] = ()) -> dict[str, Any]:
    """Return a webhook that is new."""
    body: dict[str, Any] = {"url": url} | ({"events": list(events)} if events else {})
    answer = client.post("/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def attempts(person: Person, made: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.get(f"/webhooks/{made['webhook_id']}/attempts")
    return found


def kill(place: Place) -> None:
    """End at once what posts, and let it come again."""
    service = place.service
    if isinstance(service, RunningCluster):
        eventually(lambda: "feedback" in service.workers().values(), bool, PATIENCE_S)
        service.kill_worker("feedback")
    else:
        place.restart_api()


def assert_signed(post: Post, secret: str) -> None:
    """Check a message as its receiver does, by the specification alone."""
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, signed + post.body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    assert wanted in post.headers["webhook-signature"].split(" ")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening(Sink()) as opened:
        yield opened
