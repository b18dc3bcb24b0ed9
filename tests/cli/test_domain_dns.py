"""rillmail domain dns, check and keys; rillmail user app-password; who is restrained."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from api.cli.domain import domain
from api.cli.user import user
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.mail import dkim_key
from topologies.ports.restraints import Restraint

HOST = {"RILLMAIL_HOSTNAME": "mx.shop.example"}


def test_a_domain_has_keys_from_the_start_and_its_records_are_printed() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    records = in_json(stores.run(domain, "dns", "SHOP.example", "--json", **HOST))
    assert [(each["what"], each["name"]) for each in records] == [
        ("mx", "shop.example"),
        ("spf", "shop.example"),
        ("dkim", "ed20260301._domainkey.shop.example"),
        ("dkim", "rsa20260301._domainkey.shop.example"),
        ("dmarc", "_dmarc.shop.example"),
        ("tls-rpt", "_smtp._tls.shop.example"),
    ]
    assert [dkim_key.parse(each["value"]).kind for each in records[2:4]] == ["ed25519", "rsa"]
    printed = stores.run(domain, "dns", "shop.example", **HOST).output
    lines = [line for line in printed.splitlines() if not line.startswith(";")]
    assert lines == [each["line"] for each in records]
    assert "rillmail domain mta-sts shop.example --mode testing" in printed


def test_a_host_that_nobody_would_find_is_told_before_it_is_published() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    told = stores.run(domain, "dns", "shop.example", "--json", RILLMAIL_HOSTNAME="vm")
    assert (told.exit_code, "let RILLMAIL_HOSTNAME be" in told.stderr) == (0, True)
    assert json.loads(told.stdout)
    assert stores.run(domain, "dns", "shop.example", **HOST).stderr == ""


@pytest.mark.parametrize("words", ["dns", "check", "mta-sts --mode testing"])
def test_a_setting_that_does_not_fit_is_told_in_a_sentence(words: str) -> None:
    command, *options = words.split()
    arguments = (command, "shop.example", *options)
    result = MemoryStores().run(domain, *arguments, RILLMAIL_HTTP_PORT="many")
    assert result.stderr.startswith("Error: RILLMAIL_HTTP_PORT: Expected `int`")


def test_keys_of_an_old_domain_are_made_when_they_are_asked_for() -> None:
    stores = MemoryStores()
    asyncio.run(stores.directory.add_domain("shop.example"))
    listed = stores.run(domain, "keys", "shop.example")
    assert listed.output == "There is no key yet: rillmail domain keys shop.example rotate\n"
    assert len(in_json(stores.run(domain, "keys", "shop.example", "rotate", "--json"))) == 2


def test_keys_are_rotated_with_an_overlap() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    rotated = stores.run(domain, "keys", "shop.example", "rotate")
    assert [line.split() for line in rotated.output.splitlines()[1:5]] == [
        ["ed20260301", "ed25519-sha256", "2026-03-01", "12:00", "2026-03-03", "12:00"],
        ["ed20260301-2", "ed25519-sha256", "2026-03-03", "12:00"],
        ["rsa20260301", "rsa-sha256", "2026-03-01", "12:00", "2026-03-03", "12:00"],
        ["rsa20260301-2", "rsa-sha256", "2026-03-03", "12:00"],
    ]
    assert "PRIVATE" not in rotated.output
    names = [r["what"] for r in in_json(stores.run(domain, "dns", "shop.example", "--json"))]
    assert names.count("dkim") == 4


def test_a_domain_that_is_not_ours_is_refused() -> None:
    for command in ("dns", "check", "keys"):
        result = MemoryStores().run(domain, command, "far.example", **HOST)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: far.example is none of our domains")


def test_an_app_password_is_made_listed_and_removed() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    stores.run(user, "add", "bo@shop.example", "--password-file", "-", typed="a secret")
    made = in_json(stores.run(user, "app-password", "add", "bo@shop.example", "phone", "--json"))
    assert len(made["password"]) == 24
    [listed] = in_json(stores.run(user, "app-password", "list", "bo@shop.example", "--json"))
    assert (listed["name"], listed["password_id"]) == ("phone", made["password_id"])
    path = ("app-password", "remove", "bo@shop.example", made["password_id"])
    assert [stores.run(user, *path).exit_code for _ in range(2)] == [0, 1]
    assert stores.run(user, "app-password", "add", "no@shop.example", "x").exit_code == 1


def test_who_may_not_send_is_listed_and_resumed() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "shop.example")
    added = stores.run(
        user, "add", "bo@shop.example", "--password-file", "-", "--json", typed="a secret"
    )
    restraint = Restraint(
        user_id=in_json(added)["user_id"],
        kind="suspended",
        since=datetime(2026, 3, 1, tzinfo=UTC),
        reason="spam was sent",
    )
    asyncio.run(stores.restraints.put(restraint))
    assert "sending suspended" in stores.run(user, "list").output
    [listed] = in_json(stores.run(user, "list", "--json"))
    assert listed["sending"] == "suspended"
    stores.run(user, "resume", "bo@shop.example")
    [listed] = in_json(stores.run(user, "list", "--json"))
    assert listed["sending"] == "allowed"
