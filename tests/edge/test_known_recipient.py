"""Known recipient: whom mail is taken for besides mailboxes: groups, other systems, bounces."""

from datetime import timedelta

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.url_key import MemoryUrlKey
from tests.edge.mails import a_mail
from topologies.check import Refusal, Transaction
from topologies.edge.known_recipient import known_recipient
from topologies.edge.room import room
from topologies.mail import ids, srs, verp

TEAM = "team@shop.example"


async def test_an_alias_that_leads_away_takes_mail_and_has_room() -> None:
    door = await a_door()
    answer = await door.asked(recipient="away@shop.example")
    assert isinstance(answer, Transaction)
    assert (answer.targets, answer.goes_on) == ((), True)
    usage = MemoryMailboxes(door.clock)
    assert await room(answer, directory=door.directory, mailboxes=usage) is None


@pytest.mark.parametrize(
    ("sender", "is_taken"),
    [
        ("bo@shop.example", True),
        ("BO+x@shop.example", True),
        ("zoe@far.example", True),
        ("eve@far.example", False),
        ("", False),
    ],
)
async def test_a_group_for_its_members_takes_mail_of_their_addresses(
    sender: str, is_taken: bool
) -> None:
    answer = await (await a_door()).asked(recipient=TEAM, mail_from=sender)
    assert isinstance(answer, Transaction) == is_taken
    if isinstance(answer, Refusal):
        assert answer.reply[:9] == "550 5.7.1"


async def test_a_bounce_to_a_reverse_path_of_ours_is_taken() -> None:
    door = await a_door()
    answer = await door.asked(recipient=await door.path(), mail_from="")
    assert isinstance(answer, Transaction)
    assert (answer.targets, answer.goes_on) == ((), True)


async def test_a_bounce_to_the_path_of_a_delivery_is_taken() -> None:
    door = await a_door()
    for path in (await door.path_of_delivery(), (await door.path_of_delivery()).upper()):
        answer = await door.asked(recipient=path, mail_from="")
        assert isinstance(answer, Transaction)
        assert (answer.targets, answer.goes_on) == ((), True)


async def test_what_is_no_bounce_is_not_passed_on_by_it() -> None:
    door = await a_door()
    for path in (await door.path(), await door.path_of_delivery()):
        answer = await door.asked(recipient=path, mail_from="eve@far.example")
        assert isinstance(answer, Refusal)
        assert answer.reply[:9] == "550 5.7.1"


async def test_one_that_is_forged_or_too_old_is_nobody_s_even_with_a_catch_all() -> None:
    door = await a_door()
    await door.directory.add_alias("*@shop.example", ["bo@shop.example"])
    path, of_delivery = await door.path(), await door.path_of_delivery()
    forged = path.replace("far", "bar")
    guessed = f"{of_delivery[:35]}{'a' * 16}@shop.example"
    answers = [await door.asked(recipient=each, mail_from="") for each in (forged, guessed)]
    door.clock.move(timedelta(days=31))
    answers += [await door.asked(recipient=each, mail_from="") for each in (path, of_delivery)]
    for answer in answers:
        assert isinstance(answer, Refusal)
        assert answer.reply[:9] == "550 5.1.1"


async def test_that_of_another_host_is_relaying() -> None:
    path = "SRS0=abcdef=aa=far.example=zoe@elsewhere.example"
    answer = await (await a_door()).asked(recipient=path, mail_from="")
    assert isinstance(answer, Refusal)
    assert answer.reply[:9] == "554 5.7.1"


class Door:
    """The check, where bo@ is at home."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.directory = MemoryDirectory(self.clock)
        self.url_key = MemoryUrlKey()

    async def asked(self, **told: str) -> Refusal | Transaction:
        mail = a_mail(**told)
        return await known_recipient(
            mail, directory=self.directory, url_key=self.url_key, clock=self.clock
        )

    async def path(self) -> str:
        key = srs.key_of(await self.url_key.get())
        made = srs.rewritten("zoe@far.example", "shop.example", key, self.clock.now())
        assert made is not None
        return made

    async def path_of_delivery(self) -> str:
        key = verp.key_of(await self.url_key.get())
        return verp.made(ids.derived_id(self.clock.now(), "d"), "bo@shop.example", key)


async def a_door() -> Door:
    door = Door()
    await door.directory.add_domain("shop.example")
    await door.directory.add_user("bo@shop.example", "secret")
    await door.directory.add_alias("away@shop.example", ["zoe@far.example"])
    await door.directory.add_alias(TEAM, ["bo@shop.example", "zoe@far.example"], members_only=True)
    return door
