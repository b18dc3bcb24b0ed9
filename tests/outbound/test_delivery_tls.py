"""TLS on the way out: used where it is offered, asked for where it is promised."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from connectors.memory.clock import ManualClock, SystemClock
from connectors.memory.dns import MemoryDns
from connectors.smtp_out.policies import HttpsFetch, Policies
from connectors.smtp_out.routes import Routes, Rules
from connectors.smtp_out.session import Patience
from connectors.smtp_out.sessions import Distrusted, Sessions, Terms
from connectors.smtp_out.trust import Contexts
from tests.outbound.certificates import Certificate, issued, made
from tests.outbound.house import FAR, ZONES, delivered, due, relaying
from tests.outbound.peer import Peer, listening
from topologies.errors import Retryable
from topologies.mail.dane import public_key_of
from topologies.ports.dns import Tlsa

HOST = f"mx.{FAR}"
POLICY = f"version: STSv1\r\nmode: enforce\r\nmx: {HOST}\r\nmax_age: 86400\r\n"
STS_ZONES: Mapping[str, Mapping[str, Sequence[object]]] = {
    **ZONES,
    f"_mta-sts.{FAR}": {"TXT": ["v=STSv1; id=1"]},
    f"mta-sts.{FAR}": {"A": ["127.0.0.1"]},
}


async def test_tls_is_used_where_it_is_offered_whoever_vouches(theirs: Certificate) -> None:
    async with listening(Peer(tls=theirs.context())) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert result.status == "delivered"
        assert result.tls.startswith("TLSv1.3 TLS_")
        assert peer.lines.count("EHLO mail.shop.example") == 2  # what was said before counts not


async def test_a_handshake_that_fails_costs_no_attempt_and_is_not_tried_again_soon() -> None:
    async with listening(Peer(breaks_tls=True)) as peer, relaying(peer) as relay:
        for number in range(2):
            [result] = await delivered(relay, due(delivery_id=f"{number}"))
            assert (result.status, result.tls) == ("delivered", "")
        assert peer.lines.count("STARTTLS") == 1


async def test_who_has_no_tls_now_gets_the_mail_in_clear_text(theirs: Certificate) -> None:
    peer = Peer({"STARTTLS": "454 4.7.0 not now"}, tls=theirs.context())
    async with listening(peer), relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.tls, peer.connections) == ("delivered", "", 1)


async def test_nothing_goes_in_clear_text_where_tls_is_a_must() -> None:
    for peer in (Peer(), Peer(breaks_tls=True)):
        async with listening(peer), relaying(peer, delivery_tls="must") as relay:
            [result] = await delivered(relay, due())
            assert (result.status, result.enhanced, peer.taken) == ("deferred", "4.7.5", [])


async def test_what_was_said_before_tls_is_not_believed_within(theirs: Certificate) -> None:
    peer = Peer(tls=theirs.context(), injects=b"250 forged\r\n")
    async with listening(peer), relaying(peer, delivery_tls="must") as relay:
        [result] = await delivered(relay, due())
        assert (result.status, peer.taken) == ("deferred", [])


async def test_a_password_goes_within_tls(theirs: Certificate) -> None:
    peer = Peer({"AUTH": "235 2.7.0 welcome"}, tls=theirs.context())
    async with listening(peer):
        more = {"relay_host": f"127.0.0.1:{peer.port}", "relay_user": "us", "relay_password": "x"}
        async with relaying(1, **more) as relay:
            [result] = await delivered(relay, due())
            assert result.status == "delivered"
            assert "AUTH PLAIN AHVzAHg=" in peer.lines


@pytest.mark.parametrize("names", [[HOST], ["other.example"]])
async def test_a_host_that_its_domain_vouches_for_has_to_prove_its_name(
    names: list[str], tmp_path: Path
) -> None:
    certificate = made(tmp_path, *names)
    contexts = Contexts(certificate.pem)
    async with listening(Peer(tls=certificate.context())) as peer:
        places = await routes(peer.port, Fetched(POLICY)).to(FAR, seed="")
        sessions = Sessions(terms(), contexts, SystemClock())
        if names == [HOST]:
            session = await sessions.opened(places[0], None)
            assert session.tls
            session.abort()
        else:
            with pytest.raises(Distrusted, match="Hostname mismatch"):
                await sessions.opened(places[0], None)


async def test_a_host_that_the_policy_does_not_name_is_not_asked() -> None:
    policy = POLICY.replace(HOST, "*.other.example")
    async with relaying(1, zones=STS_ZONES) as relay:
        assert (await delivered(relay, due()))[0].enhanced == "4.4.1"  # without policies: asked
    with pytest.raises(Exception, match="can be trusted as it promises"):
        await routes(1, Fetched(policy)).to(FAR, seed="")


async def test_a_policy_is_kept_and_asked_for_anew_when_its_id_changes() -> None:
    clock, fetched = ManualClock(), Fetched(POLICY)
    zones = {name: dict(records) for name, records in STS_ZONES.items()}
    policies = Policies(MemoryDns(zones), clock, fetched)
    for _ in range(3):
        policy = await policies.of(FAR)
        assert policy is not None
        assert policy.mode == "enforce"
    assert fetched.hosts == [f"mta-sts.{FAR}"]
    zones[f"_mta-sts.{FAR}"]["TXT"] = ["v=STSv1; id=2"]
    fetched.error = OSError("away")
    assert (await policies.of(FAR)) == policy  # kept while the new one can't be had
    del zones[f"_mta-sts.{FAR}"]
    assert (await policies.of(FAR)) == policy  # and whatever the DNS says
    clock.move(timedelta(days=2))
    assert await policies.of(FAR) is None


async def test_a_policy_that_can_not_be_fetched_is_as_none_and_not_asked_for_at_once() -> None:
    fetched = Fetched("<html>")
    policies = Policies(MemoryDns(STS_ZONES), ManualClock(), fetched)
    assert await policies.of(FAR) is None
    assert await policies.of(FAR) is None


async def test_a_policy_that_could_not_be_renewed_is_not_asked_for_by_each_mail() -> None:
    clock, fetched = ManualClock(), Fetched(POLICY)
    zones = {name: dict(records) for name, records in STS_ZONES.items()}
    policies = Policies(MemoryDns(zones), clock, fetched)
    policy = await policies.of(FAR)
    zones[f"_mta-sts.{FAR}"]["TXT"] = ["v=STSv1; id=2"]
    fetched.error = OSError("away")
    for _ in range(3):
        assert await policies.of(FAR) == policy
    assert len(fetched.hosts) == 2
    clock.move(timedelta(minutes=6))
    fetched.error, fetched.text = None, POLICY.replace("enforce", "testing")
    found = await policies.of(FAR)
    assert found is not None
    assert found.mode == "testing"


async def test_a_policy_is_renewed_before_it_ends_so_that_nobody_can_wait_for_that() -> None:
    clock, fetched = ManualClock(), Fetched(POLICY)
    policies = Policies(MemoryDns(STS_ZONES), clock, fetched)
    policy = await policies.of(FAR)
    clock.move(timedelta(hours=13))
    assert await policies.of(FAR) == policy
    clock.move(timedelta(hours=12))
    fetched.error = OSError("away")
    assert await policies.of(FAR) == policy
    assert len(fetched.hosts) == 3


async def test_a_policy_host_is_asked_at_each_of_its_addresses(tmp_path: Path) -> None:
    certificate = made(tmp_path, f"mta-sts.{FAR}")
    context = Contexts(certificate.pem).verified
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{POLICY}"
    async with website(certificate, answer) as port:
        for records in (
            {"A": ["127.0.0.9", "127.0.0.1"]},  # at the first nobody listens
            {"A": ["127.0.0.9"], "AAAA": ["::ffff:127.0.0.1"]},
            {"AAAA": ["::ffff:127.0.0.1"]},
        ):
            dns = MemoryDns({f"mta-sts.{FAR}": records})
            fetch = HttpsFetch(dns, context, port=port, is_private_allowed=True)
            assert await fetch(f"mta-sts.{FAR}") == POLICY


async def test_why_a_policy_can_not_be_read_is_told_as_reports_name_it() -> None:
    for error, told in (
        (ssl.SSLCertVerificationError("Hostname mismatch"), "sts-webpki-invalid"),
        (ConnectionRefusedError("away"), "sts-policy-fetch-error"),
        (TimeoutError(), "sts-policy-fetch-error"),
    ):
        fetched = Fetched(POLICY)
        fetched.error = error
        policies = Policies(MemoryDns(STS_ZONES), ManualClock(), fetched)
        assert await policies.of(FAR) is None
        assert policies.trouble(FAR) == told


async def test_a_domain_that_takes_its_policy_back_has_no_trouble_with_it_any_more() -> None:
    clock = ManualClock()
    zones = {name: dict(records) for name, records in STS_ZONES.items()}
    policies = Policies(MemoryDns(zones), clock, Fetched("<html>"))
    assert await policies.of(FAR) is None
    assert policies.trouble(FAR) == "sts-policy-invalid"
    zones[f"_mta-sts.{FAR}"]["TXT"] = []
    clock.move(timedelta(minutes=6))
    assert await policies.of(FAR) is None
    assert policies.trouble(FAR) == ""


async def test_a_policy_file_comes_by_https(tmp_path: Path) -> None:
    certificate = made(tmp_path, f"mta-sts.{FAR}")
    context = Contexts(certificate.pem).verified
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{POLICY}"
    async with website(certificate, answer) as port:
        dns = MemoryDns({**STS_ZONES, "mta-sts.other.example": {"A": ["127.0.0.1"]}})
        fetch = HttpsFetch(dns, context, port=port, is_private_allowed=True)
        assert await fetch(f"mta-sts.{FAR}") == POLICY
        with pytest.raises(ssl.SSLError):
            await fetch("mta-sts.other.example")
        with pytest.raises(OSError, match="no public address"):
            await HttpsFetch(dns, context, port=port)(f"mta-sts.{FAR}")
    for wrong in (
        answer.replace("200", "301"),
        answer.replace("text/plain", "text/html"),
        answer + "x" * 100_000,
        "nonsense",
    ):
        async with website(certificate, wrong) as port:
            fetch = HttpsFetch(dns, context, port=port, is_private_allowed=True)
            with pytest.raises(ValueError):
                await fetch(f"mta-sts.{FAR}")


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
async def test_a_certificate_that_the_signed_dns_tells_of_is_enough(
    theirs: Certificate, selector: int, matching: int
) -> None:
    told = Tlsa(3, selector, matching, data_of(theirs, selector, matching))
    async with listening(Peer(tls=theirs.context())) as peer:
        signed = Signed([told])
        async with relaying(peer, signed=signed, dane=True) as relay:
            [result] = await delivered(relay, due())
            assert result.status == "delivered"
        assert signed.asked == f"_{peer.port}._tcp.{HOST}"


async def test_another_certificate_is_not(theirs: Certificate, tmp_path: Path) -> None:
    other = made(tmp_path, "other.example")
    signed = Signed([Tlsa(3, 1, 1, data_of(other, 1, 1))])
    async with listening(Peer(tls=theirs.context())) as peer:
        async with relaying(peer, signed=signed, dane=True) as relay:
            [result] = await delivered(relay, due())
            assert (result.status, result.enhanced, peer.taken) == ("deferred", "4.7.5", [])
        async with relaying(peer, signed=signed) as relay:  # DANE is off
            [result] = await delivered(relay, due())
            assert result.status == "delivered"


async def test_records_that_nobody_can_use_ask_for_tls_all_the_same(theirs: Certificate) -> None:
    signed = Signed([Tlsa(1, 0, 1, b"x" * 32)])
    async with listening(Peer()) as peer, relaying(peer, signed=signed, dane=True) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.enhanced) == ("deferred", "4.7.5")
    peer = Peer(tls=theirs.context())
    async with listening(peer), relaying(peer, signed=signed, dane=True) as relay:
        [result] = await delivered(relay, due())
        assert result.status == "delivered"


@pytest.mark.parametrize(
    ("names", "is_theirs", "status"),
    [
        ([HOST], True, "delivered"),
        ([HOST], False, "deferred"),
        (["other.example"], True, "deferred"),
    ],
)
async def test_an_authority_that_the_dns_tells_of_vouches_for_who_has_its_name(
    names: list[str], is_theirs: bool, status: str, tmp_path: Path
) -> None:
    _, other = issued(tmp_path, *names)
    certificate, authority = issued(tmp_path, *names)
    told = public_key_of(authority if is_theirs else other)
    signed = Signed([Tlsa(3, 1, 1, b"x" * 32), Tlsa(2, 1, 1, hashlib.sha256(told).digest())])
    peer = Peer(tls=certificate.context())
    async with listening(peer), relaying(peer, signed=signed, dane=True) as relay:
        [result] = await delivered(relay, due())
        assert result.status == status


@pytest.mark.parametrize(
    ("silent", "enhanced"), [(("MX",), "4.4.3"), (("A", "AAAA"), "4.7.5"), (("AAAA",), "4.7.5")]
)
async def test_a_dns_that_does_not_tell_whether_it_is_signed_lets_nothing_go_unproved(
    silent: tuple[str, ...], enhanced: str, theirs: Certificate, tmp_path: Path
) -> None:
    other = made(tmp_path, "other.example")
    signed = Signed([Tlsa(3, 1, 1, data_of(other, 1, 1))], silent=silent)
    peer = Peer(tls=theirs.context())
    async with listening(peer), relaying(peer, signed=signed, dane=True) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.enhanced, peer.taken) == ("deferred", enhanced, [])
        told = due(tls_required="no")
        assert (await delivered(relay, told))[0].status == "delivered"


class Signed:
    """A DNS that vouches for all it says; of some *silent* kinds of records it says nothing."""

    def __init__(self, records: Sequence[Tlsa], *, silent: Sequence[str] = ()) -> None:
        self.records = records
        self.asked = ""
        self.silent = silent

    async def is_signed(self, name: str, kind: Literal["MX", "A", "AAAA"]) -> bool:
        if kind in self.silent:
            raise Retryable(f"{kind} of {name}: no answer")
        return True

    async def tlsa(self, name: str) -> Sequence[Tlsa]:
        self.asked = name
        return self.records


class Fetched:
    """A policy file that is had from nowhere."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.error: OSError | None = None
        self.hosts: list[str] = []

    async def __call__(self, host: str) -> str:
        self.hosts.append(host)
        if self.error is not None:
            raise self.error
        return self.text


def routes(port: int, fetched: Fetched) -> Routes:
    dns = MemoryDns(STS_ZONES)
    rules = Rules(ours=("mail.shop.example",), port=port, is_private_allowed=True)
    return Routes(dns, rules, policies=Policies(dns, ManualClock(), fetched))


def terms() -> Terms:
    return Terms(
        name="mail.shop.example",
        patience=Patience(connect_s=5.0, step_s=5.0),
        idle_s=1.0,
        mails=10,
        sign_ins={},
    )


def data_of(certificate: Certificate, selector: int, matching: int) -> bytes:
    data = public_key_of(certificate.der) if selector else certificate.der
    if matching:
        return hashlib.new("sha256" if matching == 1 else "sha512", data).digest()
    return data


@asynccontextmanager
async def website(certificate: Certificate, answer: str) -> AsyncGenerator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer.encode())
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate.context())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("pem"), HOST)
