"""Who sends most by the hour, as administrators see it, and after a replay as before."""

from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from tests.journeys.place import PATIENCE_S, Person, Place
from tests.process import eventually

pytestmark = pytest.mark.process


def test_what_a_user_sends_is_counted_in_its_hour_and_a_replay_changes_nothing(
    place: Place,
) -> None:
    root, ann = place.person("root", "--admin"), place.person("ann")
    user_id = ann.get("/me")["user_id"]
    began_at = datetime.now(UTC)

    def counted() -> int:
        # An hour may end meanwhile.
        return counts(root, {began_at, datetime.now(UTC)}, user_id)

    for number in range(3):
        submit(ann, root, f"number {number}")
    assert eventually(counted, lambda count: count == 3, PATIENCE_S) == 3
    handed = place.told("replay", "tally_senders", "--key", f"user:{user_id}")
    assert handed["records"] == 3
    submit(ann, root, "after the replay")  # is counted behind what was replayed
    assert eventually(counted, lambda count: count >= 4, PATIENCE_S) == 4


def submit(sender: Person, to: Person, subject: str) -> None:
    mail = {"to": [to.address], "subject": subject, "body": "Hello."}
    answer = sender.client.post("/emails/send", json=mail)
    assert answer.status_code == 202, answer.text


def counts(root: Person, moments: Collection[datetime], user_id: str) -> int:
    hours = {f"{moment:%Y-%m-%dT%H}:00:00Z" for moment in moments}
    told = [root.get("/admin/top-senders", hour=hour, limit=1000)["senders"] for hour in hours]
    return sum(
        each["mails"] for senders in told for each in senders if each["sender"] == f"user:{user_id}"
    )
