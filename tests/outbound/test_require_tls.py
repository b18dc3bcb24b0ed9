"""Mail that must go by TLS (RFC 8689): to whom it goes, to whom never, and what is told then."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.dns import MemoryDns
from connectors.memory.url_key import MemoryUrlKey
from connectors.smtp_out.policies import Policies
from connectors.smtp_out.routes import NoRoute, Routes, Rules
from tests.outbound.certificates import Certificate, made
from tests.outbound.house import AT, FAR, RAW, delivered, due, relaying
from tests.outbound.peer import FEATURES, Peer, listening
from tests.outbound.test_delivery_tls import POLICY, STS_ZONES, Fetched, Signed
from topologies.errors import Retryable
from topologies.events import DeliveryDue, MailOutgoing, TlsRequired
from topologies.mail import ids
from topologies.outbound.sign import sign
from topologies.ports.dns import Tlsa
from topologies.ports.policy import SignPolicy

HOST = f"mx.{FAR}"
OFFERED = (*FEATURES, "REQUIRETLS")
ELSEWHERE: Mapping[str, Mapping[str, Sequence[object]]] = {
    FAR: {"MX": [(10, "mx.host.example")]},
    "mx.host.example": {"A": ["127.0.0.1"]},
}


async def test_a_host_that_proves_its_name_and_promises_the_same_gets_it(
    theirs: Certificate,
) -> None:
    async with (
        listening(Peer(tls=theirs.context(), features=OFFERED)) as peer,
        relaying(peer, delivery_ca_file=theirs.pem) as relay,
    ):
        [result] = await delivered(relay, must())
        assert (result.status, result.tls[:7]) == ("delivered", "TLSv1.3")
        [taken] = peer.taken
        assert taken.mail.split()[-1] == "REQUIRETLS"
        # What need not go so is not said to have to.
        assert (await delivered(relay, due(delivery_id="2")))[0].status == "delivered"
        assert "REQUIRETLS" not in peer.taken[1].mail


BAD: Mapping[str, tuple[dict[str, Any], bool, str]] = {
    # What the peer is, whether its certificate is believed, and how it fails
    "no TLS": ({"has_tls": False}, True, "5.7.10"),
    "no TLS, and says it is fine": ({"has_tls": False, "features": OFFERED}, True, "5.7.10"),
    "no promise": ({}, True, "5.7.30"),
    "a certificate of nobody": ({"features": OFFERED}, False, "5.7.10"),
    "another's name": ({"features": OFFERED, "is_another": True}, True, "5.7.10"),
    "TLS refused": ({"features": OFFERED, "answers": {"STARTTLS": "502 5.5.1 no"}}, True, "5.7.10"),
}


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize("setting", ["never", "may", "must"])
async def test_any_other_never_gets_it_whatever_the_settings_say(
    how: str, setting: str, theirs: Certificate, evil: Certificate
) -> None:
    shape, is_believed, enhanced = BAD[how]
    shape = dict(shape)
    certificate = evil if shape.pop("is_another", False) else theirs
    tls = certificate.context() if shape.pop("has_tls", True) else None
    more: dict[str, Any] = {"delivery_ca_file": certificate.pem} if is_believed else {}
    async with (
        listening(Peer(tls=tls, **shape)) as peer,
        relaying(peer, delivery_tls=setting, **more) as relay,
    ):
        # Whether it was spoken to before, in whichever way, makes no difference.
        before = await delivered(relay, due(delivery_id="before"))
        taken = len(peer.taken)
        [result] = await delivered(relay, must())
        assert (result.status, result.enhanced) == ("failed", enhanced)
        assert (len(peer.taken), taken) == (taken, before[0].status == "delivered")
        assert not any("REQUIRETLS" in line for line in peer.lines if line.startswith("MAIL"))


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", "drop"])
async def test_a_host_that_can_not_tell_now_is_asked_again(
    answer: str, theirs: Certificate
) -> None:
    peer = Peer({"STARTTLS": answer}, tls=theirs.context(), features=OFFERED)
    async with listening(peer), relaying(peer, delivery_ca_file=theirs.pem) as relay:
        [result] = await delivered(relay, must())
        assert (result.status, peer.taken) == ("deferred", [])


async def test_the_next_host_is_asked_and_one_that_is_away_may_be_the_right_one(
    theirs: Certificate,
) -> None:
    zones = {
        FAR: {"MX": [(10, f"a.{FAR}"), (20, HOST)]},
        f"a.{FAR}": {"A": ["127.0.0.2"]},
        HOST: {"A": ["127.0.0.1"]},
    }
    plain, good = Peer(), Peer(tls=theirs.context(), features=OFFERED)
    async with (
        listening(good),
        listening(plain, "127.0.0.2", good.port),
        relaying(good, zones=zones, delivery_ca_file=theirs.pem) as relay,
    ):
        [result] = await delivered(relay, must())
        assert (result.status, len(good.taken), plain.taken) == ("delivered", 1, [])
    async with (  # the good one is away
        listening(plain, "127.0.0.2", good.port),
        relaying(good.port, zones=zones, delivery_ca_file=theirs.pem) as relay,
    ):
        for number in range(4):  # also when it is known to be silent
            [result] = await delivered(relay, must(delivery_id=str(number)))
            assert (result.status, plain.taken) == ("deferred", [])


async def test_a_chosen_host_has_to_prove_its_name_as_well(theirs: Certificate) -> None:
    async with listening(Peer(tls=theirs.context(), features=OFFERED)) as peer:
        smarthost: dict[str, Any] = {"relay_host": f"127.0.0.1:{peer.port}"}
        async with relaying(1, delivery_ca_file=theirs.pem, **smarthost) as relay:
            [result] = await delivered(relay, must())
            assert (result.status, result.enhanced) == ("failed", "5.7.10")
        zones = {HOST: {"A": ["127.0.0.1"]}}
        smarthost = {"relay_host": f"{HOST}:{peer.port}"}
        async with relaying(1, zones=zones, delivery_ca_file=theirs.pem, **smarthost) as relay:
            [result] = await delivered(relay, must())
            assert result.status == "delivered"


async def test_a_host_elsewhere_has_to_be_vouched_for() -> None:
    policy = POLICY.replace(HOST, "mx.host.example")
    with pytest.raises(NoRoute, match="nobody vouches for its domain's hosts") as refused:
        await routes(ELSEWHERE).to(FAR, seed="", tls_required="yes")
    assert (refused.value.enhanced, refused.value.is_final) == ("5.7.30", True)
    for mode in ("enforce", "testing"):
        told = Fetched(policy.replace("enforce", mode))
        [place] = await routes(with_policy(ELSEWHERE), told).to(FAR, seed="", tls_required="yes")
        assert place.trust.need == "verified"
    [place] = await routes(ELSEWHERE, signed=Signed([])).to(FAR, seed="", tls_required="yes")
    assert place.trust.need == "verified"
    pinned = Tlsa(3, 1, 1, b"x" * 32)
    [place] = await routes(ELSEWHERE, signed=Signed([pinned])).to(FAR, seed="", tls_required="yes")
    assert (place.trust.need, place.trust.tlsa) == ("must", (pinned,))
    useless = Signed([Tlsa(0, 0, 0, b"x")])  # by which nobody can be judged
    [place] = await routes(ELSEWHERE, signed=useless).to(FAR, seed="", tls_required="yes")
    assert place.trust.need == "verified"


async def test_a_policy_that_can_not_be_read_now_is_no_reason_to_give_up() -> None:
    fetched = Fetched(POLICY)
    fetched.error = OSError("away")
    found = routes(with_policy(ELSEWHERE), fetched)
    for _ in range(2):  # the second time it is known to be away
        with pytest.raises(NoRoute) as deferred:
            await found.to(FAR, seed="", tls_required="yes")
        assert (deferred.value.enhanced, deferred.value.is_final) == ("4.4.3", False)


async def test_dane_that_can_not_be_asked_now_is_no_reason_to_give_up() -> None:
    class Away(Signed):
        async def tlsa(self, name: str) -> Sequence[Tlsa]:
            raise Retryable("no answer")

    with pytest.raises(NoRoute) as deferred:
        await routes(ELSEWHERE, signed=Away([])).to(FAR, seed="", tls_required="yes")
    assert (deferred.value.enhanced, deferred.value.is_final) == ("4.7.5", False)


async def test_who_wants_it_there_all_the_same_has_it_sent_past_the_policy() -> None:
    policy = POLICY.replace(HOST, "mx.other.example")
    [place] = await routes(STS_ZONES, Fetched(policy)).to(FAR, seed="", tls_required="no")
    assert place.trust.need == "may"
    async with (
        listening(Peer(breaks_tls=True)) as peer,
        relaying(peer, signed=Signed([Tlsa(3, 1, 1, b"x" * 32)]), dane=True) as relay,
    ):
        [kept] = await delivered(relay, due())
        [sent] = await delivered(relay, due(delivery_id="2", tls_required="no"))
        assert (kept.status, sent.status, sent.tls) == ("deferred", "delivered", "")


HEADERS: Mapping[bytes, TlsRequired] = {
    b"TLS-Required: No\r\n": "no",
    b"tls-required:\r\n NO \r\n": "no",
    b"TLS-Required: Yes\r\n": "",
    b"TLS-Required: No\r\nTLS-Required: No\r\n": "",
    b"X-TLS-Required: No\r\n": "",
    b"": "",
}


@pytest.mark.parametrize(("header", "said"), list(itertools.product(HEADERS, ("", "yes"))))
async def test_the_envelope_counts_and_the_header_where_it_says_nothing(
    header: bytes, said: TlsRequired
) -> None:
    raw = header + RAW
    mail = MailOutgoing(
        mail_id=ids.derived_id(AT, "a mail"),
        submitted_at=AT,
        mail_from="ann@shop.example",
        recipients=(f"bo@{FAR}",),
        size_bytes=len(raw),
        raw=raw,
        tls_required=said,
    )
    [written] = await sign(
        mail,
        keys=MemoryDkimKeys(),
        blobs=MemoryBlobs(),
        url_key=MemoryUrlKey(),
        policy=SignPolicy(hostname="mx.shop.example"),
    )
    assert isinstance(written, DeliveryDue)
    assert written.tls_required == (said or HEADERS[header])


# --- builders -----------------------------------------------------------------------


def must(**given: Any) -> DeliveryDue:
    known: dict[str, Any] = {"delivery_id": "must", "tls_required": "yes"}
    return due(**(known | given))


def with_policy(
    zones: Mapping[str, Mapping[str, Sequence[object]]],
) -> Mapping[str, Mapping[str, Sequence[object]]]:
    return {**zones, f"_mta-sts.{FAR}": {"TXT": ["v=STSv1; id=1"]}}


def routes(
    zones: Mapping[str, Mapping[str, Sequence[object]]],
    fetched: Fetched | None = None,
    *,
    signed: Signed | None = None,
) -> Routes:
    dns = MemoryDns(zones)
    rules = Rules(ours=("mail.shop.example",), is_private_allowed=True)
    policies = Policies(dns, ManualClock(), fetched) if fetched is not None else None
    return Routes(dns, rules, policies=policies, signed=signed)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("pem"), HOST)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("pem"), "mx.evil.example")
