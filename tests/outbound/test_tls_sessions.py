"""What connections come to as far as TLS goes is told with the attempt, for reports (RFC 8460)."""

from pathlib import Path

import pytest

from connectors.memory.clock import ManualClock, SystemClock
from connectors.memory.dns import MemoryDns
from connectors.smtp_out.policies import Policies
from connectors.smtp_out.routes import Place, Routes, Rules
from connectors.smtp_out.sessions import Distrusted, Sessions
from connectors.smtp_out.trust import Contexts, Promise, Trust
from connectors.smtp_out.wire import Lost
from tests.outbound.certificates import Certificate, made
from tests.outbound.house import FAR, delivered, due, relaying
from tests.outbound.peer import Peer, listening
from tests.outbound.test_delivery_tls import POLICY, STS_ZONES, Fetched, Signed, data_of, terms
from topologies.events import TlsSession
from topologies.ports.dns import Tlsa

HOST = f"mx.{FAR}"
TESTED = Trust("may", is_tested=True, promise=Promise("sts", ("mode: testing",)))


async def test_a_connection_is_told_once_and_not_again_while_it_is_kept(
    theirs: Certificate,
) -> None:
    async with listening(Peer(tls=theirs.context())) as peer, relaying(peer) as relay:
        first, second = await delivered(relay, due("bo", "cy"))
        assert first.tls_sessions == (TlsSession(mx_host=HOST, address="127.0.0.1"),)
        assert second.tls_sessions == ()
        [third] = await delivered(relay, due(delivery_id="2"))
        assert (peer.connections, third.tls_sessions) == (1, ())


async def test_a_host_without_tls_and_one_that_lets_nobody_in_are_told_apart(
    theirs: Certificate,
) -> None:
    async with listening(Peer()) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert failures(result.tls_sessions) == ["starttls-not-supported"]
    refusing = Peer({"GREETING": "554 5.7.1 no"}, tls=theirs.context())
    async with listening(refusing) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert result.tls_sessions == ()  # it came to no TLS: that says nothing of it


async def test_a_connection_that_is_cut_says_nothing_of_the_host() -> None:
    async with listening(Peer(breaks_tls=True)) as peer, relaying(peer) as relay:
        [result] = await delivered(relay, due())
        assert (result.status, result.tls_sessions) == ("delivered", ())


async def test_a_host_that_somebody_chose_says_nothing_of_the_destination_s(
    theirs: Certificate,
) -> None:
    smarthost = Peer(tls=theirs.context())
    async with (
        listening(smarthost),
        relaying(1, relay_host=f"127.0.0.1:{smarthost.port}") as relay,
    ):
        [result] = await delivered(relay, due())
        assert (result.status, result.tls_sessions) == ("delivered", ())


async def test_what_dane_promised_is_told_with_what_came_of_it(theirs: Certificate) -> None:
    right, wrong = Tlsa(3, 1, 1, data_of(theirs, 1, 1)), Tlsa(3, 1, 1, b"x" * 32)
    for record, wanted in ((right, [""]), (wrong, ["validation-failure"])):
        async with (
            listening(Peer(tls=theirs.context())) as peer,
            relaying(peer, signed=Signed([record]), dane=True) as relay,
        ):
            [result] = await delivered(relay, due())
            [session] = result.tls_sessions
            assert failures([session]) == wanted
            assert session.policy == "tlsa"
            assert session.policy_text == (f"3 1 1 {record.data.hex()}",)


@pytest.mark.parametrize(
    ("name", "is_believed", "wanted"),
    [
        (HOST, True, ""),
        ("mx.other.example", True, "certificate-host-mismatch"),
        (HOST, False, "certificate-not-trusted"),
    ],
)
async def test_a_policy_in_testing_is_judged_and_the_mail_goes_all_the_same(
    name: str, is_believed: bool, wanted: str, tmp_path: Path
) -> None:
    certificate = made(tmp_path, name)
    contexts = Contexts(certificate.pem if is_believed else "")
    async with listening(Peer(tls=certificate.context())) as peer:
        seen: list[TlsSession] = []
        place = Place(HOST, "127.0.0.1", peer.port, TESTED)
        session = await Sessions(terms(), contexts, SystemClock()).opened(place, None, seen)
        assert session.tls
        session.abort()
        assert failures(seen) == [wanted]
        assert (seen[0].policy, seen[0].policy_text) == ("sts", ("mode: testing",))


async def test_what_a_policy_asks_in_vain_is_told(tmp_path: Path) -> None:
    place_of = Trust("verified", promise=Promise("sts"))
    sessions = Sessions(terms(), Contexts(""), SystemClock())
    seen: list[TlsSession] = []
    for peer in (Peer(), Peer({"STARTTLS": "502 5.5.1 no"}, tls=made(tmp_path, HOST).context())):
        async with listening(peer):
            place = Place(HOST, "127.0.0.1", peer.port, place_of)
            with pytest.raises(Distrusted):
                await sessions.opened(place, None, seen)
    assert failures(seen) == ["starttls-not-supported"] * 2
    with pytest.raises(Lost):  # nobody is there: that is told by other means
        await sessions.opened(Place(HOST, "127.0.0.1", 1, place_of), None, seen)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("text", "error", "wanted"),
    [
        (POLICY.replace("enforce", "testing"), None, Promise("sts")),
        (
            POLICY.replace("enforce", "testing").replace(HOST, "mx.other.example"),
            None,
            Promise("sts", trouble="validation-failure"),
        ),
        (POLICY.replace("enforce", "none"), None, Promise()),
        ("", OSError("away"), Promise("sts", trouble="sts-policy-fetch-error")),
        ("no policy", None, Promise("sts", trouble="sts-policy-invalid")),
    ],
)
async def test_a_policy_and_why_it_can_not_be_read_is_known(
    text: str, error: OSError | None, wanted: Promise
) -> None:
    fetched = Fetched(text)
    fetched.error = error
    dns = MemoryDns(STS_ZONES)
    rules = Rules(ours=("mail.shop.example",), is_private_allowed=True)
    found = Routes(dns, rules, policies=Policies(dns, ManualClock(), fetched))
    [place] = await found.to(FAR, seed="")
    promise = place.trust.promise
    assert (promise.kind, promise.trouble) == (wanted.kind, wanted.trouble)
    is_tested = "testing" in text and HOST in text
    assert place.trust.is_tested == is_tested
    if is_tested:
        assert promise.text[:3] == ("version: STSv1", "mode: testing", f"mx: {HOST}")


# --- builders -----------------------------------------------------------------------


def failures(seen: "tuple[TlsSession, ...] | list[TlsSession]") -> list[str]:
    return [each.failure for each in seen]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("pem"), HOST)
