"""A stretch of a topic, handed to one stage once more."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from connectors.sqlite.log_reader import SqliteLogReader
from tests.engines.stages import AT, House, mail, refuse, running
from topologies.replay import replay
from topologies.stage import declared_by


async def test_a_stage_is_given_again_what_it_read_and_nothing_is_doubled(tmp_path: Path) -> None:
    async with running(tmp_path, refuse) as house:
        await house.log.append([mail("a"), mail("b")])
        await house.drained()
        assert await replayed(house) == 2
        await house.drained()
        assert len(house.seen.told) == 4
        written = [event_id for _, _, event_id in await house.records("mail.exceptions")]
        assert len(written) == 4
        assert len(set(written)) == 2


async def test_a_replay_is_not_replayed(tmp_path: Path) -> None:
    async with running(tmp_path, refuse) as house:
        await house.log.append([mail("a")])
        assert [await replayed(house) for _ in range(3)] == [1, 1, 1]


async def test_a_dry_run_only_counts(tmp_path: Path) -> None:
    async with running(tmp_path, refuse) as house:
        await house.log.append([mail("a")])
        counts = replay(declared_by(refuse), SqliteLogReader(house.log), None)
        assert [count async for count in counts] == [1]
        assert len(await house.records("mail.received")) == 1


async def test_a_part_is_chosen_by_key_time_or_place(tmp_path: Path) -> None:
    async with running(tmp_path, refuse) as house:
        mails = [mail(f"{number}") for number in range(10)]
        await house.log.append(mails)
        assert await replayed(house, key=mails[3].mail_id) == 1
        assert await replayed(house, since=datetime.now(AT.tzinfo) + timedelta(hours=1)) == 0
        assert await replayed(house, since=datetime.now(AT.tzinfo) - timedelta(hours=1)) == 10
        by_place = [await replayed(house, offsets={p: 0}) for p in range(2)]
        assert sum(by_place) == 10
        assert await replayed(house, offsets={0: by_place[0]}) == 0


async def replayed(
    house: House,
    *,
    since: datetime | None = None,
    offsets: Mapping[int, int] | None = None,
    key: str | None = None,
) -> int:
    counts: AsyncGenerator[int] = replay(
        declared_by(refuse),
        SqliteLogReader(house.log),
        house.log,
        since=since,
        offsets=offsets,
        key=key,
    )
    return [count async for count in counts][-1]
