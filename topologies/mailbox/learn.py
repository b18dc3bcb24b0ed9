"""Learn: what a user reports as spam, or as none, changes how their next mail is judged.

Reads `mailbox.changes`; writes `senders.judged` for a reported mail whose sender's domain is
proved, and keeps what was learnt in ``PersonalSpam``. A report is a move: into the spam folder,
or out of it to any place but the trash. Everything else that changes is passed by.

A change is learnt from once: what was learnt names the number of the last change in it, so a
replay adds nothing. A mail that is gone by then teaches nothing.
"""

from collections.abc import Sequence

from topologies.events import SPAM, TRASH, Authentication, Event, MailboxChanged, SenderJudged
from topologies.mail import personal
from topologies.mail.features import features
from topologies.ports.classifier import SpamClassifier
from topologies.ports.mailboxes import Email, Mailboxes
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.policy import ScorePolicy
from topologies.stage import stage


@stage(reads=MailboxChanged, writes=[SenderJudged])
async def learn(
    change: MailboxChanged,
    *,
    mailboxes: Mailboxes,
    learnt: PersonalSpam,
    classifier: SpamClassifier,
    policy: ScorePolicy,
) -> Sequence[Event]:
    """Learn from *change* if it is a report; tell who sent what was reported as spam."""
    is_spam = _reported(change)
    if is_spam is None:
        return []
    email = await mailboxes.email(change.user_id, change.email_id)
    if email is None:
        return []
    known = await learnt.read(change.user_id)
    if change.seq > known.seq:
        found = features(email.message, email.authentication or Authentication())
        after = personal.taught(
            known,
            personal.kind_of(email.message, email.authentication),
            seq=change.seq,
            common=classifier.probability(found),
            is_spam=is_spam,
            threshold=policy.spam_threshold,
        )
        await learnt.keep(change.user_id, after)
    return _judged(change, email) if is_spam else []


def _reported(change: MailboxChanged) -> bool | None:
    """Return whether *change* reports spam (True), or that it is none (False); None for neither."""
    if change.kind != "email.moved" or change.folder_id == change.from_folder_id:
        return None
    if change.folder_id == SPAM:
        return True
    return False if change.from_folder_id == SPAM and change.folder_id != TRASH else None


def _judged(change: MailboxChanged, email: Email) -> Sequence[Event]:
    proof = email.authentication
    if proof is None or proof.dmarc != "pass" or not proof.from_domain or proof.signed_in:
        return []
    return [
        SenderJudged(
            sender=proof.from_domain,
            mail_id=email.mail_id,
            judged_at=change.changed_at,
            is_bad=True,
        )
    ]
