"""The policies by which domains ask for TLS (RFC 8461)."""

import pytest

from topologies.mail.mta_sts import Policy, parse, policy_id, record_of, written

POLICY = """version: STSv1
mode: enforce
mx: mail.far.example
mx: *.far.example
max_age: 604800
"""


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (["v=STSv1; id=20260301T12"], "20260301T12"),
        (["other", "v=STSv1;id=a1;"], "a1"),
        (["v=STSv1; id=a1; more=x"], "a1"),
        (["v=STSv1; more=x; id=a1"], "a1"),
        (["v=STSv1; id=a1", "v=STSv10; id=b"], "a1"),
        (["v=STSv1; idea=a1"], None),
        ([], None),
        (["v=STSv1; id=a", "v=STSv1; id=b"], None),
        (["v=STSv1"], None),
        (["v=STSv1; id=" + "a" * 33], None),
    ],
)
def test_a_record_tells_the_id_of_the_policy(records: list[str], found: str | None) -> None:
    assert policy_id(records) == found


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_policy_is_read(end: str) -> None:
    policy = parse(POLICY.replace("\n", end))
    assert policy == Policy("enforce", ("mail.far.example", "*.far.example"), 604_800)


@pytest.mark.parametrize(
    ("host", "is_named"),
    [
        ("mail.far.example", True),
        ("MX1.far.example.", True),
        ("far.example", False),
        ("a.b.far.example", False),
        ("mail.other.example", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, is_named: bool) -> None:
    assert parse(POLICY).names(host) is is_named


@pytest.mark.parametrize(
    "text",
    [
        "",
        POLICY.replace("STSv1", "STSv2"),
        POLICY.replace("enforce", "later"),
        POLICY.replace("604800", "-1"),
        POLICY.replace("mx:", "my:"),
        "<html>not found</html>",
    ],
)
def test_what_is_no_policy_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_a_policy_that_was_taken_back_names_no_hosts() -> None:
    assert parse("version: STSv1\nmode: none\nmax_age: 86400\n").mode == "none"


@pytest.mark.parametrize(
    "policy",
    [
        Policy("enforce", ("mx.shop.example", "*.backup.example"), 604_800),
        Policy("testing", ("mx.shop.example",), 86_400),
        Policy("none", (), 86_400),
    ],
)
def test_a_policy_that_is_written_is_read_as_the_same(policy: Policy) -> None:
    assert parse(written(policy)) == policy


def test_the_id_changes_with_the_policy_and_only_then() -> None:
    policies = [
        Policy(mode, hosts, age)
        for mode in ("enforce", "testing")
        for hosts in (("mx.shop.example",), ("mx.shop.example", "mx2.shop.example"))
        for age in (86_400, 604_800)
    ]
    records = [record_of(written(policy)) for policy in policies]
    assert len(set(records)) == len(policies)
    assert records == [record_of(written(policy)) for policy in policies]
    assert all(policy_id([record]) for record in records)
