"""What a domain's DNS must tell, and whether it does."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from connectors.memory.dns import MemoryDns
from topologies.mail import dkim_key, dkim_private, domain_check, domain_records
from topologies.mail.dkim_rotation import TOLD_AFTER
from topologies.mail.mta_sts import Policy, policy_id, record_of, written
from topologies.ports.dkim_keys import Algorithm, DkimKey

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOMAIN, HOST = "shop.example", "mx.shop.example"
POLICY = written(Policy("enforce", (HOST,), 604_800))
Zones = Mapping[str, Mapping[str, Sequence[object]]]


async def test_a_domain_that_publishes_what_is_wanted_is_fine() -> None:
    found = await domain_check.check(MemoryDns(published()), DOMAIN, HOST, wanted())
    assert [(each.what, each.state) for each in found] == [
        ("host", "ok"),
        ("reverse", "ok"),
        ("mx", "ok"),
        ("spf", "ok"),
        ("dkim", "ok"),
        ("dkim", "ok"),
        ("dmarc", "ok"),
        ("mta-sts", "ok"),
        ("tls-rpt", "ok"),
    ]


async def test_a_domain_that_publishes_nothing_lacks_all_of_it() -> None:
    found = await domain_check.check(MemoryDns({}), DOMAIN, HOST, wanted())
    assert {each.state for each in found} == {"missing"}
    assert [each.what for each in found if not each.is_needed] == ["mta-sts", "tls-rpt"]


@pytest.mark.parametrize(
    ("name", "kind", "values", "what", "state", "reason"),
    [
        (DOMAIN, "MX", [(10, "mx.other.example")], "mx", "wrong", "not among them"),
        (DOMAIN, "MX", [(5, "a.example"), (10, "MX.shop.example")], "mx", "ok", ""),
        (DOMAIN, "TXT", ["v=spf1 -all"], "spf", "wrong", "fail of 192.0.2.1"),
        (DOMAIN, "TXT", ["v=spf1 mx -all", "v=spf1 -all"], "spf", "wrong", "several"),
        (DOMAIN, "TXT", ["v=spf1 ip4:192.0.2.0/24 ~all", "other"], "spf", "ok", ""),
        ("_dmarc.shop.example", "TXT", ["v=DMARC1; p=none"], "dmarc", "ok", "only reported"),
        ("_dmarc.shop.example", "TXT", ["v=DMARC1; p=odd"], "dmarc", "wrong", ""),
        ("ed._domainkey.shop.example", "TXT", ["v=DKIM1; p="], "dkim", "wrong", "revoked"),
        ("ed._domainkey.shop.example", "TXT", ["{rsa}"], "dkim", "wrong", "another key"),
        (
            "_mta-sts.shop.example",
            "TXT",
            ["v=STSv1; id=1", "v=STSv1; id=2"],
            "mta-sts",
            "wrong",
            "",
        ),
        ("1.2.0.192.in-addr.arpa", "PTR", ["host.isp.example"], "reverse", "wrong", "PTR"),
    ],
)
async def test_what_is_wrong_is_told(
    name: str, kind: str, values: list[object], what: str, state: str, reason: str
) -> None:
    zones = {each: dict(records) for each, records in published().items()}
    rsa = next(each.value for each in wanted() if "k=rsa" in each.value)
    zones[name][kind] = [rsa if value == "{rsa}" else value for value in values]
    found = await domain_check.check(MemoryDns(zones), DOMAIN, HOST, wanted())
    [told] = [each for each in found if each.what == what and (what != "dkim" or each.name == name)]
    assert told.state == state
    assert reason in told.reason


async def test_a_dns_that_gives_no_answer_is_not_taken_for_a_no() -> None:
    dns = MemoryDns(published(), failing=[DOMAIN, f"_dmarc.{DOMAIN}", HOST])
    found = await domain_check.check(dns, DOMAIN, HOST, wanted())
    states = {each.what: each.state for each in found}
    assert (states["host"], states["mx"], states["spf"], states["dmarc"]) == ("unknown",) * 4


def test_records_are_lines_of_a_zone_file_in_strings_that_fit() -> None:
    lines = {record.name: record.line for record in wanted()}
    assert lines[DOMAIN] == f'{DOMAIN}. 3600 IN TXT "v=spf1 mx a:{HOST} -all"'
    assert wanted()[0].line == f"{DOMAIN}. 3600 IN MX 10 {HOST}."
    strings = lines["rsa._domainkey.shop.example"].split('"')[1::2]
    assert [len(each) <= 255 for each in strings] == [True, True]
    assert dkim_key.parse("".join(strings)).bits == 2048


def test_the_id_of_the_policy_is_one_that_receivers_take() -> None:
    [value] = [record.value for record in wanted() if record.what == "mta-sts"]
    assert policy_id([value])


def test_a_domain_without_a_policy_has_no_record_of_one() -> None:
    told = domain_records.wanted(DOMAIN, HOST, keys(), AT)
    assert "mta-sts" not in {record.what for record in told}


async def test_a_policy_of_another_id_is_told_since_senders_keep_the_old() -> None:
    zones = {each: dict(records) for each, records in published().items()}
    zones[f"_mta-sts.{DOMAIN}"]["TXT"] = [record_of(written(Policy("testing", (HOST,), 86_400)))]
    found = await domain_check.check(MemoryDns(zones), DOMAIN, HOST, wanted())
    [told] = [each for each in found if each.what == "mta-sts"]
    assert (told.state, "senders keep the old" in told.reason) == ("wrong", True)


@pytest.mark.parametrize(
    ("policy", "served", "state", "reason"),
    [
        pytest.param(POLICY, POLICY, "ok", "", id="the same"),
        pytest.param(POLICY, POLICY.replace("\r", ""), "ok", "", id="with other line ends"),
        pytest.param(POLICY, POLICY.replace("enforce", "testing"), "wrong", "another", id="other"),
        pytest.param(POLICY, "<html>", "wrong", "version: STSv1", id="a page"),
        pytest.param(POLICY, OSError("refused"), "missing", "refused", id="nobody answers"),
        pytest.param(POLICY, ValueError("no file"), "missing", "no file", id="no file"),
        pytest.param(
            written(Policy("enforce", ("mx.other.example",), 86_400)),
            written(Policy("enforce", ("mx.other.example",), 86_400)),
            "wrong",
            f"does not name {HOST}",
            id="without our host",
        ),
        pytest.param(
            written(Policy("testing", ("*.shop.example",), 86_400)),
            written(Policy("testing", ("*.shop.example",), 86_400)),
            "ok",
            "protects nothing yet",
            id="testing",
        ),
    ],
)
async def test_the_policy_that_is_served_is_compared(
    policy: str, served: str | Exception, state: str, reason: str
) -> None:
    asked: list[str] = []

    async def fetch(host: str) -> str:
        asked.append(host)
        if isinstance(served, Exception):
            raise served
        return served

    [found] = await domain_check.check_policy(MemoryDns(published()), DOMAIN, policy, fetch)
    assert asked == [f"mta-sts.{DOMAIN}"]
    assert (found.what, found.state, found.is_needed) == ("policy", state, False)
    assert reason in found.reason


def test_keys_are_told_before_their_time_and_a_while_after_it() -> None:
    key = replace(keys()[0], signs_until=AT)
    later = replace(keys()[1], signs_from=AT + timedelta(days=2))
    told = [r for r in domain_records.wanted(DOMAIN, HOST, [key, later], AT) if r.what == "dkim"]
    assert [each.note for each in told] == [
        "signs until 2026-03-01 12:00 UTC; keep it until 2026-03-08",
        "signs from 2026-03-03 12:00 UTC on",
    ]
    after = domain_records.wanted(DOMAIN, HOST, [key], AT + TOLD_AFTER)
    assert not [each for each in after if each.what == "dkim"]


# --- builders -----------------------------------------------------------------------


@cache
def made(algorithm: Algorithm) -> str:
    return dkim_private.make(algorithm)


def keys() -> list[DkimKey]:
    wanted: list[tuple[str, Algorithm]] = [("ed", "ed25519-sha256"), ("rsa", "rsa-sha256")]
    return [
        DkimKey(
            domain=DOMAIN,
            selector=selector,
            algorithm=algorithm,
            private_key=made(algorithm),
            created_at=AT,
            signs_from=AT,
        )
        for selector, algorithm in wanted
    ]


def wanted() -> Sequence[domain_records.WantedRecord]:
    return domain_records.wanted(DOMAIN, HOST, keys(), AT, POLICY)


def published() -> Zones:
    zones: dict[str, dict[str, list[object]]] = {
        HOST: {"A": ["192.0.2.1"]},
        "1.2.0.192.in-addr.arpa": {"PTR": [HOST]},
    }
    for record in wanted():
        value: object = record.value
        if record.kind == "MX":
            value = (10, HOST)
        zones.setdefault(record.name, {}).setdefault(record.kind, []).append(value)
    return zones
