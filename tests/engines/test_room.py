"""Large messages wait for room in memory, however many records are worked on at once."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from tests.engines.stages import Written, mail, running, until
from topologies.engines.chain import MESSAGES_BYTES
from topologies.events import MailReceived, MailUndeliverable
from topologies.stage import COPIES, stage

LARGE_BYTES = MESSAGES_BYTES // COPIES // 2  # two of them fill it


class Desk(Protocol):
    """Where messages lie while they are looked at."""

    async def look(self, mail: MailReceived) -> None: ...


@dataclass
class Counted:
    """A desk that counts what lies there, for as long as each takes."""

    takes_s: float = 0.0
    large: int = 0
    most: int = 0
    looked: int = 0

    async def look(self, mail: MailReceived) -> None:
        is_large = mail.size_bytes == LARGE_BYTES
        self.large += is_large
        self.most = max(self.most, self.large)
        try:
            await asyncio.sleep(self.takes_s if is_large else 0)
        finally:
            self.large -= is_large
        self.looked += 1


@stage(reads=MailReceived, writes=[MailUndeliverable], timeout=timedelta(seconds=1))
async def look(event: MailReceived, *, desk: Desk) -> Written:
    await desk.look(event)
    return []


@stage(reads=MailReceived, writes=[MailUndeliverable], copies=0)
async def look_by_itself(event: MailReceived, *, desk: Desk) -> Written:
    await desk.look(event)
    return []


async def test_so_many_large_messages_are_in_memory_as_there_is_room_for(tmp_path: Path) -> None:
    desk = Counted(takes_s=0.05)
    async with running(tmp_path, look, services={Desk: desk}) as house:
        await house.log.append([large(f"{number}") for number in range(12)])
        await house.drained()
        assert (desk.looked, desk.most) == (12, 2)


async def test_small_ones_pass_those_that_wait(tmp_path: Path) -> None:
    desk = Counted(takes_s=0.5)
    async with running(tmp_path, look, services={Desk: desk}) as house:
        await house.log.append([*(large(f"{number}") for number in range(3)), mail("small")])
        await until(lambda: desk.looked == 1)
        assert desk.large == 2  # under way still


async def test_a_wait_for_room_is_no_attempt_that_took_too_long(tmp_path: Path) -> None:
    desk = Counted(takes_s=0.3)
    async with running(tmp_path, look, services={Desk: desk}) as house:
        await house.log.append([large(f"{number}") for number in range(12)])  # 1.8 s in all
        await house.drained()
        assert desk.looked == 12
        assert {result for _, result, _ in house.seen.told} == {"done"}


async def test_a_stage_that_sees_to_room_itself_is_not_kept_waiting(tmp_path: Path) -> None:
    desk = Counted(takes_s=0.2)
    async with running(tmp_path, look_by_itself, services={Desk: desk}) as house:
        await house.log.append([large(f"{number}") for number in range(6)])
        await house.drained()
        assert desk.most == 6


def large(name: str) -> MailReceived:
    return replace(mail(name), size_bytes=LARGE_BYTES)
