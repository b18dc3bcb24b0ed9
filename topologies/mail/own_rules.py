"""A user's own rules on a mail that comes to them: run, and carried out as events.

Reads the rules; returns the copies, what goes on to others, and what answers the sender. What the
rules say is decided by ``sieve_run``, pure; here it is turned into events, each with an id that is
derived, so that a replay makes nothing twice. What is spam is neither forwarded nor answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from topologies.events import (
    INBOX,
    RAW_INLINE_BYTES,
    SPAM,
    TRASH,
    Address,
    Deliver,
    Event,
    MailDisposed,
    MailOutgoing,
    MailReceived,
    MailScored,
    MailUndeliverable,
)
from topologies.mail import (
    answerable,
    blocking,
    filing,
    folder_names,
    ids,
    loops,
    mailbox_address,
    refusal,
    vacation,
)
from topologies.mail.forwarding import Forwarder, Opened
from topologies.mail.sieve import Script, SieveError, compiled
from topologies.mail.sieve_actions import (
    Action,
    FileInto,
    Keep,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from topologies.mail.sieve_run import run, with_forms
from topologies.mail.sieve_view import View
from topologies.ports.answers import Answers
from topologies.ports.mailboxes import Folder, Mailboxes
from topologies.ports.rules import Rules, UserRules

NOTE_CHARACTERS = 500
CAME_BACK = "it came back to you, so it was not forwarded again"

_NO_SCRIPT = Script((), frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Obedience:
    """What it takes to do what users want."""

    rules: Rules
    answers: Answers
    mailboxes: Mailboxes
    forwarder: Forwarder

    async def obeyed(self, opened: Opened, copy: Deliver, address: str) -> Sequence[Event]:
        """Return what becomes of a mail for one user.

        Args:
            opened: The mail.
            copy: What the user gets if there are no rules.
            address: The user's.

        Raises:
            Retryable: Something that is asked is out of reach.
        """
        mail = opened.mail
        rules = await self.rules.of(copy.user_id)
        if rules.is_idle or mail.origin == "import":
            return [copy]
        if blocked := blocking.blocked_by(rules, mail.message.from_, mail.mail_from):
            # Nothing else is done with it: neither is it sent on, nor answered.
            folder_id = TRASH if blocked.into == "trash" else SPAM
            kept = msgspec.structs.replace(copy, folder_id=folder_id)
            return [_noted(kept, f"you have blocked {blocked.target}")]
        script, error = _script_of(rules)
        folders = await self._folders(script, copy.user_id)
        view = _view(mail, await opened.raw(), copy, folders)
        outcome = Outcome(actions=(Keep(),), error=error) if error else run(script, view)
        outcome = with_forms(outcome, _forms(rules, mail), keeps_copy=rules.forwarding.keeps_copy)
        if outcome.error:
            note = f"your rules could not be run: {outcome.error}"
            copy = _noted(copy, note)
        return await self._carried_out(opened, outcome, copy, address, view, folders)

    async def _carried_out(
        self,
        opened: Opened,
        outcome: Outcome,
        copy: Deliver,
        address: str,
        view: View,
        folders: Sequence[Folder],
    ) -> Sequence[Event]:
        actions = outcome.actions
        onward = [action.address for action in actions if isinstance(action, Redirect)]
        sent_on, stays = await self._sent_on(opened, onward, copy, address, view)
        if stays and not any(isinstance(action, Keep | FileInto) for action in actions):
            actions = (*actions, Keep())
        if stays == CAME_BACK:
            copy = _noted(copy, stays)
        labels = await self.mailboxes.labels(copy.user_id) if filing.keywords(actions) else ()
        placed = filing.filed(actions, copy, folders, labels)
        answers = await self._answers(actions, opened, copy, address, view)
        events: list[Event] = [*placed.folders, *placed.copies, *placed.labels, *sent_on, *answers]
        if not placed.copies:
            events.append(_disposed(actions, copy))
        return events

    async def _sent_on(
        self, opened: Opened, addresses: Sequence[str], copy: Deliver, address: str, view: View
    ) -> tuple[list[Event], str]:
        """Return what sends the mail on, and why it stays here as well; empty if it need not."""
        mail = opened.mail
        if not addresses:
            return [], ""
        if _is_spam(copy):
            return [], "it is spam"
        if loops.is_loop(view.fields, address):
            lost = [
                MailUndeliverable(mail_id=mail.mail_id, recipient=each, reason=loops.REASON)
                for each in addresses
            ]
            return list[Event](lost), CAME_BACK
        others: list[str] = []
        for each in addresses:
            resolved = await self.forwarder.directory.resolve(each)
            if all(target.user_id != copy.user_id for target in resolved.targets):
                others.append(each)
        if not others:
            return [], "it is for the user"
        events = await self.forwarder.sent_on(opened, others, address, sender_for=address)
        is_one_lost = any(isinstance(event, MailUndeliverable) for event in events)
        stays = is_one_lost or len(others) < len(addresses)
        return events, "not all of it could be sent on" if stays else ""

    async def _answers(
        self, actions: Sequence[Action], opened: Opened, copy: Deliver, address: str, view: View
    ) -> list[Event]:
        mail = opened.mail
        wanted = [action for action in actions if isinstance(action, Vacation | Reject)]
        if not wanted or _is_spam(copy):
            return []
        own = [address, *([copy.recipient] if await self._is_alone(copy) else [])]
        if answerable.why_not(mail, view, own=own):
            return []
        user = await self.forwarder.directory.user(copy.user_id)
        sender = Address(address=address, name=user.name if user else "")
        events: list[Event] = []
        for action in wanted:
            try:
                raw = await self._answer(action, opened, copy.user_id, sender, own, view)
            except ValueError:
                continue  # what can't be written as a header must not keep the mail from its reader
            if raw:
                events.append(await self._sent(raw, mail, copy.user_id, type(action).__name__))
        return events

    async def _answer(
        self,
        action: Vacation | Reject,
        opened: Opened,
        user_id: str,
        user: Address,
        own: Sequence[str],
        view: View,
    ) -> bytes:
        """Return the message that answers; empty if none shall."""
        mail = opened.mail
        mail_id = _answer_id(mail, user_id, type(action).__name__)
        if isinstance(action, Reject):
            if not answerable.is_proved(mail):
                return b""  # whose address it is has not sent it, perhaps
            return refusal.refusal(
                action.reason,
                view.raw,
                to=mail.mail_from,
                user=user,
                hostname=self.forwarder.hostname,
                mail_id=mail_id,
                at=mail.received_at,
            )
        if not answerable.is_addressed(view, [*own, *action.addresses]):
            return b""
        if not await self.answers.claim(
            user_id,
            vacation.handle(action, mail.mail_from),
            mail.mail_id,
            at=mail.received_at,
            period_s=action.period_s,
        ):
            return b""
        return vacation.answer(
            action,
            mail.message,
            to=mail.mail_from,
            user=user,
            mail_id=mail_id,
            at=mail.received_at,
        )

    async def _sent(self, raw: bytes, mail: MailScored, user_id: str, kind: str) -> Event:
        """Return what sends an answer to whoever sent *mail* (RFC 3834 §4: by nobody)."""
        to = str(mailbox_address.parse(mail.mail_from))
        header, _, _ = raw.partition(b"\r\n\r\n")
        is_small = len(raw) <= RAW_INLINE_BYTES
        [blob] = [None] if is_small else await self.forwarder.blobs.put([raw])
        mail_id = _answer_id(mail, user_id, kind)
        resolved = await self.forwarder.directory.resolve(to)
        if resolved.status in ("local", "unknown"):
            return MailReceived(
                mail_id=mail_id,
                received_at=mail.received_at,
                origin="local",
                mail_from="",
                recipients=(to,),
                size_bytes=len(raw),
                raw=raw if is_small else None,
                raw_blob=blob,
                user_id=user_id,
                tls_required=mail.tls_required,
            )
        return MailOutgoing(
            mail_id=mail_id,
            submitted_at=mail.received_at,
            user_id=user_id,
            mail_from="",
            recipients=(to,),
            size_bytes=len(raw),
            raw=raw if is_small else None,
            raw_blob=blob,
            kind="answer",
            smtputf8=not (to + header.decode("latin-1")).isascii(),
            tls_required=mail.tls_required,  # RFC 8689 §6: it may quote the mail
        )

    async def _is_alone(self, copy: Deliver) -> bool:
        """Tell whether the address that the mail came to is the user's, not that of several."""
        resolved = await self.forwarder.directory.resolve(copy.recipient)
        return len(resolved.targets) == 1 and not resolved.forwards

    async def _folders(self, script: Script, user_id: str) -> Sequence[Folder]:
        if not script.extensions & {"fileinto", "mailbox"}:
            return ()
        return await self.mailboxes.folders(user_id)


