"""ARC: whether a message came through hands that vouch for it, and our own seal (RFC 8617)."""

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.dns import MemoryDns
from tests.mail.arc_suite import dns_of, read_seals, read_suite
from tests.mail.signing import Kind, key_of
from topologies.events import ArcVerdict
from topologies.mail import arc, arc_seal, authres_reader, dkim_canonical, dkim_private
from topologies.mail.arc_chain import MOST_SETS
from topologies.mail.dkim import LONGEST_HEADER_BYTES
from topologies.mail.dkim_private import PrivateKey

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = (
    b"From: Bo <bo@shop.example>\r\nTo: list@lists.example\r\nSubject: Your\r\n  order\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\n\r\nGood morning,  \r\n\r\nit is  on its way.\r\n"
)
SAID = ["dmarc=pass", "header.from=shop.example"]
LISTS, SCHOOL, CLUB = "lists.example", "school.example", "club.example"
KINDS: tuple[Kind, ...] = ("rsa", "ed25519")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hosts", [[LISTS], [LISTS, SCHOOL], [LISTS, SCHOOL, CLUB, LISTS]])
async def test_a_chain_of_seals_passes(kind: Kind, hosts: list[str]) -> None:
    message = await sealed(RAW, *hosts, kind=kind)
    assert await judged(message) == ArcVerdict(
        result="pass", instances=len(hosts), sealers=tuple(hosts)
    )


async def test_a_message_without_a_chain_asks_nobody() -> None:
    dns = MemoryDns({})
    assert (await arc.verify(dns, RAW, now=AT), dns.asked) == (ArcVerdict(result="none"), [])


async def test_a_message_that_was_changed_on_the_way_fails() -> None:
    message = await sealed(RAW, LISTS, SCHOOL)
    verdict = await judged(message.replace(b"on its way", b"on its WAY"))
    assert (verdict.result, verdict.reason) == ("fail", "the body was changed")
    verdict = await judged(message.replace(b"Bo <bo@", b"Bo <eve@"))
    assert verdict.reason == "the header was changed, or the key is another one"


async def test_who_changes_a_message_and_seals_it_is_told_by_the_oldest_that_passes() -> None:
    # RFC 8617 §5.2, step 5
    first = await sealed(RAW, LISTS, SCHOOL)
    tagged = first.replace(b"Subject: Your", b"Subject: [club] Your")
    message = add(tagged, CLUB, ArcVerdict(result="pass", instances=2))
    assert await judged(message) == ArcVerdict(
        result="pass", instances=3, oldest_pass=3, sealers=(LISTS, SCHOOL, CLUB)
    )
    again = await sealed(message, SCHOOL)
    assert (await judged(again)).oldest_pass == 3


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        (b"dmarc=pass", b"dmarc=fail", 2),
        (b"header.from=shop.example", b"header.from=evil.example", 2),
        (b"cv=none", b"cv=pass", 1),
        (b"cv=pass", b"cv=none", 1),
        (b" t=1772366400", b" t=1772366401", 4),
        (b"c=relaxed/relaxed", b"c=simple/simple", 2),
    ],
)
async def test_what_was_said_on_the_way_can_not_be_changed(
    old: bytes, new: bytes, count: int
) -> None:
    message = await sealed(RAW, LISTS, SCHOOL)
    parts = message.split(old)
    assert len(parts) == count + 1
    for at in range(1, count + 1):
        changed = old.join(parts[:at]) + new + old.join(parts[at:])
        assert (await judged(changed)).result == "fail"


