"""What every store of rules keeps to."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.answers import MemoryAnswers
from connectors.memory.clock import ManualClock
from connectors.memory.rules import MemoryRules
from connectors.sqlite.database import Database
from connectors.sqlite.rules import MIGRATIONS, SqliteAnswers, SqliteRules
from topologies.mail.ids import new_id
from topologies.ports.answers import Answers
from topologies.ports.rules import (
    AwayNotice,
    BlockedSender,
    Forwarding,
    Identity,
    Rules,
    SieveScript,
    UserRules,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
WEEK_S = 7 * 86_400
FULL = UserRules(
    scripts=(SieveScript(name="a – ü", source='keep; # "ü"\r\n', changed_at=AT),),
    active="a – ü",
    away=AwayNotice(is_on=True, subject="weg", text="bin weg", days=3, starts_at=AT),
    forwarding=Forwarding(is_on=True, addresses=("x@far.example",), keeps_copy=False),
    blocked=(BlockedSender(target="@spam.example", into="trash", since=AT),),
)
SIGNED = replace(
    FULL, identities=(Identity(address="ü@x.example", name="Ü", signature="Yours,\r\nÜ"),)
)


async def test_who_has_set_none_has_none(desk: "Desk") -> None:
    assert await desk.rules.of(desk.user) == UserRules()
    assert await desk.rules.read(desk.user) == UserRules()
    assert UserRules().is_idle


async def test_rules_are_kept_whole_and_seen_at_once_where_they_were_written(desk: "Desk") -> None:
    await desk.rules.of(desk.user)
    assert await desk.rules.write(desk.user, FULL)
    kept = replace(FULL, version=1)
    assert await desk.rules.of(desk.user) == kept
    assert await desk.rules.read(desk.user) == kept
    assert await desk.rules.of(new_id(datetime.now(UTC))) == UserRules()


async def test_what_a_user_writes_as_is_kept_and_of_no_use_to_mail_that_comes(
    desk: "Desk",
) -> None:
    assert await desk.rules.write(desk.user, SIGNED)
    assert await desk.rules.read(desk.user) == replace(SIGNED, version=1)
    assert await desk.rules.of(desk.user) == replace(FULL, version=1)


async def test_of_a_user_who_is_erased_there_are_none(desk: "Desk") -> None:
    await desk.rules.write(desk.user, FULL)
    for _ in range(2):
        await desk.rules.erase(desk.user)
        assert await desk.rules.of(desk.user) == UserRules()
        assert await desk.rules.read(desk.user) == UserRules()


async def test_what_is_not_active_is_not_brought_along(desk: "Desk") -> None:
    other = SieveScript(name="other", source="stop;", changed_at=AT)
    await desk.rules.write(desk.user, replace(FULL, scripts=(*FULL.scripts, other)))
    assert (await desk.rules.of(desk.user)).scripts == FULL.scripts
    assert len((await desk.rules.read(desk.user)).scripts) == 2


async def test_whoever_was_overtaken_changes_nothing(desk: "Desk") -> None:
    assert await desk.rules.write(desk.user, FULL)
    assert not await desk.rules.write(desk.user, UserRules())
    first = await desk.rules.read(desk.user)
    assert await desk.rules.write(desk.user, replace(first, active=""))
    assert not await desk.rules.write(desk.user, replace(first, active="other"))
    assert (await desk.rules.read(desk.user)).active == ""


async def test_of_many_at_once_one_is_written(desk: "Desk") -> None:
    for before in (UserRules(), None):
        read = before if before is not None else await desk.rules.read(desk.user)
        mine = [replace(read, active=str(n)) for n in range(8)]
        told = await asyncio.gather(*(desk.rules.write(desk.user, each) for each in mine))
        assert sum(told) == 1
        assert (await desk.rules.read(desk.user)).active == mine[told.index(True)].active


async def test_a_mail_is_answered_and_told_so_again(desk: "Desk") -> None:
    for _ in range(2):
        assert await desk.claim("1")
    assert not await desk.claim("2")
    assert await desk.claim("2", handle="another")
    assert await desk.claim("1")


async def test_of_many_mails_at_once_one_is_answered(desk: "Desk") -> None:
    told = await asyncio.gather(*(desk.claim(str(n)) for n in range(8)))
    assert sum(told) == 1


async def test_the_next_is_answered_when_the_period_is_over(timed: "Desk") -> None:
    assert await timed.claim("1")
    assert not await timed.claim("2", at=AT + timedelta(seconds=WEEK_S - 1))
    assert await timed.claim("3", at=AT + timedelta(seconds=WEEK_S))
    assert not await timed.claim("1", at=AT)


async def test_rules_and_answers_are_there_after_a_restart(tmp_path: Path) -> None:
    for is_first in (True, False):
        with closing(Database(tmp_path / "rules.db", MIGRATIONS)) as database:
            rules, answers = SqliteRules(database, ManualClock()), SqliteAnswers(database)
            if is_first:
                await rules.write("ann", FULL)
            assert (await rules.read("ann")).scripts == FULL.scripts
            told = await answers.claim("ann", "h", str(is_first), at=AT, period_s=60)
            assert told == is_first


@dataclass
class Desk:
    rules: Rules
    answers: Answers
    user: str

    async def claim(self, mail_id: str, *, handle: str = "h", at: datetime = AT) -> bool:
        return await self.answers.claim(self.user, handle, mail_id, at=at, period_s=WEEK_S)


@pytest.fixture(params=["memory", "sqlite"])
def timed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Those that go by the times of the mails; Cassandra has its own."""
    user = new_id(datetime.now(UTC))
    if request.param == "memory":
        yield Desk(MemoryRules(), MemoryAnswers(), user)
        return
    with closing(Database(tmp_path / "rules.db", MIGRATIONS)) as database:
        yield Desk(SqliteRules(database, ManualClock()), SqliteAnswers(database), user)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Desk]:
    user = new_id(datetime.now(UTC))
    if request.param == "memory":
        yield Desk(MemoryRules(), MemoryAnswers(), user)
        return
    if request.param == "cassandra":
        # Here, since they load the driver.
        from connectors.cassandra.rules import CassandraAnswers, CassandraRules
        from connectors.cassandra.session import CassandraSession

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield Desk(CassandraRules(session, ManualClock()), CassandraAnswers(session), user)
        return
    with closing(Database(tmp_path / "rules.db", MIGRATIONS)) as database:
        yield Desk(SqliteRules(database, ManualClock()), SqliteAnswers(database), user)
