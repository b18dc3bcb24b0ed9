"""Reconcile: what can be found, and what blobs there are, held against what mailboxes hold.

Reads a mailbox, which is what is true, the search index and, if asked to, the blobs; writes
nothing. What mends the index is a record on `mailbox.changes` for each mail, for the stage `index`
alone: it reads the mail as it is then, so a record that comes twice, or late, does no harm. A
blob can't be made from anything that is kept here: those that are missing are told.

Compared is where a mail lies, its flags and its labels. Its text never changes under one
``email_id``, but of a draft's: whether the index has a draft's last version is not seen. What was
deleted and can be restored is hidden in the index, not taken out, and so it is mended.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from topologies.errors import BlobMissing
from topologies.events import DELETED, MailboxChanged
from topologies.indexed_states import State, shown, state_of, states_in
from topologies.mail import ids
from topologies.mail.listing import pages
from topologies.mailbox.index import index
from topologies.ports.blobs import Blobs
from topologies.ports.log import Entry
from topologies.ports.mailboxes import MAX_PAGE, Mailboxes, Summary
from topologies.ports.search import Search
from topologies.stage import declared_by
from topologies.topics import FOR_STAGE, comes_back_by, topic_of
from topologies.used_blobs import blobs_of

Kind = Literal["missing", "stale", "extra", "blob"]
RECENT_CHANGES = 1_000  # looked through for removals that the index has yet to hear of


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not as the mailbox says.

    Attributes:
        kind: ``missing``: the index lacks the mail. ``stale``: it has it in another folder, or
            with other flags or labels. ``extra``: it has one that the mailbox does not. ``blob``:
            a blob that the mail refers to is not there.
        seq: The number of the change that touched the mail last; of an extra, the mailbox's.
        is_restorable: The mail was deleted, and can be restored.
    """

    user_id: str
    email_id: str
    kind: Kind
    detail: str
    seq: int
    is_restorable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What comparing one mailbox came to.

    Attributes:
        mails: In the mailbox.
        blobs: Looked for.
        under_way: Mails that differ, and changed so lately that the index may yet hear of it.
    """

    user_id: str
    mails: int
    blobs: int
    under_way: int
    differences: tuple[Difference, ...]


async def compare_mailbox(
    user_id: str,
    *,
    mailboxes: Mailboxes,
    search: Search,
    blobs: Blobs | None = None,
    settled_before: datetime,
) -> Compared:
    """Hold the index, and the blobs if they are given, against one mailbox.

    Args:
        user_id: Whose mailbox.
        mailboxes: What is true.
        search: What is held against it.
        blobs: Where each blob of each mail is looked for; None: they are not asked about.
        settled_before: What changed since may be under way, and is no difference.

    Raises:
        Retryable: A store is out of reach.
    """
    folders = [folder.folder_id for folder in await mailboxes.folders(user_id)]
    kept: dict[str, Summary] = {}
    for folder_id in folders:
        async for lines in pages(mailboxes, user_id, folder_id):
            kept.update((line.email_id, line) for line in lines)
    indexed = await states_in(user_id, folders, mailboxes, search)
    differing = [
        email_id for email_id, line in kept.items() if indexed.get(email_id) != state_of(line)
    ]
    extra = [email_id for email_id in indexed if email_id not in kept]
    changed = [
        line
        for line in await _settled(user_id, differing, mailboxes, settled_before)
        if indexed.get(line.email_id) != state_of(line)
    ]
    stray = await _stray(user_id, extra, mailboxes, settled_before)
    differences = [_differing(user_id, line, indexed.get(line.email_id)) for line in changed]
    if stray:
        differences += await _too_much(user_id, stray, mailboxes)
    looked_for = 0
    if blobs is not None:
        for email_id in kept:
            count, missing = await _missing_blobs(user_id, email_id, mailboxes, blobs)
            looked_for += count
            differences += missing
    return Compared(
        user_id=user_id,
        mails=len(kept),
        blobs=looked_for,
        under_way=len(differing) - len(changed) + len(extra) - len(stray),
        differences=tuple(differences),
    )


def mending(difference: Difference, at: datetime) -> Entry | None:
    """Return what has the stage `index` mend *difference*; None: it can't.

    Args:
        difference: What is to be mended.
        at: What time it is.
    """
    if difference.kind == "blob":
        return None
    stage = declared_by(index)
    event_id = ids.event_id("reconcile", f"{difference.email_id}/{difference.seq}", 0)
    change = MailboxChanged(
        user_id=difference.user_id,
        seq=difference.seq,
        command_id=event_id,
        changed_at=at,
        kind="email.removed" if difference.kind == "extra" else "email.added",
        email_id=difference.email_id,
        is_restorable=difference.is_restorable,
    )
    return Entry(
        topic=comes_back_by(stage.path, topic_of(MailboxChanged).name),
        key=difference.user_id,
        value=msgspec.json.encode(change),
        event_id=event_id,
        headers={FOR_STAGE: stage.name},
    )


async def _settled(
    user_id: str, email_ids: Sequence[str], mailboxes: Mailboxes, settled_before: datetime
) -> list[Summary]:
    """Return those of the mails that are still there, and did not change lately."""
    settled: list[Summary] = []
    for start in range(0, len(email_ids), MAX_PAGE):
        part = email_ids[start : start + MAX_PAGE]
        for line in await mailboxes.summaries(user_id, part):
            told = await mailboxes.changes(user_id, line.changed_seq - 1, limit=1)
            # Changes that are not kept any more are old.
            if not any(change.changed_at >= settled_before for change in told.changes):
                settled.append(line)
    return settled


async def _stray(
    user_id: str, email_ids: Sequence[str], mailboxes: Mailboxes, settled_before: datetime
) -> list[str]:
    """Return those that are not in the mailbox, and were not removed lately."""
    if not email_ids:
        return []
    since = max(0, (await mailboxes.mailbox(user_id)).seq - RECENT_CHANGES)
    removed_lately: set[str] = set()
    has_more = True
    while has_more:
        told = await mailboxes.changes(user_id, since, limit=MAX_PAGE)
        removed_lately.update(
            change.email_id
            for change in told.changes
            if change.kind == "email.removed" and change.changed_at >= settled_before
        )
        since, has_more = told.seq, told.has_more
    # Asked for last: what came while the index was read is there by now.
    held = await _held(user_id, email_ids, mailboxes)
    return [each for each in email_ids if each not in removed_lately and each not in held]


async def _too_much(user_id: str, stray: Sequence[str], mailboxes: Mailboxes) -> list[Difference]:
    seq = (await mailboxes.mailbox(user_id)).seq
    deleted: dict[str, int] = {}
    async for lines in pages(mailboxes, user_id, DELETED):
        deleted.update((line.email_id, line.changed_seq) for line in lines)
    return [
        Difference(
            user_id=user_id,
            email_id=email_id,
            kind="extra",
            detail="deleted" if email_id in deleted else "not in the mailbox",
            seq=deleted.get(email_id, seq),
            is_restorable=email_id in deleted,
        )
        for email_id in stray
    ]


async def _held(user_id: str, email_ids: Sequence[str], mailboxes: Mailboxes) -> Collection[str]:
    held: set[str] = set()
    for start in range(0, len(email_ids), MAX_PAGE):
        part = email_ids[start : start + MAX_PAGE]
        lines = await mailboxes.summaries(user_id, part)
        held.update(line.email_id for line in lines if line.folder_id != DELETED)
    return held


async def _missing_blobs(
    user_id: str, email_id: str, mailboxes: Mailboxes, blobs: Blobs
) -> tuple[int, list[Difference]]:
    email = await mailboxes.email(user_id, email_id)
    if email is None:
        return 0, []  # gone since
    wanted = dict.fromkeys(await blobs_of(email, blobs))
    missing: list[Difference] = []
    for blob in wanted:
        try:
            await blobs.size(blob)
        except BlobMissing:
            missing.append(
                Difference(
                    user_id=user_id,
                    email_id=email_id,
                    kind="blob",
                    detail=f"blob {blob} is not there",
                    seq=email.summary.changed_seq,
                )
            )
    return len(wanted), missing


def _differing(user_id: str, line: Summary, there: State | None) -> Difference:
    kind: Kind = "missing"
    detail = "not in the index"
    if there is not None:
        kind = "stale"
        names = ("folder", "read", "starred", "labels")
        pairs = zip(names, shown(there), shown(state_of(line)), strict=True)
        detail = ", ".join(f"{n} is {a}, not {b}" for n, a, b in pairs if a != b)
    return Difference(
        user_id=user_id,
        email_id=line.email_id,
        kind=kind,
        detail=detail,
        seq=line.changed_seq,
    )
