"""Route: whose mailbox a judged mail goes to, and which folder.

Reads `mail.scored`; writes one `Deliver` for each user, however many of the envelope's
recipients lead to them, and to `mail.exceptions` what no mailbox gets. An infected mail
goes to the quarantine and to nobody else. Whether a mail is infected or spam was decided
before. Who an address leads to is the directory's answer at this moment: a replay may hear
another one, but derives the same ids for the same user, so nobody gets a second copy.
"""

from collections.abc import Sequence

from topologies.events import (
    INBOX,
    QUARANTINE_USER,
    SPAM,
    Deliver,
    Event,
    MailQuarantined,
    MailScored,
    MailUndeliverable,
)
from topologies.mail import ids
from topologies.ports.directory import Directory, Target
from topologies.stage import stage

_WHY_NOT = {
    "unknown": "there is no such mailbox here any more",
    "foreign": "its domain is none of ours any more",
    "invalid": "it is no valid address",
}


@stage(reads=MailScored, writes=[Deliver, MailQuarantined, MailUndeliverable])
async def route(mail: MailScored, *, directory: Directory) -> Sequence[Event]:
    """Return a copy for each user that the recipients lead to."""
    if mail.virus.result == "infected":
        return _quarantined(mail)
    copies: dict[str, tuple[str, Target]] = {}  # by user: the recipient who led there first
    unreached: list[Event] = []
    for recipient in dict.fromkeys(mail.recipients):
        resolved = await directory.resolve(recipient)
        for target in resolved.targets:
            copies.setdefault(target.user_id, (recipient, target))
        if not resolved.targets:
            reason = _WHY_NOT.get(resolved.status, "it leads to nobody")
            unreached.append(
                MailUndeliverable(mail_id=mail.mail_id, recipient=recipient, reason=reason)
            )
    folder_id = SPAM if mail.spam.is_spam else INBOX
    is_unscanned = mail.virus.result == "unscannable"
    note = _found(mail, "could not be scanned for viruses") if is_unscanned else ""
    return [
        *(
            _copy(mail, target.user_id, folder_id, recipient=recipient, tag=target.tag, note=note)
            for recipient, target in copies.values()
        ),
        *unreached,
    ]


def _copy(
    mail: MailScored,
    user_id: str,
    folder_id: str,
    *,
    recipient: str,
    tag: str = "",
    note: str = "",
) -> Deliver:
    return Deliver(
        user_id=user_id,
        command_id=ids.command_id("deliver", mail.mail_id, user_id),
        issued_at=mail.received_at,
        email_id=ids.email_id(mail.mail_id, user_id),
        mail_id=mail.mail_id,
        folder_id=folder_id,
        message=mail.message,
        raw_ref=mail.raw_ref,
        received_at=mail.received_at,
        mail_from=mail.mail_from,
        recipient=recipient,
        tag=tag,
        # Who brings an old archive along has read it: it is no 5,000 new mails.
        is_read=mail.origin == "import",
        authentication=mail.authentication,
        spam=mail.spam,
        note=note,
    )


def _quarantined(mail: MailScored) -> Sequence[Event]:
    recipient = next(iter(mail.recipients), "")
    return [
        _copy(mail, QUARANTINE_USER, INBOX, recipient=recipient, note=_found(mail, "infected")),
        MailQuarantined(
            mail_id=mail.mail_id,
            quarantined_at=mail.received_at,
            recipients=mail.recipients,
            virus=mail.virus,
        ),
    ]


def _found(mail: MailScored, verdict: str) -> str:
    what = " in ".join(filter(None, (mail.virus.name, mail.virus.part)))
    return f"{verdict}: {what}" if what else verdict
