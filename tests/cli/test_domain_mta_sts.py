"""rillmail domain mta-sts: the policy of a domain is shown, set and removed."""

import asyncio
import json
from typing import Any

from api.cli.domain import domain
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.contracts.dns_server import TestServer, serving
from topologies.mail.mta_sts import Policy, policy_id, written

HOST = {"RILLMAIL_HOSTNAME": "MX.shop.example"}


def test_a_policy_is_set_and_its_record_is_printed() -> None:
    stores = shop()
    nothing = stores.run(domain, "mta-sts", "shop.example")
    assert nothing.output.startswith("shop.example has no policy: rillmail domain mta-sts")
    done = stores.run(domain, "mta-sts", "Shop.example", "--mode", "testing", **HOST)
    assert done.output.splitlines() == [
        "version: STSv1",
        "mode: testing",
        "mx: mx.shop.example",
        "max_age: 604800",
        "Publish the record of _mta-sts that `rillmail domain dns Shop.example` prints.",
    ]
    told = in_json(stores.run(domain, "mta-sts", "shop.example", "--json"))
    assert (told["mode"], told["mx"], told["max_age_s"]) == ("testing", ["mx.shop.example"], 604800)
    assert sts_record(stores) == told["record"]


def test_the_record_changes_when_the_policy_does() -> None:
    stores = shop()
    records: list[str] = []
    for options in (
        ("--mode", "testing"),
        ("--mode", "enforce"),
        ("--mode", "enforce", "--max-age", "2592000"),
        ("--mode", "enforce", "--mx", "*.backup.example", "--mx", "mx.shop.example"),
        ("--mode", "none"),
    ):
        assert stores.run(domain, "mta-sts", "shop.example", *options, **HOST).exit_code == 0
        records.append(sts_record(stores))
        assert policy_id([records[-1]])
    assert len(set(records)) == len(records)


def test_a_policy_is_removed() -> None:
    stores = shop()
    stores.run(domain, "mta-sts", "shop.example", "--mode", "testing", **HOST)
    assert stores.run(domain, "mta-sts", "shop.example", "--remove").exit_code == 0
    again = stores.run(domain, "mta-sts", "shop.example", "--remove")
    assert (again.exit_code, again.stderr) == (1, "Error: shop.example has no policy\n")
    records = in_json(stores.run(domain, "dns", "shop.example", "--json", **HOST))
    assert "mta-sts" not in {record["what"] for record in records}


def test_what_can_not_be_set_is_refused_with_a_reason() -> None:
    stores = shop()
    for options, reason in (
        (("--mode", "testing"), "set RILLMAIL_HOSTNAME"),
        (("--mode", "testing", "--mx", "no host"), "--mx"),
        (("--mode", "testing", "--mx", "*.*.example"), "--mx"),
        (("--mode", "odd"), "'--mode'"),
        (("--mode", "testing", "--mx", "mx.example", "--max-age", "60"), "'--max-age'"),
        (("--mode", "testing", "--remove"), "not both"),
    ):
        done = stores.run(domain, "mta-sts", "shop.example", *options, RILLMAIL_HOSTNAME="")
        assert done.exit_code != 0
        assert reason in done.stderr
    far = stores.run(domain, "mta-sts", "far.example", "--mode", "testing", **HOST)
    assert far.stderr.startswith("Error: far.example is none of our domains")


async def test_check_asks_for_the_policy_as_others_do() -> None:
    stores = MemoryStores()
    await stores.directory.add_domain("shop.example")
    await stores.sts_policies.put("shop.example", written(Policy("enforce", ("mx.a",), 86_400)))
    zones = {
        "shop.example": {"MX": ["10 mx.shop.example."]},
        "_mta-sts.shop.example": {"TXT": ['"v=STSv1; id=1"']},
        "mta-sts.shop.example": {"A": ["127.0.0.1"]},
    }
    async with serving(TestServer(zones)) as dns:
        done = await asyncio.to_thread(
            stores.run,
            domain,
            "check",
            "shop.example",
            "--json",
            RILLMAIL_DNS_SERVERS=dns.address,
            **HOST,
        )
    told = {each["what"]: each for each in json.loads(done.stdout)}
    assert (told["policy"]["name"], told["policy"]["state"]) == ("mta-sts.shop.example", "missing")
    assert "no public address" in told["policy"]["reason"]
    assert (told["mta-sts"]["state"], told["mta-sts"]["is_needed"]) == ("wrong", False)


def shop() -> MemoryStores:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    return stores


def sts_record(stores: MemoryStores) -> Any:
    records = in_json(stores.run(domain, "dns", "shop.example", "--json", **HOST))
    [record] = [each for each in records if each["what"] == "mta-sts"]
    assert record["name"] == "_mta-sts.shop.example"
    return record["value"]
