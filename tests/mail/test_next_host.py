"""Hosts as operators write them."""

import pytest

from topologies.mail import next_host


@pytest.mark.parametrize(
    ("text", "host", "port", "kept"),
    [
        ("Relay.example", "relay.example", None, "relay.example"),
        ("relay.example:2525", "relay.example", 2525, "relay.example:2525"),
        (" 192.0.2.1:25 ", "192.0.2.1", 25, "192.0.2.1:25"),
        ("2001:db8::1", "2001:db8::1", None, "[2001:db8::1]"),
        ("[2001:db8::1]", "2001:db8::1", None, "[2001:db8::1]"),
        ("[2001:DB8::1]:587", "2001:db8::1", 587, "[2001:db8::1]:587"),
        ("localhost", "localhost", None, "localhost"),
    ],
)
def test_a_host_is_read_and_kept(text: str, host: str, port: int | None, kept: str) -> None:
    assert next_host.parse(text) == (host, port)
    assert next_host.written(text) == kept
    assert next_host.parse(kept) == (host, port)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no host"),
        (":25", "no host"),
        ("relay.example:", "no host"),
        ("relay.example:0", "no port"),
        ("relay.example:65536", "no port"),
        ("relay.example:smtp", "no port"),
        ("relay example", "no host"),
        ("-relay.example", "no host"),
        ("relay..example", "no host"),
        ("[relay.example]:25", "no host"),
        ("[2001:db8::1", "no host"),
        ("[2001:db8::1]25", "no host"),
        ("2001:db8::zz", "no host"),
        ("a" * 64 + ".example", "no host"),
        ("x." * 200 + "example", "no host"),
        ("relay.example\r\nQUIT", "no host"),
    ],
)
def test_what_is_no_host_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"{why}.*write"):
        next_host.parse(text)
