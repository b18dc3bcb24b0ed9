"""Authenticate: find out whether a mail comes from whom it says (SPF, DKIM, DMARC, ARC).

Reads `mail.parsed`; writes `mail.authenticated`, and `dmarc.seen` for the owner of the domain in
From, if they ask for reports and that is wanted here. Refuses nothing: what the verdicts are worth
is decided by `score`. Asks the DNS, but never waits for it: what is not answered within one
deadline is `temperror`, and the mail flows on, since it was accepted and shall arrive when the
DNS is dead.

Not asked at all: for mail of our own users who were signed in, which needs no proof; and for
imported mail, whose host is unknown and whose signers' keys are long gone from the DNS. SPF is
`none` for hosts of our own network, as for mail that a relay of ours fetched (RFC 7208 §2.2
leaves it to us where it is checked).

A mail whose DMARC failed, as it does once a list has changed it, may carry a chain of seals of
hosts that the policy trusts. Then it is noted who of them vouches for it (RFC 8617 §7.2); that
the owner's wish is set aside for it must be asked for.
"""

import asyncio
import zlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import msgspec

from topologies.events import (
    ArcVerdict,
    Authentication,
    DkimVerdict,
    Event,
    MailAuthenticated,
    MailParsed,
)
from topologies.events.inbound import grow
from topologies.events.summary import DmarcSeen
from topologies.mail import arc, arc_trust, dkim, dmarc_seen, dmarc_tree
from topologies.mail.dkim_canonical import fields, split
from topologies.mail.dmarc import DmarcVerdict, Policy, discover, evaluate
from topologies.mail.domains import is_public_address
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.mail.raw import read_raw
from topologies.mail.spf import SpfVerdict, check_host
from topologies.ports.blobs import Blobs
from topologies.ports.dns import Resolver
from topologies.ports.policy import AuthenticatePolicy
from topologies.stage import stage

DNS_DEADLINE_S = 6.0  # for all that is asked about one mail
MOST_AUTHORS = 50  # in From, that are looked at
LATE = "the DNS was too slow"

T = TypeVar("T")


@stage(reads=MailParsed, writes=[MailAuthenticated, DmarcSeen])
async def authenticate(
    mail: MailParsed, *, dns: Resolver, blobs: Blobs, policy: AuthenticatePolicy
) -> Sequence[Event]:
    """Return the mail with what is known about who sent it."""
    seen: DmarcSeen | None = None
    if mail.user_id or _is_ours(mail):
        known = Authentication(signed_in=True, from_domain=_from_domain(mail))
    elif mail.origin == "import":
        known = Authentication(from_domain=_from_domain(mail))
    else:
        raw = mail.raw if mail.raw is not None else await read_raw(blobs, mail.raw_ref)
        known, verdict = await _asked(mail, raw, dns, policy)
        if policy.tells_owners and mail.origin != "local":  # that was told when it came
            seen = dmarc_seen.of(mail, known, verdict)
    grown = grow(mail, MailAuthenticated, authentication=known)
    return [grown] if seen is None else [grown, seen]


async def _asked(
    mail: MailParsed, raw: bytes, dns: Resolver, policy: AuthenticatePolicy
) -> tuple[Authentication, DmarcVerdict]:
    from_domain = _from_domain(mail)
    now = mail.received_at
    until = asyncio.get_running_loop().time() + DNS_DEADLINE_S
    late = DkimVerdict(result="temperror", domain="", selector="", reason=LATE)
    spf, signatures, chain, discovered = await asyncio.gather(
        _in_time(_spf(mail, dns), SpfVerdict("temperror", _spf_domain(mail)), until),
        _in_time(
            dkim.verify(dns, raw, now=now, accepts_partial=policy.accepts_partial_bodies),
            (late,),
            until,
        ),
        _in_time(arc.verify(dns, raw, now=now), ArcVerdict(result="temperror", reason=LATE), until),
        _in_time(_discover(mail, raw, dns, policy), DmarcVerdict("temperror"), until),
    )
    if discovered is None:
        verdict = await _in_time(
            dmarc_tree.judge(dns, from_domain, spf, signatures), DmarcVerdict("temperror"), until
        )
    else:
        verdict = evaluate(discovered, from_domain, spf, signatures)
    wish = verdict.policy.wish_for(from_domain, _sample(mail)) if verdict.policy else ""
    if verdict.result == "fail" and policy.trusted_sealers:
        vouched_by = arc_trust.voucher(
            raw, chain, from_domain=from_domain, trusted=policy.trusted_sealers
        )
        chain = msgspec.structs.replace(chain, vouched_by=vouched_by)
        if vouched_by and policy.honours_sealers:
            wish = "none"  # RFC 7489 §6.7 leaves it to us
    known = Authentication(
        spf=spf.result,
        spf_domain=spf.domain,
        dkim=signatures,
        dmarc=verdict.result,
        dmarc_policy=wish,
        from_domain=from_domain,
        arc=None if chain.result == "none" else chain,
    )
    return known, verdict


async def _spf(mail: MailParsed, dns: Resolver) -> SpfVerdict:
    if not is_public_address(mail.client_ip):
        return SpfVerdict("none", "")
    return await check_host(dns, client_ip=mail.client_ip, mail_from=mail.mail_from, helo=mail.helo)


async def _discover(
    mail: MailParsed, raw: bytes, dns: Resolver, policy: AuthenticatePolicy
) -> Policy | DmarcVerdict | None:
    """Return what DMARC goes by, or the verdict if it is clear; None: by a walk, later."""
    from_domain = _from_domain(mail)
    if _is_ambiguous(mail, raw):
        return DmarcVerdict("permerror")
    if not from_domain:
        return DmarcVerdict("none")
    return None if policy.dmarc_discovery == "tree" else await discover(dns, from_domain)


async def _in_time(asking: Coroutine[Any, Any, T], otherwise: T, until: float) -> T:
    try:
        async with asyncio.timeout_at(until):
            return await asking
    except TimeoutError:
        return otherwise


def _is_ours(mail: MailParsed) -> bool:
    """Tell whether we wrote *mail* ourselves, such as a report."""
    # What is forwarded here is local too, but its client came and said its name.
    return mail.origin == "local" and not mail.helo


def _from_domain(mail: MailParsed) -> str:
    """Return the first domain in From, in ASCII; empty if there is none."""
    return next(iter(_from_domains(mail)), "")


def _from_domains(mail: MailParsed) -> Sequence[str]:
    found: dict[str, None] = {}
    for address in mail.message.from_[:MOST_AUTHORS]:
        try:
            found[domain_in_ascii(address.address.rpartition("@")[2].rstrip("."))] = None
        except ValueError:
            continue
    return list(found)


def _is_ambiguous(mail: MailParsed, raw: bytes) -> bool:
    """Return whether people may be shown another From than the one that was judged."""
    if len(mail.message.from_) > MOST_AUTHORS or len(_from_domains(mail)) > 1:
        return True  # RFC 7489 §6.6.1
    header = split(raw)[0][: dkim.LONGEST_HEADER_BYTES]
    return sum(name == "from" for name, _ in fields(header)) > 1  # RFC 5322 §3.6


def _spf_domain(mail: MailParsed) -> str:
    return mail.mail_from.rpartition("@")[2].lower() or mail.helo.lower()


def _sample(mail: MailParsed) -> int:
    # Not drawn: a replay must come to the same verdict.
    return zlib.crc32(mail.mail_id.encode()) % 100