def _script_of(rules: UserRules) -> tuple[Script, str]:
    """Return the script to run, and what is wrong with it."""
    active = rules.script(rules.active) if rules.active else None
    if active is None:
        return _NO_SCRIPT, ""
    try:
        return compiled(active.source), ""
    except SieveError as error:  # it was fine when it was put there: by an earlier version
        return _NO_SCRIPT, str(error)


def _forms(rules: UserRules, mail: MailScored) -> list[Action]:
    """Return what the user has set without a script, as a script would say it."""
    forms: list[Action] = []
    if rules.forwarding.is_on:
        forms += [Redirect(address=each) for each in rules.forwarding.addresses]
    if rules.away.holds_at(mail.received_at):
        away = rules.away
        forms.append(Vacation(reason=away.text, subject=away.subject, period_s=away.days * 86_400))
    return forms


def _view(mail: MailScored, raw: bytes, copy: Deliver, folders: Sequence[Folder]) -> View:
    visible = [folder for folder in folders if not folder.is_deleting]
    # By the names that `fileinto` finds them by (``filing``).
    names = {folder.name.lower() for folder in visible}
    names |= {path.lower() for path in folder_names.paths(visible).values()}
    return View(
        raw=raw,
        message=mail.message,
        received_at=mail.received_at,
        mail_from=mail.mail_from,
        recipient=copy.recipient,
        folders=frozenset({INBOX, *names}),
        spam=copy.spam,
    )


def _is_spam(copy: Deliver) -> bool:
    return copy.spam is not None and copy.spam.is_spam  # to this user


def _disposed(actions: Sequence[Action], copy: Deliver) -> MailDisposed:
    how = "discarded"
    if any(isinstance(action, Reject) for action in actions):
        how = "refused"
    elif any(isinstance(action, Redirect) for action in actions):
        how = "forwarded"
    return MailDisposed(
        mail_id=copy.mail_id, recipient=copy.recipient, user_id=copy.user_id, how=how
    )


def _answer_id(mail: MailScored, user_id: str, kind: str) -> str:
    return ids.derived_id(mail.received_at, "answer", kind, mail.mail_id, user_id)


def _noted(copy: Deliver, note: str) -> Deliver:
    joined = "; ".join(filter(None, (copy.note, note)))[:NOTE_CHARACTERS]
    return msgspec.structs.replace(copy, note=joined)