async def test_a_set_that_is_taken_away_breaks_the_chain() -> None:
    newest, oldest = sets_of(await sealed(RAW, LISTS, SCHOOL))
    assert (await judged(newest + RAW)).reason == "arc-authentication-results: one of 2 is missing"
    assert (await judged(oldest + RAW)).result == "pass"  # as it was before the second
    assert (await judged(newest + newest + oldest + RAW)).result == "fail"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b" i=1;", b"", "arc-seal: i= is missing"),
        (b" i=1;", b" i=0;", "arc-seal: i=0 is out of range"),
        (b" i=1;", b" i=51;", "arc-seal: i=51 is out of range"),
        (b" i=1;", b" i=x;", "arc-seal: i= is no number"),
        (b" i=1;", b" i=1; i=1;", "arc-seal: 'i=1' is no tag, or is there twice"),
        (b" i=1;", b" i=1;;", "arc-seal: '' is no tag, or is there twice"),
        (b" cv=none;", b"", "seal 1: cv= is missing"),
        (b" cv=none;", b" cv=maybe;", "seal 1: cv= is no state"),
        (b" cv=none;", b" cv=none; h=from;", "seal 1: h= does not belong there"),
        (b" cv=none;", b" cv=pass;", "seal 1: cv=pass can not be"),
        (b" cv=none;", b" cv=fail;", "it was broken before it came to lists.example"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "seal 1: rsa-sha1 proves nothing any more"),
        (b" d=lists.example;", b" d=***;", "seal 1: d= or s= is no name"),
    ],
)
async def test_a_seal_that_makes_no_sense_says_why(old: bytes, new: bytes, reason: str) -> None:
    message = await sealed(RAW, LISTS)
    assert old in message
    verdict = await judged(message.replace(old, new, 1))
    assert (verdict.result, verdict.reason) == ("fail", reason)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"h=from:", b"h=arc-seal:from:", "it signs a seal"),
        (b" bh=", b" no=", "bh= is missing"),
        (b" c=relaxed/relaxed;", b" c=nofws;", "it is of an unknown canonicalisation"),
        (b" c=relaxed/relaxed;", b" c=relaxed/relaxed; l=3;", "not all of the body is signed"),
        (b" c=relaxed/relaxed;", b" c=relaxed/relaxed; x=1;", "it expired before it was made"),
    ],
)
async def test_a_signature_over_the_message_that_makes_no_sense_says_why(
    old: bytes, new: bytes, reason: str
) -> None:
    message = await sealed(RAW, LISTS)
    assert message.count(old) == 1
    verdict = await judged(message.replace(old, new))
    assert (verdict.result, verdict.reason) == ("fail", reason)


async def test_a_key_that_can_not_be_asked_for_is_a_temporary_error() -> None:
    message = await sealed(RAW, LISTS, SCHOOL)
    for domain in (LISTS, SCHOOL):
        failing = MemoryDns(zones(), failing=[f"test._domainkey.{domain}"])
        verdict = await arc.verify(failing, message, now=AT)
        assert (verdict.result, verdict.sealers) == ("temperror", (LISTS, SCHOOL))


async def test_a_seal_that_does_not_hold_is_no_matter_of_time() -> None:
    message = (await sealed(RAW, LISTS, SCHOOL)).replace(b"cv=none", b"cv=none; x=y")
    failing = MemoryDns(zones(), failing=[f"test._domainkey.{SCHOOL}"])
    assert (await arc.verify(failing, message, now=AT)).result == "temperror"
    zone = {**zones(), f"test._domainkey.{LISTS}": {"TXT": ["p="]}}
    verdict = await arc.verify(MemoryDns(zone), await sealed(RAW, LISTS, SCHOOL), now=AT)
    assert (verdict.result, verdict.reason) == ("fail", "the key was revoked")


async def test_a_message_that_nobody_signed_makes_us_ask_for_one_key_only() -> None:
    # Whoever made it up would need the key of a domain to have us ask for a hundred.
    message = RAW
    for n in range(MOST_SETS):
        chain = ArcVerdict(result="pass" if n else "none", instances=n)
        message = add(message, f"host{n}.example", chain, kind="ed25519")
    dns = MemoryDns({})
    verdict = await arc.verify(dns, message, now=AT)
    assert (verdict.result, verdict.instances, len(dns.asked)) == ("fail", MOST_SETS, 1)
    full = await sealed(RAW, *[f"host{n}.example" for n in range(MOST_SETS)], kind="ed25519")
    assert (await judged(full)).result == "pass"
    assert add(full, LISTS, ArcVerdict(result="pass", instances=MOST_SETS)) == full


