"""The directory: groups, aliases to other systems, and domains that stand for others."""

from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.passwords import Passwords
from connectors.sqlite.database import Database
from connectors.sqlite.directory import MIGRATIONS, SqliteDirectory
from topologies.mail.local_names import DEEPEST_ALIAS
from topologies.ports.directory import Directory

# --- groups, and aliases that lead away ---------------------------------------------


async def test_an_alias_may_lead_to_other_systems(directory: Directory) -> None:
    await directory.add_alias("all@shop.example", ["bo@shop.example", "Ann@Far.example"])
    found = await directory.resolve("all+x@shop.example")
    assert (found.status, found.forwards) == ("local", ("ann@far.example",))
    assert [(t.address, t.tag) for t in found.targets] == [("bo@shop.example", "x")]
    assert not found.members_only


async def test_an_alias_may_lead_to_them_alone_and_over_others(directory: Directory) -> None:
    await directory.add_alias("a@shop.example", ["ann@far.example", "gone@shop.example"])
    await directory.add_alias("b@shop.example", ["a@shop.example", "zoe@away.example"])
    await directory.add_alias("*@shop.example", ["ann@far.example"])
    found = await directory.resolve("b@shop.example")
    assert (found.status, found.targets) == ("local", ())
    assert set(found.forwards) == {"ann@far.example", "zoe@away.example"}
    anybody = await directory.resolve("anybody@shop.example")
    assert (anybody.status, anybody.forwards) == ("local", ("ann@far.example",))


async def test_who_asks_for_another_system_is_not_sent_there(directory: Directory) -> None:
    await directory.add_alias("all@shop.example", ["ann@far.example"])
    found = await directory.resolve("ann@far.example")
    assert (found.status, found.forwards) == ("foreign", ())


async def test_a_group_may_be_for_its_members(directory: Directory) -> None:
    members = ["bo@shop.example", "ann@far.example"]
    await directory.add_alias("team@shop.example", members, members_only=True)
    found = await directory.resolve("team@shop.example")
    assert (found.members_only, found.forwards) == (True, ("ann@far.example",))
    assert [t.address for t in found.targets] == ["bo@shop.example"]
    assert await directory.aliases() == [("team@shop.example", tuple(members))]
    await directory.add_alias("all@shop.example", ["team@shop.example"])
    assert (await directory.resolve("all@shop.example")).members_only
    await directory.add_alias("team@shop.example", members)
    assert not (await directory.resolve("team@shop.example")).members_only


async def test_a_group_goes_with_its_last_member(directory: Directory) -> None:
    await directory.add_alias("team@shop.example", ["bo@shop.example"], members_only=True)
    bo = await directory.user_by_address("bo@shop.example")
    assert bo is not None
    await directory.delete_user(bo.user_id)
    assert await directory.aliases() == []
    assert (await directory.resolve("team@shop.example")).status == "unknown"


async def test_a_member_may_have_a_tag(directory: Directory) -> None:
    await directory.add_alias("team@shop.example", ["bo+team@shop.example"], members_only=True)
    assert [t.tag for t in (await directory.resolve("team@shop.example")).targets] == ["team"]


async def test_an_alias_can_be_removed(directory: Directory) -> None:
    await directory.add_alias("team@shop.example", ["bo@shop.example"], members_only=True)
    assert await directory.remove_alias("Team@shop.example")
    assert not await directory.remove_alias("team@shop.example")
    assert await directory.aliases() == []
    assert (await directory.resolve("team@shop.example")).status == "unknown"
    with pytest.raises(ValueError, match="no @"):
        await directory.remove_alias("team")


# --- domains that stand for others --------------------------------------------------


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("bo@laden.example", "bo@shop.example "),
        ("Bo+x@LADEN.example", "bo@shop.example x"),
        ("sales@laden.example", "bo@shop.example "),
        ("postmaster@laden.example", "bo@shop.example "),
        ("nobody@laden.example", "unknown"),
        ("bo@sub.laden.example", "foreign"),
    ],
)
async def test_an_address_means_what_it_means_in_the_other_domain(
    directory: Directory, address: str, meaning: str
) -> None:
    await directory.add_alias("sales@shop.example", ["bo@shop.example"])
    assert (await directory.resolve(address)).status == "foreign"
    assert await directory.add_domain_alias("LADEN.example", "Shop.example")
    assert not await directory.add_domain_alias("laden.example", "shop.example")
    assert await directory.domain_aliases() == [("laden.example", "shop.example")]
    assert await directory.domains() == ["other.example", "shop.example"]
    found = await directory.resolve(address)
    told = [f"{t.address} {t.tag}" for t in found.targets]
    assert (", ".join(told) or found.status) == meaning


