"""A mailbox that is nearly full: its owner is told, by a mail, before others' mail is refused.

Told with the mail that fills it to nine tenths of its quota or beyond, and not again within a
week: of several mails at once one tells it, the same one however often it is looked at.
"""

from topologies.events import Address, MailReceived, MailScored
from topologies.mail import compose, header_lines, ids
from topologies.mail.compose import Draft
from topologies.ports.answers import Answers
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes

NEARLY_FULL = 0.9  # of the quota
TOLD_AGAIN_AFTER_S = 7 * 86_400
_HANDLE = "nearly full"


async def warnings(
    mail: MailScored, user_id: str, *, directory: Directory, mailboxes: Mailboxes, answers: Answers
) -> list[MailReceived]:
    """Return the notice to a user whom *mail* is delivered to, if there is one to give.

    Raises:
        Retryable: Something that is asked is out of reach.
    """
    user = await directory.user(user_id)
    if user is None or user.quota_bytes is None or mail.origin == "import":
        return []
    used = await mailboxes.usage(user_id) + mail.size_bytes
    if used < NEARLY_FULL * user.quota_bytes:
        return []
    at = mail.received_at
    is_told = await answers.claim(
        user_id, _HANDLE, mail.mail_id, at=at, period_s=TOLD_AGAIN_AFTER_S
    )
    if not is_told:
        return []
    mail_id = ids.derived_id(at, _HANDLE, mail.mail_id, user_id)
    domain = user.address.rpartition("@")[2]
    raw = header_lines.text_field("Auto-Submitted", "auto-generated").encode() + compose.compose(
        Draft(
            message_id=f"{mail_id}@{domain}",
            date=at,
            sender=Address(address=f"postmaster@{domain}"),
            to=(Address(address=user.address),),
            subject="Your mailbox is nearly full",
            text=_text(user.quota_bytes),
        )
    )
    return [
        MailReceived(
            mail_id=mail_id,
            received_at=at,
            origin="local",
            mail_from="",
            recipients=(user.address,),
            size_bytes=len(raw),
            raw=raw,
            user_id=user_id,  # nobody has to prove who we are
        )
    ]


def _text(quota: int) -> str:
    # Not how much: the same mail must say the same when it is done again.
    return (
        f"Your mailbox may hold {quota / 1024**2:,.1f} MB, and most of that is used.\n"
        "When it is full, mail to you is refused: its senders are asked to try again later.\n\n"
        "Make room by deleting what you don't need, from the trash as well.\n"
    )
