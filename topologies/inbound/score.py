"""Score: judge whether a mail is spam.

Reads `mail.scanned`; writes `mail.scored`, and `senders.judged` where the sender's domain is
proved. A trained model judges what is in the mail and what is known about its sender; what the
same domain sent in the last day counts a little; the policy says from which probability on it
is spam. Moves nothing: that is the work of `route`.

Two things are not the model's to decide. What a user brings along from an old archive was
sorted by its owner and is not judged. And mail whose domain is not proved although its owner
asks to refuse or set aside such mail is spam, whatever stands in it (RFC 7489 §6.3): it was
accepted before that was known, so the spam folder is all the refusal there can be.
"""

from collections.abc import Sequence

from topologies.events import (
    Authentication,
    Event,
    MailScanned,
    MailScored,
    SenderJudged,
    SpamVerdict,
)
from topologies.events.inbound import grow
from topologies.mail import reputation
from topologies.mail.feature_words import described
from topologies.mail.features import features
from topologies.ports.classifier import SpamClassifier
from topologies.ports.policy import ScorePolicy
from topologies.ports.reputations import Reputations
from topologies.stage import stage

MOST_REASONS = 5
SENDS_SPAM = "much of what its sender sent in the last day was spam"
IMPORTED = SpamVerdict(
    probability=0.0, is_spam=False, reasons=("brought along by its owner, so not judged",)
)


@stage(reads=MailScanned, writes=[MailScored, SenderJudged])
async def score(
    mail: MailScanned,
    *,
    classifier: SpamClassifier,
    policy: ScorePolicy,
    reputations: Reputations,
) -> Sequence[Event]:
    """Return the mail with how likely it is spam, and why."""
    if mail.origin == "import":
        return [grow(mail, MailScored, spam=IMPORTED)]
    found = features(mail.message, mail.authentication)
    # Some features have no words, so more are asked for than are told.
    by_content, loudest = classifier.judged(found, 2 * MOST_REASONS)
    sender = _proved_sender(mail)
    known = await reputations.of(sender) if sender else None
    by_sender = reputation.log_odds(known)
    probability = reputation.weighed(by_content, by_sender)
    is_disowned = _is_disowned(mail.authentication)
    reasons = described(loudest, MOST_REASONS)
    if by_sender > 0:
        reasons = (SENDS_SPAM, *reasons)[:MOST_REASONS]
    verdict = SpamVerdict(
        probability=round(probability, 4),
        is_spam=is_disowned or probability >= policy.spam_threshold,
        reasons=reasons,
        threshold=policy.spam_threshold,
        model=classifier.model,
        by_sender=round(by_sender, 3),
    )
    scored = grow(mail, MailScored, spam=verdict)
    if not sender:
        return [scored]
    # By what stands in it alone: a reputation must not feed itself.
    is_bad = mail.virus.result == "infected" or by_content >= policy.spam_threshold
    judged = SenderJudged(
        sender=sender, mail_id=mail.mail_id, judged_at=mail.received_at, is_bad=is_bad
    )
    return [scored, judged]


def _proved_sender(mail: MailScanned) -> str:
    """Return the domain that proved to have sent it; empty for none, and for our own users."""
    known = mail.authentication
    return known.from_domain if known.dmarc == "pass" and not known.signed_in else ""


def _is_disowned(known: Authentication) -> bool:
    """Return whether the owner of the domain in From wants nothing to do with the mail."""
    return known.dmarc == "fail" and known.dmarc_policy in ("quarantine", "reject")