async def test_an_alias_may_lead_over_such_a_domain(directory: Directory) -> None:
    await directory.add_domain_alias("laden.example", "shop.example")
    await directory.add_alias("all@other.example", ["bo@laden.example", "bo@shop.example"])
    assert [t.address for t in (await directory.resolve("all@other.example")).targets] == [
        "bo@shop.example"
    ]


async def test_it_costs_no_level_of_aliases(directory: Directory) -> None:
    await directory.add_domain_alias("laden.example", "shop.example")
    await directory.add_alias("m0@shop.example", ["bo@shop.example"])
    for number in range(1, DEEPEST_ALIAS):
        await directory.add_alias(f"m{number}@shop.example", [f"m{number - 1}@shop.example"])
    assert (await directory.resolve(f"m{DEEPEST_ALIAS - 1}@laden.example")).status == "local"


async def test_it_can_be_changed_and_removed(directory: Directory) -> None:
    await directory.add_domain_alias("laden.example", "shop.example")
    assert await directory.add_domain_alias("laden.example", "other.example")
    assert (await directory.resolve("bo@laden.example")).status == "unknown"
    assert await directory.remove_domain_alias("Laden.example")
    assert not await directory.remove_domain_alias("laden.example")
    assert (await directory.resolve("bo@laden.example")).status == "foreign"
    assert await directory.domain_aliases() == []
    assert await directory.add_domain("laden.example")


@pytest.mark.parametrize(
    ("alias", "domain", "reason"),
    [
        ("laden.example", "far.example", "none of our domains"),
        ("other.example", "shop.example", "a domain of its own"),
        ("far.example", "old.example", "an alias itself"),
        ("shop.example", "shop.example", "a domain of its own"),
        ("not a domain", "shop.example", "no domain name"),
    ],
)
async def test_what_can_not_stand_for_another_is_refused(
    directory: Directory, alias: str, domain: str, reason: str
) -> None:
    await directory.add_domain_alias("old.example", "shop.example")
    with pytest.raises(ValueError, match=reason):
        await directory.add_domain_alias(alias, domain)
    assert await directory.domain_aliases() == [("old.example", "shop.example")]


async def test_nothing_is_added_in_a_domain_that_stands_for_another(directory: Directory) -> None:
    await directory.add_domain_alias("laden.example", "shop.example")
    with pytest.raises(ValueError, match=r"an alias of shop\.example"):
        await directory.add_domain("laden.example")
    with pytest.raises(ValueError, match=r"an alias of shop\.example"):
        await directory.add_user("eve@laden.example", "secret")
    with pytest.raises(ValueError, match=r"an alias of shop\.example"):
        await directory.add_alias("eve@laden.example", ["bo@shop.example"])


@pytest.fixture(params=["memory", "sqlite", pytest.param("cassandra", marks=pytest.mark.live)])
async def directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Directory]:
    """Two domains, and the administrator bo@ in the first."""
    clock = ManualClock()
    if request.param == "memory":
        yield await furnished(MemoryDirectory(clock))
        return
    if request.param == "cassandra":
        from tests.live.cassandra_names import own_directory  # which loads the driver

        yield await furnished(own_directory(request.getfixturevalue("cassandra"), clock))
        return
    with closing(Database(tmp_path / "directory.db", MIGRATIONS)) as database:
        yield await furnished(
            SqliteDirectory(database, clock, default_quota_bytes=0, passwords=Passwords.cheap())
        )


async def furnished(directory: Directory) -> Directory:
    await directory.add_domain("shop.example")
    await directory.add_domain("other.example")
    await directory.add_user("bo@shop.example", "secret", is_admin=True)
    return directory
