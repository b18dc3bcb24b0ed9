"""What of a mail is told to the owner of the domain in From (RFC 7489 §7.2). Pure."""

from datetime import datetime

from msgspec.structs import replace

from topologies.events import Authentication, MailParsed
from topologies.events.summary import DkimSeen, DmarcFact, DmarcPublished, DmarcSeen
from topologies.mail import aggregate
from topologies.mail.dmarc import DmarcVerdict, Policy
from topologies.mail.domains import is_aligned, is_public_address

MOST_SIGNATURES = 5
LONGEST_NAME = 255


def of(mail: MailParsed, known: Authentication, verdict: DmarcVerdict) -> DmarcSeen | None:
    """Return what is to be told; None: nobody asks, or it could not be found out.

    Args:
        mail: Of a stranger.
        known: What was found out about it.
        verdict: And about the domain in From.
    """
    policy = verdict.policy
    if policy is None or not policy.rua or verdict.result not in ("pass", "fail"):
        return None
    if not is_public_address(mail.client_ip):  # who brought it is not whom we know
        return None
    if aggregate.may_bring_some(mail):  # or two systems would report on their reports for ever
        return None
    is_pass = verdict.result == "pass"
    asked = policy.wish if known.from_domain == policy.domain else policy.wish_below
    wish = "none" if is_pass else known.dmarc_policy or "none"
    disposition = "quarantine" if wish == "reject" else wish  # it is kept apart, not refused
    reason = ""
    if not is_pass and disposition != asked:
        vouched = known.arc is not None and bool(known.arc.vouched_by)
        reason = "local_policy" if vouched or wish == "reject" else "sampled_out"
    fact = _fact(mail.client_ip, mail.mail_from, known, policy)
    return DmarcSeen(
        mail_id=mail.mail_id,
        domain=policy.domain,
        seen_at=mail.received_at,
        fact=replace(fact, disposition=disposition, reason=reason),
    )


def of_refused(
    mail_id: str,
    client_ip: str,
    mail_from: str,
    known: Authentication,
    policy: Policy,
    *,
    at: datetime,
) -> DmarcSeen | None:
    """Return what is to be told of a mail that was refused; None: nobody asks.

    Args:
        mail_id: The id that it would have had.
        client_ip: Who brought it.
        mail_from: Its reverse-path.
        known: What was asked about it, which may be less than all: of signatures none, if none
            could have proved anything.
        policy: Of the domain in From, which wished it.
        at: When it was refused.
    """
    if not policy.rua:
        return None
    fact = _fact(client_ip, mail_from, known, policy)
    return DmarcSeen(
        mail_id=mail_id,
        domain=policy.domain,
        seen_at=at,
        fact=replace(fact, disposition="reject"),
    )


def _fact(client_ip: str, mail_from: str, known: Authentication, policy: Policy) -> DmarcFact:
    return DmarcFact(
        source=client_ip,
        header_from=known.from_domain[:LONGEST_NAME],
        envelope_from=_ascii(mail_from.rpartition("@")[2]),
        is_dkim_aligned=any(
            each.result == "pass"
            and is_aligned(each.domain, known.from_domain, is_strict=policy.is_dkim_strict)
            for each in known.dkim
        ),
        is_spf_aligned=known.spf == "pass"
        and is_aligned(known.spf_domain, known.from_domain, is_strict=policy.is_spf_strict),
        dkim=tuple(
            DkimSeen(domain=_ascii(each.domain), selector=_ascii(each.selector), result=each.result)
            for each in known.dkim[:MOST_SIGNATURES]
            if each.domain
        ),
        spf_domain=_ascii(known.spf_domain),
        spf=known.spf,
        is_spf_of_helo=not mail_from,
        published=DmarcPublished(
            p=policy.wish,
            sp=policy.wish_below,
            adkim="s" if policy.is_dkim_strict else "r",
            aspf="s" if policy.is_spf_strict else "r",
            pct=policy.percent,
        ),
    )


def _ascii(name: str) -> str:
    return name.lower()[:LONGEST_NAME] if name.isascii() else ""
