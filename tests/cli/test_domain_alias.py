"""rillmail domain alias."""

from api.cli.domain import domain
from tests.cli.stores_in_memory import MemoryStores, in_json


def test_a_domain_stands_for_another_until_it_is_removed() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    arguments = ["alias", "add", "LADEN.example", "shop.example"]
    assert stores.run(domain, *arguments).output == "laden.example stands for shop.example\n"
    assert in_json(stores.run(domain, *arguments, "--json")) == {
        "alias": "laden.example",
        "domain": "shop.example",
        "added": False,
    }
    assert stores.run(domain, "alias", "list").output.splitlines() == [
        "DOMAIN         STANDS FOR",
        "laden.example  shop.example",
    ]
    assert stores.run(domain, "alias", "remove", "laden.example").exit_code == 0
    assert in_json(stores.run(domain, "alias", "list", "--json")) == []
    gone = stores.run(domain, "alias", "remove", "laden.example")
    assert (gone.exit_code, gone.stderr) == (1, "Error: laden.example stands for no domain\n")


def test_what_can_not_stand_for_another_is_told() -> None:
    result = MemoryStores().run(domain, "alias", "add", "laden.example", "shop.example")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "none of our domains" in result.stderr
