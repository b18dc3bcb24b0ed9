"""Score: judge whether a mail is spam.

Reads `mail.scanned`; writes `mail.scored`. A trained model judges what is in the mail and what
is known about its sender; the policy says from which probability on it is spam. Moves nothing:
that is the work of `route`.

Two things are not the model's to decide. What a user brings along from an old archive was
sorted by its owner and is not judged. And mail whose domain is not proved although its owner
asks to refuse or set aside such mail is spam, whatever stands in it (RFC 7489 §6.3): it was
accepted before that was known, so the spam folder is all the refusal there can be.
"""

from collections.abc import Sequence

from topologies.events import Authentication, Event, MailScanned, MailScored, SpamVerdict
from topologies.events.inbound import grow
from topologies.mail.feature_words import described
from topologies.mail.features import features
from topologies.ports.classifier import SpamClassifier
from topologies.ports.policy import ScorePolicy
from topologies.stage import stage

MOST_REASONS = 5
IMPORTED = SpamVerdict(
    probability=0.0, is_spam=False, reasons=("brought along by its owner, so not judged",)
)


@stage(reads=MailScanned, writes=[MailScored])
async def score(
    mail: MailScanned, *, classifier: SpamClassifier, policy: ScorePolicy
) -> Sequence[Event]:
    """Return the mail with how likely it is spam, and why."""
    if mail.origin == "import":
        return [grow(mail, MailScored, spam=IMPORTED)]
    found = features(mail.message, mail.authentication)
    probability = classifier.probability(found)
    is_disowned = _is_disowned(mail.authentication)
    verdict = SpamVerdict(
        probability=round(probability, 4),
        is_spam=is_disowned or probability >= policy.spam_threshold,
        # Some features have no words, so more are asked for than are told.
        reasons=described(classifier.reasons(found, 2 * MOST_REASONS), MOST_REASONS),
    )
    return [grow(mail, MailScored, spam=verdict)]


def _is_disowned(known: Authentication) -> bool:
    """Return whether the owner of the domain in From wants nothing to do with the mail."""
    return known.dmarc == "fail" and known.dmarc_policy in ("quarantine", "reject")