async def test_a_huge_header_is_not_worked_through() -> None:
    raw = b"ARC-Seal: i=1\r\n" + b"X: y\r\n" * (LONGEST_HEADER_BYTES // 6) + RAW
    assert (await judged(raw)).reason == "the header is too large"


async def test_a_large_message_is_verified_as_a_small_one() -> None:
    message = await sealed(RAW + b"line \t after line\r\n" * 20_000, LISTS, SCHOOL)
    assert (await judged(message)).result == "pass"


async def test_a_chain_that_is_broken_gets_one_last_seal_that_says_so() -> None:
    # RFC 8617 §5.1.2
    broken = (await sealed(RAW, LISTS)).replace(b"on its way", b"on its WAY")
    message = await sealed(broken, SCHOOL)
    assert b" cv=fail;" in message
    verdict = await judged(message)
    assert verdict.reason == "it was broken before it came to school.example"
    assert await sealed(message, CLUB) == message


async def test_a_chain_that_could_not_be_verified_is_not_sealed() -> None:
    assert add(RAW, LISTS, ArcVerdict(result="temperror", instances=1)) == RAW


async def test_another_implementation_verifies_our_seals() -> None:
    message = await sealed(RAW, LISTS, SCHOOL)
    state, _, reason = dkimpy.arc_verify(message, dnsfunc=txt)
    assert (state, reason) == (b"pass", "success")
    changed = message.replace(b"on its way", b"on its WAY")
    assert dkimpy.arc_verify(changed, dnsfunc=txt)[0] == b"fail"


@given(st.binary(max_size=300))
async def test_no_message_makes_it_raise(junk: bytes) -> None:
    for name in (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"):
        await judged(name + b": i=1; " + junk + b"\r\n" + RAW)
    await judged(b"ARC-" + junk)


@given(st.data())
async def test_a_chain_holds_only_as_it_was(data: st.DataObject) -> None:
    message = MESSAGE
    at = data.draw(st.integers(0, message.index(b"From: ") - 1))
    byte = data.draw(st.sampled_from(b"0=;:-"))
    changed = message[:at] + bytes([byte]) + message[at + 1 :]
    is_spare = message[at + 1 : at + 3] == b"=="  # some bits before it mean nothing in base64
    if changed != message and not is_spare:
        assert (await judged(changed)).result != "pass", changed


@pytest.mark.corpus
async def test_the_public_suite_of_chains(vectors: Path) -> None:
    place = vectors / "arc/ValiMail__arc_test_suite/tests/arc-draft-validation-tests.yml"
    tests = list(read_suite(place))
    wrong: list[str] = []
    for test in tests:
        verdict = await arc.verify(dns_of(test.keys), test.raw, now=AT)
        if verdict.result not in test.results:
            wrong.append(f"{test.name}: {verdict}")
    assert (len(tests), wrong) == (171, [])


@pytest.mark.corpus
def test_the_public_suite_of_seals(vectors: Path) -> None:
    place = vectors / "arc/ValiMail__arc_test_suite/tests/arc-draft-sign-tests.yml"
    tests = list(read_seals(place))
    wrong: list[str] = []
    for test in tests:
        said = said_by(test.raw, test.authserv_id)
        state = re.search(r"arc=(none|pass|fail)", " ".join(said))
        instances = re.findall(rb"ARC-Authentication-Results: i=(\d+)", test.raw)
        written = arc_seal.seal(
            test.raw,
            domain=test.domain,
            selector=test.selector,
            key=dkim_private.parse(test.private_key),
            said=said,
            chain=ArcVerdict(
                result=state[1] if state else "none",  # type: ignore[arg-type]
                instances=max(map(int, instances), default=0),
            ),
            now=datetime.fromtimestamp(test.at_s, UTC),
            names=test.names,
        )
        values = [field.partition(b":")[2] for _, field in fields_of(written)] or [b""] * 3
        if tuple(without_space(value).decode() for value in values) != test.fields:
            wrong.append(test.name)
    assert (len(tests), wrong) == (17, [])


@pytest.mark.corpus
async def test_chains_of_real_hosts_hold(vectors: Path) -> None:
    found: dict[str, str] = {}
    for path in sorted((vectors / "mail-auth/stalwartlabs__mail-auth/resources/arc").iterdir()):
        zone, _, raw = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
        keys = dict(line.split(" ", 1) for line in zone.decode().splitlines() if " " in line)
        message = raw.replace(b"\n", b"\r\n")
        found[path.name] = (await arc.verify(dns_of(keys), message, now=AT)).result
    assert found == {"001.txt": "pass", "002.txt": "pass"}


# --- builders -----------------------------------------------------------------------


def private(kind: Kind = "rsa") -> PrivateKey:
    if kind == "rsa":
        return dkim_private.parse(key_of("rsa").private.decode())
    seed = base64.b64decode(key_of("ed25519").private)
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    body = base64.b64encode(der).decode()
    return dkim_private.parse(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----")


def zones(kind: Kind = "rsa") -> dict[str, dict[str, list[object]]]:
    hosts = [LISTS, SCHOOL, CLUB, *(f"host{n}.example" for n in range(MOST_SETS))]
    return {f"test._domainkey.{host}": {"TXT": [key_of(kind).record]} for host in hosts}


def txt(name: bytes, timeout: float = 5) -> bytes:
    del name, timeout
    return key_of("rsa").record.encode()


async def judged(raw: bytes) -> ArcVerdict:
    kind: Kind = "ed25519" if b"a=ed25519" in raw else "rsa"
    return await arc.verify(MemoryDns(zones(kind)), raw, now=AT)


def add(raw: bytes, host: str, chain: ArcVerdict, kind: Kind = "rsa") -> bytes:
    """Return *raw* as it leaves *host*, which found *chain* when it came."""
    return (
        arc_seal.seal(
            raw,
            domain=host,
            selector="test",
            key=private(kind),
            said=[f"{host};", *SAID],
            chain=chain,
            now=AT,
        )
        + raw
    )


async def sealed(raw: bytes, *hosts: str, kind: Kind = "rsa") -> bytes:
    """Return *raw* as it comes from the last of *hosts*, each of which verified and sealed it."""
    for host in hosts:
        chain = await arc.verify(MemoryDns(zones(kind)), raw, now=AT)
        raw = add(raw, host, chain, kind)
    return raw


def sets_of(message: bytes) -> Sequence[bytes]:
    """Return the sets in front of *message*, the newest first."""
    header = message[: message.index(b"From: ")]
    return [b"ARC-Seal:" + part for part in header.split(b"ARC-Seal:")[1:]]


def fields_of(header: bytes) -> list[tuple[str, bytes]]:
    return dkim_canonical.fields(header.removesuffix(b"\r\n")) if header else []


def said_by(raw: bytes, host: str) -> list[str]:
    """Return what the fields of *host* say, joined as the suite wants it."""
    said: list[str] = []
    for name, field in fields_of(dkim_canonical.split(raw)[0]):
        value = field.partition(b":")[2].decode()
        if name == "authentication-results" and authres_reader.is_named(value, host):
            said += [" ".join(part.split()) for part in value.split(";")[1:] if part.strip()]
    return "; ".join([host, *said]).split(" ")


def without_space(text: bytes) -> bytes:
    return b"".join(text.split())


MESSAGE = add(
    add(RAW, LISTS, ArcVerdict(result="none"), "ed25519"),
    SCHOOL,
    ArcVerdict(result="pass", instances=1),
    "ed25519",
)
