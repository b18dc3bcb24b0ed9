"""What becomes of a sent mail, from the sender's chair: told, seen, and learnt from."""

from typing import Any

import httpx
import pytest

from tests.journeys.test_between_systems import (  # noqa: F401  fixtures
    Systems,
    dns,
    send,
    systems,
)
from tests.process import emails_of, eventually

pytestmark = pytest.mark.process

NOBODY = "nobody@b.test"


def test_mail_to_nobody_comes_back_and_is_not_sent_again(systems: Systems) -> None:  # noqa: F811
    ann = systems.ann()
    sent = send(ann, to=[NOBODY], subject="One")
    assert "The mailbox does not exist." in report_about(ann, "One")
    [delivery] = ann.get(f"/emails/{sent}/delivery").json()["deliveries"]
    [recipient] = delivery["recipients"]
    assert (recipient["state"], recipient["enhanced"]) == ("failed", "5.1.1")
    [entry] = eventually(lambda: suppressed(ann), lambda found: len(found) == 1)
    assert (entry["target"], entry["reason"]) == (NOBODY, "bounce")
    again = send(ann, to=[NOBODY, "bo@b.test"], subject="Two")
    assert "is on your suppression list" in report_about(ann, "Two")
    eventually(lambda: emails_of(systems.bo()), lambda found: len(found) == 1)
    [delivery] = ann.get(f"/emails/{again}/delivery").json()["deliveries"]
    states = {each["recipient"]: each["state"] for each in delivery["recipients"]}
    assert states == {NOBODY: "failed", "bo@b.test": "delivered"}
    assert ann.delete(f"/suppressions/{NOBODY}").status_code == 204
    send(ann, to=[NOBODY], subject="Three")
    assert "The mailbox does not exist." in report_about(ann, "Three")


def test_mail_to_nobody_here_comes_back_as_well(systems: Systems) -> None:  # noqa: F811
    ann = systems.ann()
    sent = send(ann, to=["nobody@a.test"], subject="Here")
    assert "no such mailbox" in report_about(ann, "Here")
    [delivery] = ann.get(f"/emails/{sent}/delivery").json()["deliveries"]
    assert delivery["state"] == "failed"


def report_about(client: httpx.Client, subject: str) -> str:
    """Return the text of the report about a mail, as soon as it is there."""
    title = f"Your mail could not be delivered: {subject}"

    def found() -> list[dict[str, Any]]:
        return [each for each in emails_of(client) if each["subject"] == title]

    [line] = eventually(found, lambda lines: len(lines) == 1)
    return str(client.get(f"/emails/{line['email_id']}").json()["body"])


def suppressed(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/suppressions").json()["suppressions"]
    return found
