"""DKIM: whether a message's signatures hold (RFC 6376, RFC 8463, RFC 8301)."""

import base64
import contextlib
import hashlib
import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from connectors.memory.dns import MemoryDns
from tests.mail.signing import (
    FORMS,
    KINDS,
    NAME,
    Form,
    Kind,
    as_subject_public_key,
    integer,
    key_of,
    sequence,
    signed,
)
from topologies.events import DkimVerdict
from topologies.mail import dkim_canonical, dkim_key
from topologies.mail.dkim import LONGEST_HEADER_BYTES, MOST_SIGNATURES, verify

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = (
    b"From: Bo <bo@shop.example>\r\n"
    b"To: ann@elsewhere.example\r\n"
    b"Subject: Your\r\n  order\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    b"X-Other: not signed\r\n"
    b"\r\n"
    b"Good morning,  \r\n\r\nit is  on its way.\r\n\r\n\r\n"
)
ED25519 = "k=ed25519; p=" + "A" * 43 + "="
FORM_PAIRS = list(itertools.product(FORMS, FORMS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forms", FORM_PAIRS)
async def test_a_signature_holds(kind: Kind, forms: tuple[Form, Form]) -> None:
    assert await judged(signed(RAW, kind, forms=forms), kind) == DkimVerdict(
        result="pass",
        domain="shop.example",
        selector="test",
        reason="an RSA key of 1024 bits is short" if kind == "rsa" else "",
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"on its way", b"on its WAY", "the body was changed"),
        (b"way.\r\n", b"way.\r\nBuy now.\r\n", "the body was changed"),
        (b"Bo <bo@", b"Bo <eve@", "the header was changed, or the key is another one"),
        (b"order", b"invoice", "the header was changed, or the key is another one"),
    ],
)
async def test_a_message_that_was_changed_fails(
    kind: Kind, old: bytes, new: bytes, reason: str
) -> None:
    message = signed(RAW, kind)
    assert old in message
    verdict = await judged(message.replace(old, new), kind)
    assert (verdict.result, verdict.reason) == ("fail", reason)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"X-Other: not signed", b"X-Other: something else"),
        (b"Subject: Your\r\n  order", b"SUBJECT:Your order"),
        (b"it is  on", b"it is on"),
        (b"way.\r\n\r\n\r\n", b"way.\r\n"),
        (b"To: ", b"Received: by relay.example\r\nTo: "),
    ],
)
async def test_what_a_relay_may_change_does_not_hurt_a_relaxed_signature(
    old: bytes, new: bytes
) -> None:
    message = signed(RAW)
    assert old in message
    assert (await judged(message.replace(old, new))).result == "pass"


async def test_a_key_of_somebody_else_does_not_prove_it() -> None:
    other = key_of("rsa", 1_280).record
    assert (await judged(signed(RAW), record=other)).result == "fail"


async def test_a_second_from_that_was_put_above_is_not_what_was_signed() -> None:
    # It still holds: that two From fields are one too many is seen by who judges From.
    message = b"From: Eve <eve@evil.example>\r\n" + signed(RAW)
    assert (await judged(message)).result == "pass"
    below = signed(RAW).replace(b"X-Other:", b"From: Eve <eve@evil.example>\r\nX-Other:")
    assert (await judged(below)).result == "fail"


@pytest.mark.parametrize(
    ("record", "result", "reason"),
    [
        (None, "permerror", "there is no such key"),
        ("v=DKIM1; p=", "permerror", "the key was revoked"),
        ("v=DKIM1", "permerror", "the key record holds no key"),
        ("v=DKIM2; p=AAAA", "permerror", "the key record is of an unknown version"),
        ("p=AAAA; v=DKIM1", "permerror", "the key record is of an unknown version"),
        ("k=dsa; p=AAAA", "permerror", "the key is of an unknown kind"),
        ("p=!!!", "permerror", "the key is no base64"),
        ("p=AAAA", "permerror", "the key is no RSA key"),
        ("p=MA==", "permerror", "the key is no RSA key"),
        ("h=sha1; p=AAAA", "permerror", "the key is not for sha256"),
        ("s=tlsrpt; p=AAAA", "permerror", "the key is not for email"),
        ("p=AAAA; p=AAAA", "permerror", "the key record: 'p=AAAA' is no tag, or is there twice"),
        (ED25519, "permerror", "the key is of another kind than the signature"),
        ("p=" + "A" * 5_000, "permerror", "the key record is too long"),
    ],
)
async def test_a_key_that_can_not_be_used_says_why(
    record: str | None, result: str, reason: str
) -> None:
    verdict = await judged(signed(RAW), record=record)
    assert (verdict.result, verdict.reason) == (result, reason)


