"""Signs in links: where they lead, and whether they say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.links import MOST_HOSTS, MOST_LINKS, in_text, signs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://a.example/x now", ["http://a.example/x"]),
        ("see (https://a.example/x) now", ["https://a.example/x"]),
        ("see <https://a.example/x>", ["https://a.example/x"]),
        ("see www.a.example now", ["www.a.example"]),
        ("nothing here", []),
    ],
)
def test_links_in_a_text_are_found(text: str, expected: list[str]) -> None:
    assert in_text(text) == expected


def test_a_text_full_of_links_shows_some() -> None:
    assert len(in_text("http://a.example/x " * 10_000)) == MOST_LINKS


@pytest.mark.parametrize(
    ("target", "shown", "expected"),
    [
        ("http://192.0.2.7/", "", "x:link-to-ip"),
        ("http://3221225985/", "", "x:link-to-ip"),
        ("http://0xc0000207/", "", "x:link-to-ip"),
        ("http://[2001:db8::1]/", "", "x:link-to-ip"),
        ("http://xn--pypal-4ve.example/", "", "x:link-in-other-script"),
        ("http://pаypal.example/", "", "x:link-in-other-script"),
        ("http://bank.example@evil.example/", "", "x:link-with-user"),
        ("http://a.example:8080/", "", "x:link-with-port"),
        ("http://a.b.c.d.e.f.example/", "", "x:link-to-deep-host"),
        ("http://a.example/" + "x" * 120, "", "x:link-long"),
        ("http://a.example/?u=bo@shop.example", "", "x:link-names-address"),
        ("http://evil.example/", "https://bank.example/login", "x:link-shows-another-place"),
        ("http://evil.example/", "bank.example", "x:link-shows-another-place"),
        ("javascript:alert(1)", "", "x:link-runs-code"),
        ("data:text/html,hello", "", "x:link-runs-code"),
        ("https://shop.example/", "", "x:links-to-sender"),
        ("https://evil.example/", "", "x:links-only-elsewhere"),
        ("https://evil.example/login/verify", "", "p:verify"),
        ("https://a.evil.example/", "", "u:evil.example"),
        ("https://a.evil.example/", "", "t:example"),
    ],
)
def test_a_link_has_its_signs(target: str, shown: str, expected: str) -> None:
    assert expected in signs([(target, shown)], "news.shop.example")


@pytest.mark.parametrize(
    "shown", ["Click here", "https://www.shop.example/", "shop.example", "Mr. Smith wrote"]
)
def test_a_link_that_says_where_it_leads_is_not_suspicious(shown: str) -> None:
    found = signs([("https://shop.example/orders", shown)], "shop.example")
    assert "x:link-shows-another-place" not in found


def test_links_that_lead_nowhere_are_none() -> None:
    assert signs(
        [("mailto:bo@shop.example", "write"), ("#top", "up"), ("", "")], "shop.example"
    ) == {"n:link-domains:0"}


def test_only_some_hosts_are_told_apart() -> None:
    links = [(f"http://h{n}.d{n}.example/", "") for n in range(1_000)]
    assert len([f for f in signs(links, "") if f.startswith("u:")]) <= MOST_HOSTS


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60))), st.text(max_size=30))
def test_no_link_makes_it_raise(links: list[tuple[str, str]], domain: str) -> None:
    signs(links, domain)
    signs([("http://" + target, shown) for target, shown in links], domain)
