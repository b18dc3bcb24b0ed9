"""Learn: what a user reports as spam, or as none, changes how their next mail is judged.

Reads `mailbox.reports`; writes `senders.judged` for a reported mail whose sender's domain is
proved, and keeps what was learnt in ``PersonalSpam``.

A report is learnt from once: what was learnt names the number of the last change in it, so a
replay adds nothing. A mail that is gone by then teaches nothing.
"""

from collections.abc import Sequence

from topologies.events import Authentication, Event, SenderJudged, SpamReported
from topologies.mail import personal
from topologies.mail.features import features
from topologies.ports.classifier import SpamClassifier
from topologies.ports.mailboxes import Email, Mailboxes
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.policy import ScorePolicy
from topologies.stage import stage


@stage(reads=SpamReported, writes=[SenderJudged])
async def learn(
    report: SpamReported,
    *,
    mailboxes: Mailboxes,
    learnt: PersonalSpam,
    classifier: SpamClassifier,
    policy: ScorePolicy,
) -> Sequence[Event]:
    """Learn from *report*; tell who sent what was reported as spam."""
    email = await mailboxes.email(report.user_id, report.email_id)
    if email is None:
        return []
    known = await learnt.read(report.user_id)
    if report.seq > known.seq:
        found = features(email.message, email.authentication or Authentication())
        after = personal.taught(
            known,
            personal.kind_of(email.message, email.authentication),
            seq=report.seq,
            common=classifier.probability(found),
            is_spam=report.is_spam,
            threshold=policy.spam_threshold,
        )
        await learnt.keep(report.user_id, after)
    return _judged(report, email) if report.is_spam else []


def _judged(report: SpamReported, email: Email) -> Sequence[Event]:
    proof = email.authentication
    if proof is None or proof.dmarc != "pass" or not proof.from_domain or proof.signed_in:
        return []
    return [
        SenderJudged(
            sender=proof.from_domain,
            mail_id=email.mail_id,
            judged_at=report.reported_at,
            is_bad=True,
        )
    ]
