"""What every store of DKIM keys keeps to."""

from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory.clock import SystemClock
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.sealed_text import Seal
from connectors.sqlite.database import Database
from connectors.sqlite.dkim_keys import SqliteDkimKeys
from connectors.sqlite.sending_rows import MIGRATIONS, private_file
from topologies.mail import dkim_private, dkim_rotation
from topologies.mail.ids import new_id
from topologies.ports.dkim_keys import DkimKey, DkimKeys

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_a_domain_without_keys_has_none(keys: DkimKeys, domain: str) -> None:
    assert list(await keys.keys(domain)) == []


async def test_keys_are_kept_by_selector(keys: DkimKeys, domain: str) -> None:
    b, a = key(domain, "b", signs_until=AT + DAY), key(domain, "a")
    assert await keys.add(b)
    assert await keys.add(a)
    assert list(await keys.keys(domain)) == [a, b]
    assert list(await keys.keys(f"other.{domain}")) == []


async def test_a_selector_that_is_taken_stays_what_it_is(keys: DkimKeys, domain: str) -> None:
    first = key(domain, "a")
    assert await keys.add(first)
    assert not await keys.add(key(domain, "a", private_key="another"))
    assert list(await keys.keys(domain)) == [first]


async def test_an_end_is_set_and_never_put_off(keys: DkimKeys, domain: str) -> None:
    await keys.add(key(domain, "a"))
    for days, expected in ((2, 2), (1, 1), (3, 1)):
        assert await keys.end(domain, "a", AT + days * DAY)
        [kept] = await keys.keys(domain)
        assert kept.signs_until == AT + expected * DAY
    assert not await keys.end(domain, "b", AT)


async def test_a_key_is_gone_when_it_is_removed(keys: DkimKeys, domain: str) -> None:
    await keys.add(key(domain, "a"))
    assert await keys.remove(domain, "a")
    assert not await keys.remove(domain, "a")
    assert list(await keys.keys(domain)) == []


async def test_a_domain_gets_its_first_keys_once(keys: DkimKeys, domain: str) -> None:
    made = await dkim_rotation.first_keys(keys, domain, AT)
    assert [(k.selector, k.algorithm) for k in made] == [
        ("ed20260301", "ed25519-sha256"),
        ("rsa20260301", "rsa-sha256"),
    ]
    assert all(k.signs_at(AT) for k in made)
    for each in made:
        assert dkim_private.parse(each.private_key).algorithm == each.algorithm
    assert await dkim_rotation.first_keys(keys, domain, AT + DAY) == made


async def test_rotation_leaves_no_gap_and_forgets_what_nobody_asks_for(
    keys: DkimKeys, domain: str
) -> None:
    await dkim_rotation.first_keys(keys, domain, AT)
    after = await dkim_rotation.rotate(keys, domain, AT + DAY)
    for at, day in ((AT + DAY, "0301"), (AT + 3 * DAY, "0302")):
        signing = [k.selector for k in after if k.signs_at(at)]
        assert signing == [f"ed2026{day}", f"rsa2026{day}"]
    assert all(dkim_rotation.is_told(k, AT + 5 * DAY) for k in after)
    last = await dkim_rotation.rotate(keys, domain, AT + 20 * DAY)
    assert [k.selector for k in last] == [
        *("ed20260302", "ed20260321"),
        *("rsa20260302", "rsa20260321"),
    ]


async def test_two_rotations_on_one_day_have_two_names(keys: DkimKeys, domain: str) -> None:
    await dkim_rotation.first_keys(keys, domain, AT)
    after = await dkim_rotation.rotate(keys, domain, AT, timedelta(0))
    assert [k.selector for k in after if k.signs_at(AT)] == ["ed20260301-2", "rsa20260301-2"]


async def test_keys_are_there_after_a_restart_for_their_owner_alone(tmp_path: Path) -> None:
    path = private_file(tmp_path / "sending.db")
    with closing(Database(path, MIGRATIONS)) as database:
        await SqliteDkimKeys(database).add(key("shop.example", "a"))
        assert modes_in(tmp_path) == {0o600}
    with closing(Database(private_file(path), MIGRATIONS)) as database:
        assert list(await SqliteDkimKeys(database).keys("shop.example")) == [
            key("shop.example", "a")
        ]


def test_a_key_does_not_show_itself() -> None:
    assert "SECRET" not in repr(key("shop.example", "a"))


@pytest.fixture
def domain() -> str:
    return f"{new_id(datetime.now(UTC))}.example"


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[DkimKeys]:
    if request.param == "memory":
        yield MemoryDkimKeys()
        return
    if request.param == "cassandra":
        # Here, since they load the driver.
        from connectors.cassandra.dkim_keys import CassandraDkimKeys
        from connectors.cassandra.session import CassandraSession

        session = CassandraSession(request.getfixturevalue("cassandra"))
        yield CassandraDkimKeys(session, SystemClock(), Seal("a secret", "SECRET"))
        return
    with closing(Database(tmp_path / "sending.db", MIGRATIONS)) as database:
        yield SqliteDkimKeys(database)


def modes_in(folder: Path) -> set[int]:
    return {each.stat().st_mode & 0o777 for each in folder.iterdir()}


def key(
    domain: str, selector: str, *, private_key: str = "SECRET", signs_until: datetime | None = None
) -> DkimKey:
    return DkimKey(
        domain=domain,
        selector=selector,
        algorithm="ed25519-sha256",
        private_key=private_key,
        created_at=AT,
        signs_from=AT,
        signs_until=signs_until,
    )
