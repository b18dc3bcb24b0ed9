"""rillmail rules."""

import asyncio

from click.testing import Result

from api.cli.rules import rules
from tests.cli.stores_in_memory import MemoryStores, in_json

BO = "bo@shop.example"


def test_a_script_is_checked_without_any_store() -> None:
    stores = MemoryStores()
    right = stores.run(rules, "check", "-", typed='require "fileinto"; fileinto "a";')
    assert (right.exit_code, right.output) == (0, "<stdin> can be run; it requires fileinto\n")
    wrong = stores.run(rules, "check", "-", typed="keep;\n keep")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Error: <stdin>: line 2, column 6: the script ends")
    told = stores.run(rules, "check", "--json", "-", typed="keep")
    assert (told.exit_code, '"column": 5' in told.output) == (1, True)


def test_a_script_is_kept_shown_activated_and_deleted() -> None:
    stores = furnished()
    assert done(stores, "put", BO, "mine", "-", "--activate", typed="keep;\n") == (
        "mine is kept, and active\n"
    )
    assert done(stores, "show", BO, "mine") == "keep;\n"
    assert in_json(stores.run(rules, "list", BO, "--json"))["scripts"] == [
        {"name": "mine", "is_active": True}
    ]
    assert done(stores, "list", BO).splitlines()[1].startswith("mine    yes")
    in_use = stores.run(rules, "delete", BO, "mine")
    assert (in_use.exit_code, "is active" in in_use.stderr) == (1, True)
    assert done(stores, "activate", BO) == "No script is active\n"
    assert done(stores, "delete", BO, "mine") == "mine is deleted\n"
    gone = stores.run(rules, "delete", BO, "mine")
    assert (gone.exit_code, gone.stderr) == (1, "Error: there is no script 'mine'\n")
    assert "There is no script yet" in done(stores, "list", BO)


def test_a_wrong_script_is_not_kept() -> None:
    stores = furnished()
    result = stores.run(rules, "put", BO, "mine", "-", typed="nonsense;")
    assert result.exit_code == 1
    assert result.stderr == "Error: line 1, column 1: 'nonsense' is no command\n"
    assert in_json(stores.run(rules, "list", BO, "--json"))["scripts"] == []


def test_vacation_and_forwarding_are_set_without_a_script() -> None:
    stores = furnished()
    done(stores, "vacation", BO, "Away.", "--days", "3")
    done(stores, "forward", BO, "bo@home.example", "--no-copy")
    told = in_json(stores.run(rules, "list", BO, "--json"))
    assert (told["vacation"]["text"], told["vacation"]["days"]) == ("Away.", 3)
    assert told["forwarding"] == {
        "is_on": True,
        "addresses": ["bo@home.example"],
        "keeps_copy": False,
    }
    assert "Whoever writes is answered: Away." in done(stores, "list", BO)
    done(stores, "vacation", BO, "--off")
    done(stores, "forward", BO)
    told = in_json(stores.run(rules, "list", BO, "--json"))
    assert (told["vacation"]["is_on"], told["forwarding"]["is_on"]) == (False, False)
    own = stores.run(rules, "forward", BO, BO)
    assert (own.exit_code, "where it comes" in own.stderr) == (1, True)


def test_who_is_nobody_has_no_rules() -> None:
    result = furnished().run(rules, "list", "eve@shop.example")
    assert result.stderr == "Error: nobody has the address eve@shop.example\n"


def furnished() -> MemoryStores:
    stores = MemoryStores()

    async def furnish() -> None:
        await stores.directory.add_domain("shop.example")
        await stores.directory.add_user(BO, "secret")

    asyncio.run(furnish())
    return stores


def done(stores: MemoryStores, *arguments: str, typed: str = "") -> str:
    result: Result = stores.run(rules, *arguments, typed=typed)
    assert result.exit_code == 0, result.output
    return result.output