async def test_a_short_key_proves_nothing() -> None:
    verdict = await judged(signed(RAW), record=key_of("rsa", 768).record)
    assert (verdict.result, verdict.reason) == ("policy", "an RSA key of 768 bits is too weak")


async def test_a_key_that_is_long_enough_needs_no_note() -> None:
    message = signed(RAW, bits=2_048)
    assert (await judged(message, record=key_of("rsa", 2_048).record)).reason == ""


async def test_a_huge_key_is_not_computed_with() -> None:
    public = sequence(integer(1 << 9_000 | 1), integer(65_537))
    record = "p=" + base64.b64encode(as_subject_public_key(public)).decode()
    assert (await judged(signed(RAW), record=record)).result == "policy"


@pytest.mark.parametrize("exponent", [0, 1, 2, 4])
def test_an_exponent_that_proves_everything_is_no_key(exponent: int) -> None:
    modulus = int.from_bytes(b"\xff" * 128, "big")
    record = base64.b64encode(sequence(integer(modulus), integer(exponent))).decode()
    with pytest.raises(dkim_key.KeyUnusable):
        dkim_key.parse(f"p={record}")


async def test_a_bare_rsa_key_is_as_good_as_a_wrapped_one() -> None:
    wrapped = base64.b64decode(key_of("rsa").record.partition("p=")[2])
    bare = base64.b64encode(wrapped[22:]).decode()
    assert (await judged(signed(RAW), record=f"p={bare}")).result == "pass"


async def test_a_key_that_can_not_be_asked_for_is_a_temporary_error() -> None:
    [verdict] = await verify(MemoryDns({}, failing=[NAME]), signed(RAW), now=AT)
    assert verdict.result == "temperror"


async def test_a_key_that_is_not_for_subdomains_does_not_speak_for_one() -> None:
    record = key_of("rsa").record + "; t=s"
    assert (await judged(signed(RAW), record=record)).result == "pass"
    named = signed(RAW).replace(b" i=@shop.example;", b" i=bo@eu.shop.example;")
    verdict = await judged(named, record=record)
    assert (verdict.result, verdict.reason) == ("permerror", "the key is not for subdomains")


@pytest.mark.parametrize(
    ("old", "new", "result", "reason"),
    [
        (b" v=1;", b"", "neutral", "v= is missing"),
        (b" v=1;", b" v=2;", "neutral", "it is of an unknown version"),
        (b"rsa-sha256", b"rsa-sha1", "policy", "rsa-sha1 proves nothing any more"),
        (b"rsa-sha256", b"rsa-md5", "neutral", "it is of an unknown algorithm"),
        (b"relaxed/relaxed", b"nofws", "neutral", "it is of an unknown canonicalisation"),
        (b" d=shop.example;", b" d=example;", "neutral", "d= or s= is no name"),
        (b" d=shop.example;", b" d=shop..example;", "fail", ""),
        (b" s=test;", b" s=te/st;", "neutral", "d= or s= is no name"),
        (b" i=@shop.example;", b" i=@evil.example;", "neutral", "i= does not lie in d="),
        (b" q=dns/txt;", b" q=http;", "neutral", "the key is not in the DNS"),
        (b" s=test;", b" s=test; l=ten;", "neutral", "l= is no number"),
        (b" t=", b" x=4; t=", "neutral", "it expired before it was made"),
        (b" s=test;", b" s=test; s=test;", "neutral", "'s=test' is no tag, or is there twice"),
        (b" h=from :", b" h=to :", "permerror", "From is not signed"),
        (b" h=from :", b" h=from :" + b"x:" * 500, "neutral", "it signs too many fields"),
    ],
)
async def test_a_signature_that_makes_no_sense_says_why(
    old: bytes, new: bytes, result: str, reason: str
) -> None:
    message = signed(RAW)
    assert message.count(old) == 1, message
    verdict = await judged(message.replace(old, new))
    if reason:
        assert (verdict.result, verdict.reason) == (result, reason)
    else:
        assert verdict.result != "pass"


