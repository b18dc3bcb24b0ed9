"""Why a mail was taken for spam, or not: what weighed how much.

What the model weighs is found anew from the stored message, since it is the same for the same
model; what changes with time (a sender's reputation, a user's reports) is kept with the mail.
"""

from starlette.responses import Response

from api import views
from api.emails import find
from api.endpoint import Call, json_answer
from api.shapes_verdict import ContributionOut, VerdictOut
from topologies.events import Authentication, SpamVerdict
from topologies.mail.feature_words import meaning
from topologies.mail.features import features
from topologies.ports.classifier import SpamClassifier
from topologies.ports.mailboxes import Email

MOST_CONTRIBUTIONS = 30
LEAST_WEIGHT = 0.01
DIGITS = 3


async def read(call: Call) -> Response:
    """Answer how a mail was judged."""
    email = await find(call, call.user_id)
    return json_answer(_verdict(email, call.context.classifier))


def _verdict(email: Email, classifier: SpamClassifier) -> VerdictOut:
    spam = email.spam
    is_judged = spam is not None and spam.model != ""
    verdict = spam or SpamVerdict(probability=0.0, is_spam=False)
    contributions: tuple[ContributionOut, ...] = ()
    others = 0.0
    if is_judged:
        contributions, others = _contributions(email, classifier)
    return VerdictOut(
        email_id=email.summary.email_id,
        is_judged=is_judged,
        is_spam=verdict.is_spam,
        probability=verdict.probability if is_judged else None,
        threshold=verdict.threshold if is_judged else None,
        is_disowned=_is_disowned(email.authentication),
        model=verdict.model,
        is_same_model=is_judged and verdict.model == classifier.model,
        start=round(classifier.bias, DIGITS) if is_judged else 0.0,
        contributions=contributions,
        others=round(others, DIGITS),
        by_sender=verdict.by_sender,
        by_reports=verdict.by_user,
        reasons=verdict.reasons,
        authentication=views.authentication(email.authentication),
        findings=views.findings(email.virus),
        note=email.note,
    )


def _contributions(
    email: Email, classifier: SpamClassifier
) -> tuple[tuple[ContributionOut, ...], float]:
    """Return what weighed most, and the sum of all else."""
    found = features(email.message, email.authentication or Authentication())
    weighed = sorted(
        zip(found, classifier.shares(found), strict=True), key=lambda each: (-abs(each[1]), each[0])
    )
    listed = [each for each in weighed[:MOST_CONTRIBUTIONS] if abs(each[1]) >= LEAST_WEIGHT]
    contributions = tuple(
        ContributionOut(feature=feature, meaning=meaning(feature), weight=round(weight, DIGITS))
        for feature, weight in listed
    )
    return contributions, sum(weight for _, weight in weighed[len(listed) :])


def _is_disowned(known: Authentication | None) -> bool:
    return (
        known is not None
        and known.dmarc == "fail"
        and known.dmarc_policy in ("quarantine", "reject")
    )
