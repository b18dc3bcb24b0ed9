"""Vet: look whether what a user sends may go out.

Reads `mail.submitted`; writes `mail.vetted`, and `senders.judged` for the user, so that what
they sent in the last day is known; and `delivery.outcomes` if they may send less from now on.
Judges by what stands in the mail alone, so that a replay comes to the same. What would be held if
it came in is refused, and what is surely spam. Who sends malware or spam again and again is
throttled, then suspended, until an administrator says otherwise. How many mails a user may send is
asked before a mail is taken, not here; what follows from a verdict is `split`'s work.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from topologies.events import (
    Authentication,
    Event,
    Finding,
    MailSubmitted,
    MailVetted,
    SenderJudged,
    VetVerdict,
    VirusVerdict,
)
from topologies.events.base import as_kind
from topologies.events.webhook import SenderRestrained
from topologies.mail import malware
from topologies.mail.features import features
from topologies.mail.message import Parsed, parse_message
from topologies.mail.raw import raw_of
from topologies.mail.reputation import user_key
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.policy import MalwarePolicy, VetPolicy
from topologies.ports.reputations import Reputations
from topologies.ports.restraints import Restraint, Restraints
from topologies.stage import stage

PARSED_IN_A_THREAD_BYTES = 256 * 1024
THROTTLED_FOR = timedelta(days=1)
PASS = VetVerdict()
REASON = "spam or malware was sent from this account"


@stage(reads=MailSubmitted, writes=[MailVetted, SenderJudged, SenderRestrained])
async def vet(
    mail: MailSubmitted,
    *,
    antivirus: Antivirus,
    blobs: Blobs,
    classifier: SpamClassifier,
    reputations: Reputations,
    restraints: Restraints,
    policy: VetPolicy,
    on_malware: MalwarePolicy,
) -> Sequence[Event]:
    """Return the mail with whether it may go out."""
    raw = await raw_of(mail, blobs)
    is_large = len(raw) > PARSED_IN_A_THREAD_BYTES
    parsed = await asyncio.to_thread(parse_message, raw) if is_large else parse_message(raw)
    found = await _found(raw, parsed, antivirus)
    verdict = _held(malware.decided(found, on_malware))
    # A macro or a program may be sent in good faith, and counts against nobody.
    is_bad = any(finding.kind == "malware" for finding in found)
    if verdict is PASS:
        # That its sender is signed in speaks for nothing: so is who stole the password.
        seen = features(parsed.message, Authentication(signed_in=True))
        if classifier.probability(seen) >= policy.spam_threshold:
            verdict = VetVerdict(
                result="refused", kind="spam", reason="the message was taken for spam"
            )
            is_bad = True
    told = await _restrained(mail, reputations, restraints, policy) if is_bad else None
    judged = SenderJudged(
        sender=user_key(mail.user_id),
        mail_id=mail.mail_id,
        judged_at=mail.submitted_at,
        is_bad=is_bad,
    )
    written = [_vetted(mail, verdict), judged]
    return written if told is None else [*written, told]


async def _found(raw: bytes, parsed: Parsed, antivirus: Antivirus) -> Sequence[Finding]:
    """Return what the scanners find in a message and its parts; after malware, no more."""
    names = {each.blob: each.file_name for each in parsed.message.attachments}
    found: list[Finding] = []
    for content, name in ((raw, ""), *((c, names.get(b, "")) for b, c in parsed.contents.items())):
        verdict = await antivirus.scan(content, file_name=name)
        found += [malware.in_part(each, name) for each in malware.findings_of(verdict)]
        if any(finding.kind in malware.ENDING for finding in found):
            break
    return found


def _held(verdict: VirusVerdict) -> VetVerdict:
    """Return PASS, or the refusal of what would be kept from its recipients if it came in."""
    if not verdict.is_held:
        return PASS
    return VetVerdict(result="refused", kind="virus", reason=malware.note_of(verdict))


async def _restrained(
    mail: MailSubmitted, reputations: Reputations, restraints: Restraints, policy: VetPolicy
) -> SenderRestrained | None:
    """Let the sender send less, or nothing, if this was one bad mail too many; return that."""
    known = await reputations.of(user_key(mail.user_id))
    bad = (known.bad if known else 0) + 1
    if policy.bad_mails_suspend and bad >= policy.bad_mails_suspend:
        restraint = Restraint(
            user_id=mail.user_id, kind="suspended", since=mail.submitted_at, reason=REASON
        )
    elif policy.bad_mails_throttle and bad >= policy.bad_mails_throttle:
        restraint = Restraint(
            user_id=mail.user_id,
            kind="throttled",
            since=mail.submitted_at,
            reason=REASON,
            until=mail.submitted_at + THROTTLED_FOR,
        )
    else:
        return None
    await restraints.put(restraint)
    return SenderRestrained(
        mail_id=mail.mail_id,
        user_id=mail.user_id,
        mail_from=mail.mail_from,
        restrained_at=mail.submitted_at,
        kind=restraint.kind,
        bad_mails=bad,
        reason=restraint.reason,
        until=restraint.until,
    )


def _vetted(mail: MailSubmitted, verdict: VetVerdict) -> MailVetted:
    return as_kind(mail, MailVetted, vetted=verdict)
