"""Domains: who registered a name, and which addresses a stranger can have."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.domains import is_aligned, is_public_address, organizational


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("shop.example", "shop.example"),
        ("a.b.shop.example", "shop.example"),
        ("A.SHOP.EXAMPLE.", "shop.example"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("com", "com"),
        ("bo.github.io", "bo.github.io"),
        ("www.city.kawasaki.jp", "city.kawasaki.jp"),
        ("www.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("", ""),
        (".shop.example", ".shop.example"),
        ("a..example", "a..example"),
    ],
)
def test_the_registered_name_lies_one_below_a_public_suffix(domain: str, expected: str) -> None:
    assert organizational(domain) == expected


@given(st.text("abc.-éX%", max_size=40))
def test_any_text_has_an_answer_that_is_its_own(domain: str) -> None:
    found = organizational(domain)
    assert domain.lower().rstrip(".").endswith(found)
    assert organizational(found) == found


def test_names_are_aligned_when_they_belong_to_the_same_owner() -> None:
    assert is_aligned("mail.shop.example", "SHOP.example.")
    assert not is_aligned("mail.shop.example", "shop.example", is_strict=True)
    assert not is_aligned("shop.co.uk", "evil.co.uk")
    assert not is_aligned("", "")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", True),
        ("203.0.113.9", True),
        ("2001:db8::1", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("172.32.0.1", True),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("169.254.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:192.0.2.1", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:a00:1::1", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("0.1.2.3", False),
        ("255.255.255.255", False),
        ("", False),
        ("mail.shop.example", False),
    ],
)
def test_a_stranger_has_a_public_address(address: str, expected: bool) -> None:
    assert is_public_address(address) is expected


@pytest.mark.corpus
def test_the_tests_of_the_public_suffix_list_pass(vectors: Path) -> None:
    text = (vectors / "psl/publicsuffix__list/tests/test_psl.txt").read_text(encoding="utf-8")
    tests = re.findall(r"^checkPublicSuffix\('([^']+)', (?:'([^']+)'|null)\);", text, re.MULTILINE)
    asked = [(name, wanted) for name, wanted in tests if name.isascii() and name[0] != "."]
    # A public suffix is itself here, since mail does come from some.
    wrong = [
        (name, organizational(name), wanted)
        for name, wanted in asked
        if organizational(name) != (wanted or name.lower())
    ]
    assert wrong == []
    assert len(asked) > 60
