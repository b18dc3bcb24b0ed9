"""rillmail replay, on what the embedded service left in its folder."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from connectors.assembly import open_service, open_stores
from connectors.settings import load
from topologies.events import MailReceived
from topologies.mail import ids
from topologies.ports.mailboxes import Changes

ANN = "ann@shop.example"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a service that has worked on two mails, and was stopped."""
    folder = tmp_path_factory.mktemp("replay")
    settings = {"RILLMAIL_DATA_DIR": str(folder / "data"), "RILLMAIL_SMTP_PROCESSES": "0"}
    asyncio.run(worked(settings))
    return settings


def test_a_dry_run_finds_the_same_and_the_exit_code_tells(house: dict[str, str]) -> None:
    result = ran(house, "parse", "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2 records of mail.received were tried on parse",
        "2 events are the same, 0 changed, 0 new, 0 gone; 0 records would be buried",
    ]


def test_what_would_be_otherwise_is_shown_with_its_place(house: dict[str, str]) -> None:
    stricter = house | {"RILLMAIL_SPAM_THRESHOLD": "0"}
    result = ran(stricter, "parse", "--dry-run", "--limit", "1")
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("changed   mailbox.commands  ")
    assert '    /folder_id  "inbox" → "spam"' in result.stdout.splitlines()
    told = json.loads(ran(stricter, "parse", "--dry-run", "--json").stdout)
    assert (told["records"], told["same"], told["changed"]) == (2, 0, 2)
    changed = {change["path"]: change for change in told["events"][0]["changes"]}
    assert changed["/folder_id"] == {"path": "/folder_id", "then": "inbox", "now": "spam"}


def test_what_a_stage_gives_lies_at_the_side_and_can_be_read(house: dict[str, str]) -> None:
    result = ran(house, "parse", "--into", "try-1", "--alone")
    assert result.stdout == (
        "2 records of mail.received gave 2 events, written to replayed.try-1\n"
    )
    shown = json.loads(invoke(house, "topics", "show", "replayed.try-1", "--json").stdout)
    assert {each["headers"]["topic"] for each in shown} == {"mail.parsed"}
    assert {each["event"]["event"] for each in shown} == {"mail.parsed/1"}


def test_a_replay_for_good_is_counted_before_it_is_done(house: dict[str, str]) -> None:
    counted = ran(house, "index", "--count")
    assert counted.stdout.endswith("records of mailbox.changes would be handed to index again\n")
    told: Any = json.loads(ran(house, "index", "--limit", "1", "--json").stdout)
    assert (told["records"], told["only_counted"]) == (1, False)


def test_a_group_is_set_back_while_no_service_runs_and_does_all_of_it_again(
    house: dict[str, str],
) -> None:
    counted = ran(house, "parse", "--rewind", "--count").stdout.splitlines()
    assert counted[-1] == (
        "2 records of mail.received would be read by parse again, when it is started"
    )
    told: Any = json.loads(ran(house, "parse", "--rewind", "--json").stdout)
    assert (told["records"], told["only_counted"]) == (2, False)
    assert sum(each["was"] - each["now"] for each in told["partitions"]) == 2
    assert json.loads(ran(house, "parse", "--rewind", "--json").stdout)["records"] == 0
    before = changes_of_ann(house)
    asyncio.run(worked(house, mails=0))
    assert json.loads(ran(house, "parse", "--rewind", "--count", "--json").stdout)["records"] == 2
    assert changes_of_ann(house) == before


def test_nothing_is_set_back_under_a_running_service(house: dict[str, str]) -> None:
    async def while_it_runs() -> Result:
        async with open_service(load(house)):
            return await asyncio.to_thread(ran, house, "parse", "--rewind")

    result = asyncio.run(while_it_runs())
    assert result.exit_code == 1
    assert "a service runs on" in result.stderr


@pytest.mark.parametrize("options", [(), ("--count",), ("--dry-run",), ("--into", "try-2")])
def test_a_stage_whose_step_is_chained_is_not_told_to_give_the_same(
    house: dict[str, str], options: list[str]
) -> None:
    result = ran(house, "score", *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "mail.scanned holds no such records" in result.stderr
    assert "replay parse, which heads the chain" in result.stderr
    tapped = house | {"RILLMAIL_TAPS": "mail.scanned"}
    assert ran(tapped, "score", "--count").exit_code == 0


def test_who_has_no_group_of_its_own_is_told_who_has(house: dict[str, str]) -> None:
    result = ran(house, "score", "--rewind")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: score has no group of its own")
    assert "parse" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--dry-run", "--into", "x"),
        ("--count", "--dry-run"),
        ("--alone",),
        ("--into", "../x"),
        ("--hours", "1", "--offset", "0:0"),
        ("--offset", "x"),
        ("--rewind", "--dry-run"),
        ("--rewind", "--key", "x"),
        ("--rewind", "--until", "2026-03-01"),
    ],
)
def test_options_that_do_not_fit_are_refused(house: dict[str, str], options: list[str]) -> None:
    assert ran(house, "parse", *options).exit_code == 2


def test_a_stage_that_is_not_there_is_told_in_a_sentence(house: dict[str, str]) -> None:
    result = ran(house, "nobody", "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no stage 'nobody'")


def changes_of_ann(house: dict[str, str]) -> Changes:
    """All that ever changed in her mailbox."""

    async def listed() -> Changes:
        async with open_stores(load(house)) as stores:
            [ann] = (await stores.directory.resolve(ANN)).targets
            return await stores.mailboxes.changes(ann.user_id, 0)

    return asyncio.run(listed())


async def worked(settings: dict[str, str], *, mails: int = 2) -> None:
    async with open_service(load(settings)) as service:
        if mails:
            await service.stores.directory.add_domain("shop.example")
            await service.stores.directory.add_user(ANN, "a password")
            await service.stores.log.append([a_mail() for _ in range(mails)])
        task = asyncio.create_task(service.engine.run())
        async with asyncio.timeout(60):
            while not await service.engine.drained(1.0):
                pass
        await service.stop()
        await task


def a_mail() -> MailReceived:
    at = datetime.now(UTC)
    # Without a sender, so that nobody is asked for by DNS.
    return MailReceived(
        mail_id=ids.new_id(at),
        received_at=at,
        origin="smtp",
        mail_from="",
        recipients=(ANN,),
        size_bytes=27,
        raw=b"Subject: hello\r\n\r\nHello.\r\n",
    )


def ran(house: dict[str, str], *options: str) -> Result:
    return invoke(house, "replay", *options)


def invoke(house: dict[str, str], *arguments: str) -> Result:
    return CliRunner(env=house).invoke(main, arguments)
