"""rillmail user, and rillmail alias."""

import asyncio
from pathlib import Path

import pytest

from api.cli.alias import alias
from api.cli.user import user
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.ports.directory import User


def test_a_user_is_added_with_a_password_from_standard_input() -> None:
    stores = furnished()
    result = stores.run(user, "add", "Bo@shop.example", "--password-file", "-", typed="secret\n")
    assert (result.exit_code, result.output) == (0, "bo@shop.example has a mailbox\n")
    assert signed_in(stores, "bo@shop.example", "secret")


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
    }


@pytest.mark.parametrize(
    ("arguments", "typed", "exit_code", "told"),
    [
        pytest.param(["bo@shop.example"], b"", 2, "--password-file", id="no password"),
        pytest.param(["x@shop.example"], b"\n", 1, "a password has 1 to", id="an empty one"),
        pytest.param(["x@shop.example"], b"\xff", 1, "is not in UTF-8", id="not in UTF-8"),
        pytest.param(["x@shop.example"], b"x" * 9_000, 1, "a password has 1 to", id="endless"),
        pytest.param(["x@other.example"], b"s", 1, "is none of our domains", id="foreign"),
        pytest.param(["ann@shop.example"], b"s", 1, "is taken", id="taken"),
        pytest.param(["x@shop.example", "--quota", "much"], b"s", 2, "is no size", id="no quota"),
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
        user, "add", "bo@shop.example", "--password-file", "-", "--name", name, typed="secret"
    )
    assert "[red]Bo\\x1b[2J\\u202e" in stores.run(user, "list").output


def test_the_suspended_sign_in_again_when_resumed() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "suspend", "bo@shop.example")
    assert result.output == "bo@shop.example is suspended and signed out\n"
    assert not signed_in(stores, "bo@shop.example", "secret")
    result = stores.run(user, "resume", "bo@shop.example")
    assert result.output == "bo@shop.example may sign in\n"
    assert signed_in(stores, "bo@shop.example", "secret")


def test_a_password_is_changed() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(
        user, "password", "bo@shop.example", "--password-file", "-", typed="another"
    )
    assert result.exit_code == 0
    assert signed_in(stores, "bo@shop.example", "another")


def test_a_deleted_user_is_gone() -> None:
    stores = furnished("bo@shop.example")
    result = stores.run(user, "delete", "BO@shop.example", "--yes")
    assert (result.exit_code, result.output) == (0, "bo@shop.example is deleted\n")
    assert "There is no user yet" in stores.run(user, "list").output


@pytest.mark.parametrize("verb", ["suspend", "resume", "delete"])
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
    assert result.stderr == ("Note: nobody has bo@shop.example yet, so mail for it is refused\n")


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
            await stores.directory.add_user(address, "secret")

    asyncio.run(furnish())
    return stores


def signed_in(stores: MemoryStores, address: str, password: str) -> User | None:
    return asyncio.run(stores.directory.sign_in(address, password))
