"""Reverse-paths of ours: made for others' addresses, and taken back by nobody else's."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail import srs

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = srs.key_of(b"k" * 32)
OTHER = srs.key_of(b"o" * 32)


def local_of(address: str | None) -> str:
    assert address is not None
    return address.rpartition("@")[0]


def test_an_address_holds_the_senders_and_gives_it_back() -> None:
    made = srs.rewritten("Ann.Bo@far.example", "shop.example", KEY, AT)
    assert made is not None
    kind, digest, day, host, name = local_of(made).split("=")
    assert (kind, host, name) == ("SRS0", "far.example", "Ann.Bo")
    assert (len(digest), len(day)) == (6, 2)
    assert made.endswith("@shop.example")
    assert srs.is_one(local_of(made))
    assert srs.original(local_of(made), KEY, AT) == "Ann.Bo@far.example"


def test_a_host_that_changes_the_case_does_no_harm() -> None:
    made = local_of(srs.rewritten("ann@far.example", "shop.example", KEY, AT))
    assert srs.original(made.lower(), KEY, AT) == "ann@far.example"
    assert srs.original(made.upper(), KEY, AT).lower() == "ann@far.example"


def test_one_of_another_key_or_changed_in_any_part_is_none_of_ours() -> None:
    made = local_of(srs.rewritten("ann@far.example", "shop.example", KEY, AT))
    with pytest.raises(srs.NotOurs, match="hash"):
        srs.original(made, OTHER, AT)
    for changed in (made.replace("far", "bar"), made.replace("ann", "bob"), made + "x"):
        with pytest.raises(srs.NotOurs):
            srs.original(changed, KEY, AT)


def test_it_is_good_for_three_weeks() -> None:
    made = local_of(srs.rewritten("ann@far.example", "shop.example", KEY, AT))
    assert srs.original(made, KEY, AT + timedelta(days=21)) == "ann@far.example"
    with pytest.raises(srs.NotOurs, match="old"):
        srs.original(made, KEY, AT + timedelta(days=22))
    with pytest.raises(srs.NotOurs, match="old"):  # nor before it was made
        srs.original(made, KEY, AT - timedelta(days=1))


def test_a_second_host_keeps_what_the_first_made_and_sends_bounces_there() -> None:
    first = srs.rewritten("ann@far.example", "one.example", OTHER, AT)
    assert first is not None
    second = srs.rewritten(first, "two.example", KEY, AT)
    assert local_of(second).startswith("SRS1=")
    assert srs.original(local_of(second), KEY, AT) == first


def test_a_third_host_sends_bounces_to_the_first_as_well() -> None:
    first = srs.rewritten("a@far.example", "one.example", OTHER, AT)
    assert first is not None
    second = srs.rewritten(first, "two.example", OTHER, AT)
    assert second is not None
    third = srs.rewritten(second, "three.example", KEY, AT)
    assert len(local_of(third)) == len(local_of(second))
    assert srs.original(local_of(third), KEY, AT) == first


def test_a_separator_of_another_host_stays() -> None:
    second = srs.rewritten("SRS0+abcd=aa=far.example=ann@one.example", "two.example", KEY, AT)
    assert srs.original(local_of(second), KEY, AT) == "SRS0+abcd=aa=far.example=ann@one.example"


def test_one_that_would_be_too_long_is_not_made() -> None:
    assert srs.rewritten(f"{'a' * 60}@far.example", "shop.example", KEY, AT) is None


@pytest.mark.parametrize("sender", [".a@far.example", '"a b"@far.example', "a", "a@b@c"])
def test_what_could_not_be_given_back_is_not_rewritten(sender: str) -> None:
    assert srs.rewritten(sender, "shop.example", KEY, AT) is None


@pytest.mark.parametrize("local", ["ann", "srs", "srs2=a=b", "SRS0", "xSRS0=a"])
def test_what_is_none_is_known(local: str) -> None:
    assert not srs.is_one(local)
    with pytest.raises(srs.NotOurs):
        srs.original(local, KEY, AT)


@given(local=st.text(max_size=80))
def test_no_text_is_taken_for_ours(local: str) -> None:
    with pytest.raises(srs.NotOurs):
        srs.original("SRS0=" + local, KEY, AT)


@given(name=st.from_regex(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}", fullmatch=True))
def test_any_name_comes_back(name: str) -> None:
    made = srs.rewritten(f"{name}@far.example", "shop.example", KEY, AT)
    if made is not None and not srs.is_one(name):
        assert srs.original(local_of(made), KEY, AT) == f"{name}@far.example"
