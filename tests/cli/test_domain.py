"""rillmail domain."""

import pytest

from api.cli.domain import domain
from api.cli.user import user
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.errors import Misconfigured, NoSpace, Retryable


def test_a_domain_is_added_and_listed() -> None:
    stores = MemoryStores()
    assert stores.run(domain, "add", "shop.example").output == "shop.example is added\n"
    assert in_json(stores.run(domain, "add", "BÜCHER.example", "--json")) == {
        "domain": "xn--bcher-kva.example",
        "added": True,
    }
    assert stores.run(domain, "list").output == "DOMAIN\nshop.example\nxn--bcher-kva.example\n"
    assert in_json(stores.run(domain, "list", "--json")) == [
        {"domain": "shop.example"},
        {"domain": "xn--bcher-kva.example"},
    ]


def test_adding_a_domain_again_is_no_error() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    again = stores.run(domain, "add", "SHOP.example")
    assert (again.exit_code, again.output) == (0, "shop.example was there already\n")


def test_what_is_no_domain_is_refused() -> None:
    result = MemoryStores().run(domain, "add", "no domain")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: 'no domain' is no domain name\n"


def test_a_domain_that_holds_nothing_is_removed() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "club.example")
    stores.run(user, "add", "bo@club.example", "--password-file", "-", typed="a secret")
    used = stores.run(domain, "remove", "club.example")
    assert (used.exit_code, used.stderr) == (
        1,
        "Error: club.example has users still: remove those first\n",
    )
    stores.run(user, "delete", "bo@club.example", "--now", "-y")
    assert stores.run(domain, "remove", "Club.example").output == (
        "club.example is removed: mail for it is refused\n"
    )
    again = stores.run(domain, "remove", "club.example")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "there is no domain club.example" in again.stderr


def test_an_empty_list_says_what_to_do() -> None:
    result = MemoryStores().run(domain, "list")
    assert result.output == "There is no domain yet: rillmail domain add example.com\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Misconfigured("data: not a folder"), "Error: data: not a folder\n"),
        (NoSpace("the disk is full"), "Error: the disk is full: make room and try again\n"),
        (Retryable("it is locked"), "Error: it is locked; try again in a moment\n"),
    ],
)
def test_stores_that_do_not_open_are_told_in_a_sentence(error: Exception, told: str) -> None:
    result = MemoryStores(error=error).run(domain, "list")  # type: ignore[arg-type]
    assert (result.exit_code, result.stderr) == (1, told)


def test_a_setting_that_does_not_fit_is_told_in_a_sentence() -> None:
    result = MemoryStores().run(domain, "list", RILLMAIL_HTTP_PORT="many")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: RILLMAIL_HTTP_PORT: Expected `int`")


def test_help_shows_examples() -> None:
    assert "rillmail domain add example.com" in MemoryStores().run(domain, "add", "--help").output
