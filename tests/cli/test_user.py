"""rillmail user, and rillmail alias."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from api.cli.alias import alias
from api.cli.app_password import app_password
from api.cli.user import user
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.ports.directory import User


def test_a_user_is_added_with_a_password_from_standard_input() -> None:
    stores = furnished()
    result = stores.run(user, "add", "Bo@shop.example", "--password-file", "-", typed="a secret\n")
    assert (result.exit_code, result.output) == (0, "bo@shop.example has a mailbox\n")
    assert signed_in(stores, "bo@shop.example", "a secret")


def test_a_user_is_added_with_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" pass wörd\r\n", encoding="utf-8", newline="")
    stores = furnished()
    options = ["--name", "Bo Li", "--admin", "--quota", "5GB", "--json"]
    file = str(tmp_path / "password")
    added = in_json(stores.run(user, "add", "bo@shop.example", "--password-file", file, *options))
    assert signed_in(stores, "bo@shop.example", " pass wörd")
    assert added == {
        "user_id": added["user_id"],
        "address": "bo@shop.example",
        "name": "Bo Li",
        "quota_bytes": 5 * 1024**3,
        "is_admin": True,
        "is_suspended": False,
        "created_at": "2026-03-01T12:00:00Z",
        "deletes_at": None,
    }


@pytest.mark.parametrize(
    ("arguments", "typed", "exit_code", "told"),
    [
        pytest.param(["bo@shop.example"], b"", 2, "--password-file", id="no password"),
        pytest.param(["x@shop.example"], b"\n", 1, "has 8 characters at least", id="an empty one"),
        pytest.param(["x@shop.example"], b"seven77", 1, "has 8 characters", id="too short"),
        pytest.param(["x@shop.example"], b"\xff", 1, "is not in UTF-8", id="not in UTF-8"),
        pytest.param(["x@shop.example"], b"x" * 9_000, 1, "a password has 1 to", id="endless"),
        pytest.param(["x@other.example"], b"a secret", 1, "is none of our domains", id="foreign"),
        pytest.param(["ann@shop.example"], b"a secret", 1, "is taken", id="taken"),
        pytest.param(["x@shop.example", "--quota", "5XB"], b"a secret", 2, "no size", id="no size"),
    ],
)
def test_what_can_not_be_added_is_told(
    arguments: list[str], typed: bytes, exit_code: int, told: str
) -> None:
    stores = furnished("ann@shop.example")
    if typed:
        arguments = [*arguments, "--password-file", "-"]
    result = stores.run(user, "add", *arguments, typed=typed)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_password_file_is_told() -> None:
    result = furnished().run(user, "add", "bo@shop.example", "--password-file", "/no/such/file")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("0", None), ("7", 7), ("1KB", 1024), ("2 MiB", 2 * 1024**2), ("3g", 3 * 1024**3)],
)
def test_a_quota_is_written_as_people_do(written: str, size_bytes: int | None) -> None:
    changed = furnished("bo@shop.example").run(user, "quota", "bo@shop.example", written, "--json")
    assert in_json(changed)["quota_bytes"] == size_bytes


def test_users_are_listed() -> None:
    stores = furnished("zoe@shop.example", "bo@shop.example", "ida@club.example")
    stores.run(user, "suspend", "zoe@shop.example")
    lines = stores.run(user, "list").output.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("ADDRESS", "bo@shop.example", "ida@club.example", "zoe@shop.example")
    ]
    assert ["active" in line for line in lines] == [False, True, True, False]
    listed = in_json(stores.run(user, "list", "--domain", "club.example", "--json"))
    assert [u["address"] for u in listed] == ["ida@club.example"]


def test_a_name_can_not_steer_the_terminal() -> None:
    stores = furnished()
    name = "[red]Bo\x1b[2J\u202e"
    stores.run(
        user, "add", "bo@shop.example", "--password-file", "-", "--name", name, typed="a secret"
    )
    assert "[red]Bo\\x1b[2J\\u202e" in stores.run(user, "list").output


def test_the_suspended_sign_in_again_when_resumed() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "suspend", "bo@shop.example")
    assert result.output == "bo@shop.example is suspended and signed out\n"
    assert not signed_in(stores, "bo@shop.example", "a secret")
    result = stores.run(user, "resume", "bo@shop.example")
    assert result.output == "bo@shop.example may sign in\n"
    assert signed_in(stores, "bo@shop.example", "a secret")


def test_a_password_is_changed() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(
        user, "password", "bo@shop.example", "--password-file", "-", typed="another one"
    )
    assert result.exit_code == 0
    assert signed_in(stores, "bo@shop.example", "another one")


def test_a_deleted_user_is_gone() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "delete", "BO@shop.example", "--now", "--yes")
    assert result.exit_code == 0
    assert result.output.startswith("bo@shop.example is deleted; what is left of it: rillmail user")
    user_id = result.output.split()[-1]
    assert [event.user_id for event in stores.log.kept] == [user_id]
    early = stores.run(user, "erased", user_id)  # nobody has worked on what the log says
    assert (early.exit_code, "has not come to it yet" in early.output) == (1, True)
    asyncio.run(stores.mailboxes.erase(user_id))
    done = stores.run(user, "erased", user_id)
    assert (done.exit_code, done.output.endswith("\nNothing is left.\n")) == (0, True)
    assert "There is no user yet" in stores.run(user, "list").output


def test_what_is_left_of_a_user_is_told_store_by_store() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "erased", "bo@shop.example", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["is_erased"], told["left"]["directory"]) == (1, False, 1)
    gone = stores.run(user, "erased", "cy@shop.example")
    assert (gone.exit_code, "say the id" in gone.output) == (1, True)


def test_that_nothing_is_left_of_a_mistyped_id_proves_nothing() -> None:
    result = furnished("bo@shop.example").run(user, "erased", "0198c2f4", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["is_erased"], any(told["left"].values())) == (1, False, False)


def test_a_user_is_deleted_after_a_time_of_grace() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "delete", "bo@shop.example", "-y", RILLMAIL_DELETE_GRACE_DAYS="7")
    assert result.output == (
        "bo@shop.example is suspended, and deleted after 2026-03-08 12:00 UTC;"
        " undo it by: rillmail user restore bo@shop.example\n"
    )
    assert not signed_in(stores, "bo@shop.example", "a secret")
    assert "deleted after 2026-03-08" in stores.run(user, "list").output
    assert stores.run(user, "purge").output == "Nobody is due\n"
    stores.clock.move(timedelta(days=7))
    assert stores.run(user, "purge").output == "bo@shop.example is deleted\n"
    assert stores.run(user, "purge").output == "Nobody is due\n"
    assert "There is no user yet" in stores.run(user, "list").output


def test_nobody_is_deleted_both_now_and_later() -> None:
    stores = furnished("bo@shop.example")
    options = ("--now", "--grace-days", "7", "-y")
    assert stores.run(user, "delete", "bo@shop.example", *options).exit_code == 2
    assert "bo@shop.example" in stores.run(user, "list").output


def test_who_was_to_be_deleted_may_stay() -> None:
    stores = furnished("bo@shop.example")
    stores.run(user, "delete", "bo@shop.example", "--grace-days", "1", "-y")
    result = stores.run(user, "restore", "bo@shop.example")
    assert result.output == "bo@shop.example stays, and may sign in\n"
    stores.clock.move(timedelta(days=2))
    assert stores.run(user, "purge").output == "Nobody is due\n"
    assert signed_in(stores, "bo@shop.example", "a secret")
    again = stores.run(user, "restore", "bo@shop.example")
    assert (again.exit_code, again.stderr) == (1, "Error: nobody wants to delete bo@shop.example\n")


def test_what_a_deleted_user_signed_in_with_goes_too() -> None:
    stores = furnished("bo@shop.example")
    user_id = with_second_factor(stores, "bo@shop.example")
    stores.run(app_password, "add", "bo@shop.example", "phone")
    stores.run(user, "delete", "bo@shop.example", "--now", "-y")
    assert asyncio.run(stores.second_factors.of(user_id)) is None
    assert asyncio.run(stores.app_passwords.of(user_id)) == []


def test_a_second_factor_is_reset() -> None:
    stores = furnished("bo@shop.example")
    with_second_factor(stores, "bo@shop.example")
    arguments = ["second-factor", "reset", "bo@shop.example"]
    assert stores.run(user, *arguments).output == (
        "bo@shop.example signs in with the password alone now\n"
    )
    assert stores.run(user, *arguments).output == "bo@shop.example has no second factor\n"


def test_programs_that_are_signed_in_are_listed_and_signed_out() -> None:
    stores = furnished("bo@shop.example")
    assert stores.run(user, "sessions", "list", "bo@shop.example").output == (
        "Nobody is signed in as bo@shop.example\n"
    )
    begin_session(stores, "bo@shop.example", "Phone\x1b[2J")
    listed = stores.run(user, "sessions", "list", "bo@shop.example")
    assert "Phone\\x1b[2J" in listed.output
    [told] = in_json(stores.run(user, "sessions", "list", "bo@shop.example", "--json"))
    assert (told["scopes"], told["seen_on"]) == (["read"], "2026-03-01")
    arguments = ["sessions", "end", "bo@shop.example", told["session_id"]]
    assert stores.run(user, *arguments).output == "It is signed out\n"
    again = stores.run(user, *arguments)
    assert (again.exit_code, again.stdout) == (1, "")


def test_usage_is_told() -> None:
    stores = furnished("bo@shop.example", "ida@club.example")
    lines = in_json(stores.run(user, "usage", "--domain", "club.example", "--json"))
    assert [(line["address"], line["used_bytes"], line["mails"]) for line in lines] == [
        ("ida@club.example", 0, 0)
    ]
    assert stores.run(user, "usage").output.splitlines()[0].split() == [
        *("ADDRESS", "USED", "QUOTA", "MAILS", "UNREAD")
    ]


@pytest.mark.parametrize("verb", ["suspend", "resume", "delete", "restore"])
def test_an_unknown_user_is_told(verb: str) -> None:
    result = furnished().run(user, verb, "bo@shop.example")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: there is no user bo@shop.example; `rillmail user list` shows who there is\n"
    )


# --- aliases ------------------------------------------------------------------------


def test_an_alias_is_added_and_listed() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(alias, "add", "Sales@shop.example", "bo@shop.example")
    assert (result.exit_code, result.output) == (
        0,
        "sales@shop.example leads to bo@shop.example\n",
    )
    stores.run(alias, "add", "*@club.example", "bo@shop.example")
    assert in_json(stores.run(alias, "list", "--json")) == [
        {"alias": "*@club.example", "targets": ["bo@shop.example"], "members_only": False},
        {"alias": "sales@shop.example", "targets": ["bo@shop.example"], "members_only": False},
    ]
    assert stores.run(alias, "list", "--domain", "shop.example").output.splitlines() == [
        "ALIAS               LEADS TO         WHO MAY WRITE",
        "sales@shop.example  bo@shop.example  anyone",
    ]


def test_a_group_of_members_here_and_elsewhere_is_added_and_removed() -> None:
    stores = furnished("bo@shop.example")
    options = ["team@shop.example", "bo@shop.example", "zoe@far.example", "--members-only"]
    result = stores.run(alias, "add", *options)
    assert result.stderr == (
        "Note: zoe@far.example is at another system: mail is forwarded there\n"
    )
    [group] = in_json(stores.run(alias, "list", "--json"))
    assert group["members_only"]
    assert stores.run(alias, "remove", "team@shop.example").output == (
        "team@shop.example leads nowhere any more\n"
    )
    assert stores.run(alias, "remove", "team@shop.example").exit_code == 1


def test_an_alias_to_nobody_is_noted() -> None:
    result = furnished().run(alias, "add", "sales@shop.example", "bo@shop.example")
    assert result.exit_code == 0
    assert result.stderr == "Note: bo@shop.example leads to nobody yet, so mail for it is refused\n"


def test_aliases_that_lead_in_a_circle_lead_to_nobody_and_are_noted() -> None:
    stores = furnished("bo@shop.example")
    stores.run(alias, "add", "a@shop.example", "b@shop.example")
    result = stores.run(alias, "add", "b@shop.example", "a@shop.example")
    told = "Note: a@shop.example leads to nobody yet, so mail for it is refused\n"
    assert (result.exit_code, result.stderr) == (0, told)
    assert (
        stores.run(alias, "add", "b@shop.example", "a@shop.example", "bo@shop.example").stderr == ""
    )


def test_an_alias_that_could_not_work_is_told() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(alias, "add", "bo@shop.example", "bo@shop.example")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bo@shop.example is a user" in result.stderr


# --- builders -----------------------------------------------------------------------


def furnished(*addresses: str) -> MemoryStores:
    stores = MemoryStores()

    async def furnish() -> None:
        await stores.directory.add_domain("shop.example")
        await stores.directory.add_domain("club.example")
        for address in addresses:
            await stores.directory.add_user(address, "a secret")

    asyncio.run(furnish())
    return stores


def with_second_factor(stores: MemoryStores, address: str) -> str:
    """Give a user a second factor, and return their id."""

    async def give() -> str:
        found = await stores.directory.user_by_address(address)
        assert found
        await stores.second_factors.propose(found.user_id, b"s" * 20, [], stores.clock.now())
        await stores.second_factors.turn_on(found.user_id, b"s" * 20, 1)
        return found.user_id

    return asyncio.run(give())


def begin_session(stores: MemoryStores, address: str, client: str) -> None:
    async def begin() -> None:
        found = await stores.directory.user_by_address(address)
        assert found
        await stores.directory.sessions.begin(
            found.user_id, frozenset({"read"}), client=client, access=timedelta(days=1)
        )

    asyncio.run(begin())


def signed_in(stores: MemoryStores, address: str, password: str) -> User | None:
    return asyncio.run(stores.directory.sign_in(address, password))
