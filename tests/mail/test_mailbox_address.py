"""Mailbox addresses: what is one, and which are the same."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.mailbox_address import domain_in_ascii, parse


@pytest.mark.parametrize(
    ("written", "key"),
    [
        pytest.param("bo@shop.example", "bo@shop.example", id="plain"),
        pytest.param("Bo@Shop.EXAMPLE", "bo@shop.example", id="case does not matter"),
        pytest.param("<bo@shop.example>", "bo@shop.example", id="in angle brackets"),
        pytest.param('"bo"@shop.example', "bo@shop.example", id="quotes that are not needed"),
        pytest.param('"b\\o"@shop.example', "bo@shop.example", id="escapes that are not needed"),
        pytest.param('"b o"@shop.example', '"b o"@shop.example', id="quotes that are needed"),
        pytest.param('"b@o"@shop.example', '"b@o"@shop.example', id="a quoted at sign"),
        pytest.param('"b\\"o"@shop.example', '"b\\"o"@shop.example', id="a quoted quote"),
        pytest.param('""@shop.example', '""@shop.example', id="nothing, quoted"),
        pytest.param("b.o+x@shop.example", "b.o+x@shop.example", id="dot and plus"),
        pytest.param("@a.example,@b.example:bo@shop.example", "bo@shop.example", id="a route"),
        pytest.param("bo@bücher.example", "bo@xn--bcher-kva.example", id="an IDN"),
        pytest.param("bo@BÜCHER.example", "bo@xn--bcher-kva.example", id="an IDN in capitals"),
        pytest.param("bo@XN--BCHER-KVA.example", "bo@xn--bcher-kva.example", id="A-labels"),
        pytest.param("bo@bu\u0308cher.example", "bo@xn--bcher-kva.example", id="an IDN, NFD"),
        pytest.param("bo@faß.example", "bo@xn--fa-hia.example", id="sharp s stays (IDNA2008)"),
        pytest.param("bo@shop。example", "bo@shop.example", id="an ideographic full stop"),
        pytest.param("Zoë@shop.example", "zoë@shop.example", id="beyond ASCII"),
        pytest.param("zoe\u0308@shop.example", "zoë@shop.example", id="NFD"),
        pytest.param("bo@[192.0.2.1]", "bo@[192.0.2.1]", id="an IPv4 literal"),
        pytest.param("bo@[ipv6:2001:DB8:0::1]", "bo@[IPv6:2001:db8::1]", id="an IPv6 literal"),
    ],
)
def test_equal_addresses_have_one_key(written: str, key: str) -> None:
    assert parse(written).key == key


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param("bo", id="no domain"),
        pytest.param("@shop.example", id="no local part"),
        pytest.param("bo@", id="an empty domain"),
        pytest.param(".bo@shop.example", id="a leading dot"),
        pytest.param("b..o@shop.example", id="two dots"),
        pytest.param("b o@shop.example", id="a space"),
        pytest.param("bo@shop.example\n", id="a line end"),
        pytest.param("bo\r\nRCPT@shop.example", id="a line end within"),
        pytest.param('"b\no"@shop.example', id="a quoted line end"),
        pytest.param('"b"o"@shop.example', id="a bare quote"),
        pytest.param('"bo\\"@shop.example', id="an open quote"),
        pytest.param("bo\u0000@shop.example", id="NUL"),
        pytest.param("bo\u0085@shop.example", id="a C1 control"),
        pytest.param("bo\u2028@shop.example", id="a line separator"),
        pytest.param("bo\udc80@shop.example", id="what was no UTF-8"),
        pytest.param("bo@shop\udc80.example", id="what was no UTF-8 in the domain"),
        pytest.param("bo@-shop.example", id="a leading hyphen"),
        pytest.param("bo@shop..example", id="an empty label"),
        pytest.param("bo@shop.example.", id="a trailing dot"),
        pytest.param("bo@sh_op.example", id="an underscore in the domain"),
        pytest.param("bo@shop.example>", id="half a bracket"),
        pytest.param("bo@[192.0.2.256]", id="no IPv4 literal"),
        pytest.param("bo@[192.0.2.1", id="an open literal"),
        pytest.param("x" * 65 + "@shop.example", id="a long local part"),
        pytest.param("ö" * 33 + "@shop.example", id="a local part long in UTF-8"),
        pytest.param("İ" * 30 + "@shop.example", id="a local part that grows when folded"),
        pytest.param("bo@" + "x" * 64 + ".example", id="a long label"),
        pytest.param("bo@" + "x.example." * 26 + "example", id="a long domain"),
        pytest.param("x" * 60 + "@" + "y." * 100 + "example", id="long together"),
        pytest.param("@" + "a." * 1_000_000 + ":bo@shop.example", id="a route without end"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse(written)


@pytest.mark.parametrize(
    ("written", "base", "tag"),
    [
        pytest.param("bo+lists@shop.example", "bo@shop.example", "lists", id="one tag"),
        pytest.param("BO+Tag+two@shop.example", "bo@shop.example", "Tag+two", id="as written"),
        pytest.param("bo+@shop.example", "bo@shop.example", "", id="an empty tag"),
        pytest.param('"bo+x y"@shop.example', "bo@shop.example", "x y", id="in quotes"),
        pytest.param("bo@shop.example", None, "", id="no tag"),
        pytest.param("+bo@shop.example", None, "bo", id="nothing before it"),
    ],
)
def test_a_tag_stands_behind_the_first_plus(written: str, base: str | None, tag: str) -> None:
    address = parse(written)
    without = address.without_tag
    assert (without.key if without else None, address.tag) == (base, tag)


@pytest.mark.parametrize(
    ("written", "is_plain"),
    [
        ("bo.jensen-42@shop.example", True),
        ("zoë@shop.example", True),
        ('"b o"@shop.example', False),
        ("b\u00a0o@shop.example", False),
        ("b\u200bo@shop.example", False),
        ("b\u202eo@shop.example", False),
    ],
)
def test_what_people_could_not_see_or_type_is_not_plain(written: str, is_plain: bool) -> None:
    assert parse(written).is_plain == is_plain


def test_sharp_s_and_double_s_are_two_people() -> None:
    assert parse("strasse@shop.example").key != parse("straße@shop.example").key


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_comes_is_an_address_or_refused(local: str, domain: str) -> None:
    key = key_of(f"{local}@{domain}")
    assert key is None or "\n" not in key


@given(st.text(min_size=1, max_size=30))
def test_a_key_is_an_address_with_that_key(local: str) -> None:
    key = key_of(quoted(local) + "@shop.example")
    assert key is None or key_of(key) == key


@given(st.text(min_size=1, max_size=20))
def test_case_and_composition_never_make_a_difference(local: str) -> None:
    key = key_of(quoted(local) + "@shop.example")
    decomposed = unicodedata.normalize("NFD", local)
    assert key_of(quoted(decomposed) + "@shop.example") in (key, None)
    if local.isascii():
        assert key_of(quoted(local.swapcase()) + "@shop.example") == key


@given(st.from_regex(r"[a-zà-öø-ÿ]{1,20}", fullmatch=True))
def test_a_domain_in_unicode_equals_its_a_labels(label: str) -> None:
    in_ascii = domain_in_ascii(f"{label}.example")
    assert in_ascii.isascii()
    assert domain_in_ascii(in_ascii.upper()) == in_ascii


def test_hostile_domains_take_no_time() -> None:
    started = time.process_time()
    for text in ("ü" * 250, "ü." * 120, "\u0378" * 250, "a\u0300" * 120, "xn--" + "a" * 200):
        key_of(f"bo@{text}")
    assert time.process_time() - started < 0.5


def key_of(text: str) -> str | None:
    try:
        return parse(text).key
    except ValueError:
        return None


def quoted(local: str) -> str:
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