async def test_text_beyond_what_was_signed_is_not_the_signers() -> None:
    message = signed(RAW, length=True)
    assert b" l=" in message
    assert (await judged(message)).result == "pass"
    verdict = await judged(message + b"Buy now.\r\n")
    assert verdict.result == "policy"
    [accepted] = await verify(
        dns_with(key_of("rsa").record), message + b"Buy now.\r\n", now=AT, accepts_partial=True
    )
    assert (accepted.result, accepted.reason) == (
        "pass",
        "only the first 36 bytes of the body are signed",
    )
    cut = await judged(message[:-40])
    assert (cut.result, cut.reason) == ("fail", "the body is shorter than what was signed")


@pytest.mark.parametrize("other", [b"", b"DKIM-Signature: v=1; d=partner.example\r\n"])
async def test_a_signature_may_sign_others_but_never_itself(other: bytes) -> None:
    # RFC 6376 §3.5, h=
    message = by_hand(expires=int(AT.timestamp()) + 1, other=other)
    first, *_ = await verify(dns_with(key_of("ed25519").record), message, now=AT)
    assert first.result == "pass"
    changed = message.replace(b"d=partner.example", b"d=enemy.example")
    first, *_ = await verify(dns_with(key_of("ed25519").record), changed, now=AT)
    assert first.result == ("fail" if other else "pass")


async def test_a_signature_expires() -> None:
    # Expiry is looked at last: only a good signature can be said to have expired.
    message = by_hand(expires=int(AT.timestamp()) - 1)
    assert (await judged(message, "ed25519")).reason == "the signature has expired"
    message = by_hand(expires=int(AT.timestamp()) + 1)
    assert (await judged(message, "ed25519")).result == "pass"


async def test_each_signature_has_its_verdict_in_order() -> None:
    message = signed(signed(RAW), domain="partner.example")
    verdicts = await verify(dns_with(key_of("rsa").record), message, now=AT)
    assert [(v.domain, v.result) for v in verdicts] == [
        ("partner.example", "permerror"),
        ("shop.example", "pass"),
    ]


async def test_only_the_first_signatures_are_looked_at() -> None:
    field = signed(RAW)[: -len(RAW)]
    dns = dns_with(key_of("rsa").record)
    verdicts = await verify(dns, field * 1_000 + RAW, now=AT)
    assert len(verdicts) == MOST_SIGNATURES
    assert dns.asked == [(NAME, "TXT")]


async def test_a_message_without_signatures_asks_nobody() -> None:
    dns = MemoryDns({})
    assert (await verify(dns, RAW, now=AT), dns.asked) == ((), [])


async def test_a_huge_header_is_not_worked_through() -> None:
    raw = b"DKIM-Signature: v=1\r\n" + b"X: y\r\n" * (LONGEST_HEADER_BYTES // 6) + RAW
    [verdict] = await verify(MemoryDns({}), raw, now=AT)
    assert (verdict.result, verdict.reason) == ("policy", "the header is too large")


async def test_a_large_message_is_verified_as_a_small_one() -> None:
    raw = RAW + b"line \t after line\r\n" * 20_000
    assert (await judged(signed(raw))).result == "pass"


@settings(max_examples=40, deadline=None)
@given(
    forms=st.sampled_from(FORM_PAIRS),
    body=st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b".", b"\xe9"]), max_size=30),
    subject=st.lists(st.sampled_from([b"a", b"  ", b"\t", b"\r\n ", b"\r\n\t"]), max_size=12),
)
async def test_both_implementations_agree_on_every_form(
    forms: tuple[Form, Form], body: list[bytes], subject: list[bytes]
) -> None:
    head, _, _ = RAW.partition(b"\r\n\r\n")
    head = head.replace(b"Your\r\n  order", b"re" + b"".join(subject) + b"x")
    raw = head + b"\r\n\r\n" + b"".join(body)
    if raw.endswith(b"\n") or not body:  # a last line without its end is mended by some
        assert (await judged(signed(raw, "ed25519", forms=forms), "ed25519")).result == "pass"


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\n", b"\r\n"]), max_size=20))
def test_canonical_bodies_follow_the_rule_by_lines(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    lines = raw.split(b"\r\n")
    assert dkim_canonical.body(raw, "simple") == _ended(lines) or b"\r\n" * bool(not any(lines))
    relaxed = [re.sub(rb"[ \t]+", b" ", line).removesuffix(b" ") for line in lines]
    assert dkim_canonical.body(raw, "relaxed") == _ended(relaxed)


@given(st.binary(max_size=300))
async def test_no_message_makes_it_raise(junk: bytes) -> None:
    await verify(MemoryDns({}), b"DKIM-Signature: " + junk, now=AT)
    await verify(MemoryDns({}), junk, now=AT)


@given(st.one_of(st.binary(max_size=200), st.just(key_of("rsa").record.encode())), st.data())
def test_no_key_record_makes_it_raise(material: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(material)))
    text = base64.b64encode(material[:cut] + b"\x00" + material[cut:]).decode()
    for record in (f"p={text}", f"k=ed25519; p={text}", material.decode("latin-1")):
        with contextlib.suppress(dkim_key.KeyUnusable):
            dkim_key.parse(record)


