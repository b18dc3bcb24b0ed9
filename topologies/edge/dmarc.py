"""DMARC: refuse a mail whose author's domain wishes it, for want of a proof (RFC 7489 §10.3).

Off by default, as it breaks many a mailing list; then such mail is accepted, and the wish is
weighed with all else (`authenticate`, `score`). Needs no more than the header, unless a
signature of the author's domain is to be checked: that needs the body, and when that is too
large to be here the mail is accepted. Who can't be asked in time refuses nobody.
"""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import datetime

from topologies.check import Refusal, Transaction, check
from topologies.events import Authentication, DkimVerdict
from topologies.events.summary import DmarcSeen
from topologies.mail import aggregate, completing, dkim, dmarc_seen, dmarc_tree
from topologies.mail.dkim_canonical import fields, split
from topologies.mail.dmarc import DmarcVerdict, Policy, discover, evaluate
from topologies.mail.domains import is_aligned, is_public_address
from topologies.mail.spf import SpfVerdict, check_host
from topologies.ports.clock import Clock
from topologies.ports.dns import Resolver
from topologies.ports.policy import DmarcDiscovery, DmarcRefusal

DEADLINE_S = 3.0  # the client waits
MOST_SIGNATURES = 20  # whose domains are looked at


@check(at="data", rank=10)
async def dmarc(
    mail: Transaction, *, refusal: DmarcRefusal, dns: Resolver, clock: Clock
) -> Refusal | None:
    """Return the refusal of a mail that its author's domain does not know of."""
    if not refusal.is_on or mail.is_trusted or mail.is_allowed:
        return None
    if not is_public_address(mail.client_ip):
        return None
    header, _ = split(mail.start)
    found = fields(header)
    from_domain = completing.from_domain(found)
    if not from_domain:
        return None  # nobody's, or several's: not for DMARC to say (§6.6.1)
    try:
        async with asyncio.timeout(DEADLINE_S):
            now = clock.now()
            unproved = await _unproved(mail, found, from_domain, dns, now, refusal.discovery)
    except TimeoutError:
        return None
    if unproved is None:
        return None
    told = _told(mail, *unproved, now) if refusal.tells_owners else None
    return Refusal(
        reply="550 5.7.1 The domain in From asks not to take what it has not proved (DMARC)",
        reason="DMARC: neither SPF nor DKIM proves From, and its policy is reject",
        told=(told,) if told else (),
    )


def _told(
    mail: Transaction, known: Authentication, policy: Policy, now: datetime
) -> DmarcSeen | None:
    """Return what the owner of the domain in From is to know (RFC 7489 §7.2)."""
    if any(map(aggregate.is_report_address, mail.recipients)):
        return None  # it may be a report, and two systems would report on them for ever
    return dmarc_seen.of_refused(
        mail.mail_id, mail.client_ip, mail.mail_from, known, policy, at=now
    )


async def _unproved(
    mail: Transaction,
    found: Sequence[tuple[str, bytes]],
    from_domain: str,
    dns: Resolver,
    now: datetime,
    discovery: DmarcDiscovery,
) -> tuple[Authentication, Policy] | None:
    """Return what was found out and what the domain wishes; None: it is not to be refused."""

    async def fails(spf: SpfVerdict, signatures: Sequence[DkimVerdict]) -> Policy | None:
        """Return by which policy that proves nothing and is to be refused."""
        verdict = await _verdict(discovery, dns, from_domain, spf, signatures)
        if verdict.result != "fail" or verdict.policy is None:
            return None
        # Not drawn anew: the stage that judges the mail must come to the same (pct=).
        sample = zlib.crc32(mail.mail_id.encode()) % 100
        is_to_be = verdict.policy.wish_for(from_domain, sample) == "reject"
        return verdict.policy if is_to_be else None

    if await fails(SpfVerdict("none", ""), ()) is None:
        return None  # whatever SPF says, which takes more questions
    spf = await check_host(dns, client_ip=mail.client_ip, mail_from=mail.mail_from, helo=mail.helo)
    signatures: Sequence[DkimVerdict] = ()
    policy = await fails(spf, signatures)
    if policy is not None and _may_be_signed(found, from_domain, discovery):
        if not mail.is_whole:
            return None
        signatures = await dkim.verify(dns, mail.start, now=now)
        policy = await fails(spf, signatures)
    if policy is None:
        return None
    known = Authentication(
        spf=spf.result, spf_domain=spf.domain, dkim=tuple(signatures), from_domain=from_domain
    )
    return known, policy


async def _verdict(
    discovery: DmarcDiscovery,
    dns: Resolver,
    from_domain: str,
    spf: SpfVerdict,
    signatures: Sequence[DkimVerdict],
) -> DmarcVerdict:
    if discovery == "tree":
        return await dmarc_tree.judge(dns, from_domain, spf, signatures)
    policy = await discover(dns, from_domain)
    if isinstance(policy, DmarcVerdict):
        return policy
    return evaluate(policy, from_domain, spf, signatures)


def _may_be_signed(
    found: Sequence[tuple[str, bytes]], from_domain: str, discovery: DmarcDiscovery
) -> bool:
    signatures = [field for name, field in found if name == "dkim-signature"]
    if len(signatures) > MOST_SIGNATURES:
        return True
    if discovery == "tree":
        return bool(signatures)  # whose organization a signer is of, only the DNS knows
    return any(is_aligned(domain, from_domain) for s in signatures for domain in _signers(s))


def _signers(signature: bytes) -> Sequence[str]:
    """Return what stands behind d= in a DKIM-Signature (RFC 6376 §3.5)."""
    tags = (tag.partition(b"=") for tag in signature.partition(b":")[2].split(b";"))
    return [
        b"".join(value.split()).decode("latin-1") for name, _, value in tags if name.strip() == b"d"
    ]
