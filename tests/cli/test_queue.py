"""`rillmail queue` and `rillmail suppress`, on the stores of a data folder."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.cli.queue_trace import outcomes
from connectors.assembly.embedded import open_stores
from connectors.memory.deliveries import MemoryDeliveries
from connectors.settings import Settings
from tests.cli.begun import begin
from topologies.events import DeliveryAttempted, DeliveryDue, DeliveryLater4h, RecipientResult
from topologies.events.base import as_kind

NOW = datetime.now(UTC).replace(microsecond=0)


def test_what_waits_is_listed_oldest_first(house: "House") -> None:
    house.waits("d1", hours=1)
    house.waits("d2", hours=30, destination="third.example")
    told = house.json("queue", "list")
    assert [each["delivery_id"] for each in told] == ["d2", "d1"]
    assert told[1]["recipients"][0]["text"] == "Mailbox busy"
    lines = house.run("queue", "list").output.splitlines()
    assert lines[1].split()[:3] == ["d2", "1d", "deferred"]
    assert lines[2].endswith("Mailbox busy")


def test_it_is_found_by_what_one_asks_for(house: "House") -> None:
    house.waits("d1", hours=1)
    house.waits("d2", hours=30, destination="third.example", mail_from="cy@shop.example")
    for options, wanted in (
        (("--to", "Third.example"), ["d2"]),
        (("--from", "cy@shop.example"), ["d2"]),
        (("--older-than", "4h"), ["d2"]),
        (("--state", "held"), []),
        (("--limit", "1"), ["d2"]),
    ):
        found = house.json("queue", "list", *options)
        assert [each["delivery_id"] for each in found] == wanted, options
    assert "no user zoe" in house.run("queue", "list", "--user", "zoe@shop.example").output
    assert "write 90s" in house.run("queue", "list", "--older-than", "soon").output


def test_it_is_counted_by_destination_and_age(house: "House") -> None:
    house.waits("d1", hours=0.5)
    house.waits("d2", hours=30)
    house.waits("d3", hours=2, destination="third.example")
    told = house.json("queue", "count")
    assert (told["count"], told["is_complete"]) == (3, True)
    far, third = told["destinations"]
    assert (far["destination"], far["count"]) == ("far.example", 2)
    assert far["by_age"] == {"1h": 1, "4h": 0, "1d": 0, "older": 1}
    assert third["by_age"]["4h"] == 1
    assert "far.example" in house.run("queue", "count").output


def test_one_is_shown_with_what_was_said_in_words(house: "House") -> None:
    house.waits("d1", hours=1)
    output = house.run("queue", "show", "d1").output
    assert "The mailbox is switched off." in output
    assert "mx.far.example: 450 4.2.1 Mailbox busy" in output
    assert house.run("queue", "trace", "mail-d1").output == output
    assert house.run("queue", "show", "nothing").exit_code == 1
    assert house.run("queue", "trace", "nothing").exit_code == 1


def test_a_delivery_is_held_and_released_and_then_tried_at_once(house: "House") -> None:
    house.waits("d1", hours=1)
    assert house.run("queue", "hold", "d1").output == "1 held\n"
    assert house.json("queue", "show", "d1")["state"] == "held"
    assert house.due() == []
    assert house.run("queue", "release", "d1").output == "1 released\n"
    assert house.json("queue", "show", "d1")["state"] == "deferred"
    [due] = house.due()
    assert (due.delivery_id, due.attempt, due.recipients) == ("d1", 2, ("bo@far.example",))
    assert due.raw == b"the mail"


def test_all_of_a_kind_are_counted_before_anything_is_done(house: "House") -> None:
    house.waits("d1", hours=1)
    house.waits("d2", hours=30)
    house.waits("d3", hours=2, destination="third.example")
    refused = house.run("queue", "retry", "--all", "--to", "far.example", typed="n\n")
    assert "retry 2 deliveries to 1 destinations?" in refused.output
    assert house.due() == []
    done = house.run("queue", "retry", "--all", "--to", "far.example", typed="y\n")
    assert "2 tried now" in done.output
    assert {due.delivery_id for due in house.due()} == {"d1", "d2"}
    told = house.json("queue", "cancel", "--all", "--yes", "--older-than", "4h")
    assert (told["done"], told["not_found"]) == (["d2"], [])
    assert house.json("queue", "show", "d2")["order"] == "cancel"


def test_what_is_not_asked_for_clearly_is_not_done(house: "House") -> None:
    house.waits("d1", hours=1)
    for arguments in ((), ("d1", "--all"), ("d1", "--to", "x.example"), ("--all", "--json")):
        assert house.run("queue", "bounce", *arguments).exit_code == 2, arguments
    failed = house.run("queue", "bounce", "d1", "d9")
    assert (failed.exit_code, "d9" in failed.output) == (1, True)
    assert house.json("queue", "show", "d1")["order"] == "bounce"


def test_deliveries_are_rerouted_and_tried_at_once(house: "House") -> None:
    house.waits("d1", hours=1)
    house.waits("d2", hours=2, destination="third.example")
    refused = house.run(
        *("queue", "reroute", "--all", "--to", "far.example", "--via", "relay.example:2525"),
        typed="n\n",
    )
    assert "reroute 1 deliveries to 1 destinations via relay.example:2525?" in refused.output
    assert house.json("queue", "show", "d1")["via"] == ""
    done = house.run(
        *("queue", "reroute", "--all", "--to", "far.example", "--via", "Relay.example:2525"),
        typed="y\n",
    )
    assert "1 rerouted" in done.output
    assert house.json("queue", "show", "d1")["via"] == "relay.example:2525"
    assert "via        relay.example:2525" in house.run("queue", "show", "d1").output
    assert house.json("queue", "show", "d2")["via"] == ""
    assert [each.delivery_id for each in house.due()] == ["d1"]
    back = house.json("queue", "reroute", "d1", "--back")
    assert (back["done"], back["tried_now"]) == (["d1"], ["d1"])
    assert house.json("queue", "show", "d1")["via"] == ""


def test_what_is_held_is_rerouted_and_not_tried(house: "House") -> None:
    house.waits("d1", hours=1)
    house.run("queue", "hold", "d1")
    assert house.json("queue", "reroute", "d1", "--via", "192.0.2.1")["tried_now"] == []
    shown = house.json("queue", "show", "d1")
    assert (shown["state"], shown["via"]) == ("held", "192.0.2.1")
    assert house.due() == []


def test_where_it_goes_has_to_be_said_and_to_be_a_host(house: "House") -> None:
    house.waits("d1", hours=1)
    for options in ((), ("--via", "x", "--back"), ("--via", "no host"), ("--via", "x:0")):
        result = house.run("queue", "reroute", "d1", *options)
        assert result.exit_code == 2, options
        assert "HOST" in result.output


async def test_a_trace_is_followed_until_all_have_a_final_answer() -> None:
    deliveries = MemoryDeliveries()
    first, second = a_delivery("d1", NOW), a_delivery("d2", NOW, mail_id="mail-d1")
    await deliveries.tell(deferred(first))
    seen = list[tuple[str, str, int]]()
    async for delivery, recipient in outcomes(deliveries, "mail-d1", look_every_s=0.001):
        seen.append((delivery.delivery_id, recipient.state, recipient.attempt))
        if len(seen) == 1:  # what comes meanwhile is told, of parts that were not there before too
            await deliveries.tell(last(first, "delivered"))
            await deliveries.tell(deferred(second))
        elif len(seen) == 3:
            await deliveries.tell(last(second, "failed"))
    assert seen == [
        ("d1", "deferred", 1),
        ("d1", "delivered", 2),
        ("d2", "deferred", 1),
        ("d2", "failed", 2),
    ]


async def test_a_mail_that_is_not_there_yet_is_waited_for_some_time() -> None:
    news = outcomes(MemoryDeliveries(), "x", look_every_s=0.001)
    with pytest.raises(click.ClickException, match="nothing of a mail x"):
        await anext(news)


def test_a_trace_that_is_followed_tells_each_outcome_once(house: "House") -> None:
    house.waits("d1", hours=1)
    house.told("d1", "delivered")
    result = house.run("queue", "trace", "mail-d1", "--follow")
    [line] = result.output.splitlines()
    assert line.endswith(
        "bo@far.example: delivered at try 2; mx.far.example: 450 4.2.1 Mailbox busy"
    )


def test_each_order_has_examples() -> None:
    for word in ("hold", "release", "retry", "cancel", "bounce", "reroute"):
        output = CliRunner().invoke(main, ["queue", word, "--help"]).output
        assert f"rillmail queue {word} --all" in output


def test_whom_nobody_writes_to_is_kept_on_a_list(house: "House") -> None:
    added = house.run("suppress", "add", "@Spam.example", "--days", "30", "--why", "spam")
    assert added.output.startswith("@spam.example is not written to, until ")
    [entry] = house.json("suppress", "list")
    assert (entry["target"], entry["owner"], entry["detail"]) == ("@spam.example", "*", "spam")
    assert house.run("suppress", "list", "--of", "@shop.example").output == (
        "Nobody is on this list.\n"
    )
    assert house.run("suppress", "remove", "@spam.example").exit_code == 0
    assert house.run("suppress", "remove", "@spam.example").exit_code == 1
    assert house.run("suppress", "add", "nonsense").exit_code == 1
    assert house.run("suppress", "add", "a@b.example", "--of", "zoe@x.example").exit_code == 1


class House:
    """A data folder, and commands that run on it."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(data_dir=str(folder))
        self._env = {"RILLMAIL_DATA_DIR": str(folder)}
        begin(folder)

    def run(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, arguments, env=self._env, input=typed)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def waits(self, delivery_id: str, *, hours: float, **given: Any) -> None:
        """Let a delivery wait for its second attempt, on the log and in the view."""
        due = a_delivery(delivery_id, NOW - timedelta(hours=hours), **given)
        later = as_kind(due, DeliveryLater4h, attempt=2, due_at=NOW + timedelta(hours=3))

        async def work() -> None:
            async with open_stores(self._settings) as stores:
                await stores.deliveries.tell(deferred(due))
                await stores.log.append([later])

        asyncio.run(work())

    def told(self, delivery_id: str, status: str, **given: Any) -> None:
        """Let the second attempt come to an end."""
        told = last(a_delivery(delivery_id, NOW - timedelta(hours=1), **given), status)

        async def work() -> None:
            async with open_stores(self._settings) as stores:
                await stores.deliveries.tell(told)

        asyncio.run(work())

    def due(self) -> Sequence[DeliveryDue]:
        """Return what is to be tried now."""

        async def work() -> list[DeliveryDue]:
            async with open_stores(self._settings) as stores:
                return [
                    msgspec.json.decode(record.value, type=DeliveryDue)
                    async for record in stores.reader.read("delivery.due")
                ]

        return asyncio.run(work())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def a_delivery(delivery_id: str, at: datetime, **given: Any) -> DeliveryDue:
    known: dict[str, Any] = {
        "delivery_id": delivery_id,
        "mail_id": f"mail-{delivery_id}",
        "user_id": "user-1",
        "submitted_at": at,
        "mail_from": "ann@shop.example",
        "destination": "far.example",
        "recipients": ("bo@far.example",),
        "size_bytes": 8,
        "raw": b"the mail",
        "due_at": at,
    }
    return DeliveryDue(**(known | given))


def deferred(due: DeliveryDue) -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id=due.delivery_id,
        mail_id=due.mail_id,
        user_id=due.user_id,
        submitted_at=due.submitted_at,
        mail_from=due.mail_from,
        destination=due.destination,
        attempt=1,
        attempted_at=due.submitted_at,
        next_try_at=NOW + timedelta(hours=3),
        results=(
            RecipientResult(
                recipient=due.recipients[0],
                status="deferred",
                code=450,
                enhanced="4.2.1",
                text="Mailbox busy",
                host="mx.far.example",
            ),
        ),
    )


def last(due: DeliveryDue, status: str) -> DeliveryAttempted:
    """Return what a second attempt came to, after which there is none."""
    first = deferred(due)
    results = tuple(msgspec.structs.replace(each, status=status) for each in first.results)
    return msgspec.structs.replace(
        first, attempt=2, attempted_at=NOW, next_try_at=None, results=results
    )