@pytest.mark.corpus
async def test_of_old_signatures_only_those_pass_that_still_prove_something(vectors: Path) -> None:
    place = vectors / "dkim/fastmail__mail-dkim/t"
    keys: dict[str, str] = {}
    for line in (place / "FAKE_DNS.dat").read_text().splitlines():
        name, gap, record = line.partition("  ")
        if gap and not line.startswith("#"):
            keys[name] = record
    messages = sorted((place / "corpus").iterdir())
    passed = [p.name for p in messages if "pass" in await results(p.read_bytes(), keys)]
    # The others are signed by rsa-sha1 or by drafts of the standard.
    assert (len(messages), passed) == (40, ["goodkey_ed25519.txt"])


@pytest.mark.corpus
async def test_signatures_of_real_senders_hold(vectors: Path) -> None:
    passed: dict[str, list[str]] = {}
    for path in sorted((vectors / "mail-auth/stalwartlabs__mail-auth/resources/dkim").iterdir()):
        zone, _, raw = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
        keys = dict(line.split(" ", 1) for line in zone.decode().splitlines() if " " in line)
        passed[path.name] = await results(raw, keys)
    assert {name: found.count("pass") for name, found in passed.items()} == {
        "001.txt": 2,
        "002.txt": 1,
        "003.txt": 2,
        "004.txt": 1,
        "005.txt": 1,
        "006.txt": 1,
    }


# --- builders -----------------------------------------------------------------------


def dns_with(record: str | None) -> MemoryDns:
    return MemoryDns({} if record is None else {NAME: {"TXT": [record]}})


async def judged(raw: bytes, kind: Kind = "rsa", *, record: str | None = "") -> DkimVerdict:
    record = key_of(kind).record if record == "" else record
    [verdict] = await verify(dns_with(record), raw, now=AT)
    return verdict


async def results(raw: bytes, keys: Mapping[str, str]) -> list[str]:
    dns = MemoryDns({name: {"TXT": [record]} for name, record in keys.items()})
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return [v.result for v in await verify(dns, raw, now=datetime(2010, 1, 1, tzinfo=UTC))]


def by_hand(*, expires: int, other: bytes = b"") -> bytes:
    """Return a message signed by what the RFC says, since dkimpy writes no x=.

    Args:
        expires: x=
        other: A signature that was there before, and is signed, too.
    """
    body = base64.b64encode(hashlib.sha256(b"hello\r\n").digest())
    own = (
        b"DKIM-Signature: v=1; a=ed25519-sha256; d=shop.example; s=test; c=simple/simple;"
        b" h=from:dkim-signature:dkim-signature; x=%d; bh=%s; b=" % (expires, body)
    )
    digest = hashlib.sha256(b"From: bo@shop.example\r\n" + other + own).digest()
    value = SigningKey(base64.b64decode(key_of("ed25519").private)).sign(digest).signature
    rest = b"From: bo@shop.example\r\n\r\nhello\r\n"
    return own + base64.b64encode(value) + b"\r\n" + other + rest


def _ended(lines: list[bytes]) -> bytes:
    while lines and not lines[-1]:
        lines = lines[:-1]
    return b"".join(line + b"\r\n" for line in lines)
