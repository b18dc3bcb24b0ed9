"""Several commands of one mailbox, decided one after another on what was loaded once; pure.

``together`` says which commands may be loaded for at once, ``decide_several`` what they do.
Each is decided by ``topologies.mail.mailbox`` on the mailbox as those before it leave it, so
that it makes no difference which commands are taken together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from topologies.events.mailbox import (
    ChangeLabel,
    Command,
    CommandAnswered,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    Deliver,
    LabelEmails,
    MailboxChanged,
    MoveEmails,
    RenameFolder,
    RestoreEmails,
    SetFlags,
)
from topologies.mail.mailbox import MOST_EMAILS, decide, needs
from topologies.ports.mailboxes import (
    Effects,
    Folder,
    Label,
    Loaded,
    LoadedForSeveral,
    Mailbox,
    Needs,
    Summary,
)

Told = tuple[MailboxChanged | CommandAnswered, ...]

# What these need is named by them. Of other commands each is applied alone.
_TOGETHER = (
    Deliver,
    SetFlags,
    MoveEmails,
    DeleteEmails,
    CreateFolder,
    RenameFolder,
    RestoreEmails,
    LabelEmails,
    CreateLabel,
    ChangeLabel,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """What the first of some commands do.

    Attributes:
        told: What each of them leads to; there is at least one.
        effects: What is to be written, of those that were not applied before.
    """

    told: list[Told]
    effects: list[Effects]


def together(commands: Sequence[Command]) -> Sequence[Command]:
    """Return the first of *commands*, and those after it that can be loaded for with it."""
    named = 0
    for place, command in enumerate(commands):
        if _is_alone(command) or command.user_id != commands[0].user_id:
            return commands[: max(place, 1)]
        named += len(needs(command).email_ids)
        if named > MOST_EMAILS:
            return commands[: max(place, 1)]
    return commands


def _is_alone(command: Command) -> bool:
    # Of a draft more is loaded than of other mails.
    is_of_a_draft = isinstance(command, Deliver) and command.draft_id != ""
    return is_of_a_draft or not isinstance(command, _TOGETHER)


def combined(found: Sequence[tuple[Needs, Loaded]]) -> LoadedForSeveral:
    """Return what was loaded for each of several commands, all at one moment, as one."""
    fresh = [loaded for _, loaded in found if loaded.answered is None]
    first = fresh[0] if fresh else found[0][1]
    return LoadedForSeveral(
        loaded=Loaded(
            mailbox=first.mailbox,
            folders=first.folders,
            labels=first.labels,
            emails={email_id: mail for each in fresh for email_id, mail in each.emails.items()},
            gone=frozenset(email_id for each in fresh for email_id in each.gone),
            threads={named: thread for each in fresh for named, thread in each.threads.items()},
            thread_sizes={
                thread: size for each in fresh for thread, size in each.thread_sizes.items()
            },
        ),
        answers={
            needs.command_id: loaded.answered
            for needs, loaded in found
            if loaded.answered is not None
        },
    )


def decide_several(commands: Sequence[Command], several: LoadedForSeveral) -> Decided:
    """Return what *commands* do one after another, up to one that needs more to be read.

    A command that joins threads moves mails that nobody named: it comes first, or not now.

    Raises:
        Poison: One is no command known here.
    """
    view = _View.of(several)
    decided = Decided([], [])
    for command in commands:
        wanted = needs(command)
        loaded = view.loaded(wanted)
        effects = decide(command, loaded)
        if effects.merged and decided.told:
            break
        decided.told.append(effects.events)
        if loaded.answered is None:
            decided.effects.append(effects)
            view.take(effects)
        if effects.merged:
            break
    return decided


@dataclass(slots=True)
class _View:
    """The mailbox as the commands so far leave it, as far as it was loaded."""

    mailbox: Mailbox
    folders: dict[str, Folder]
    labels: dict[str, Label]
    emails: dict[str, Summary]
    gone: set[str]
    threads: dict[str, str]
    sizes: dict[str, int]
    answers: dict[str, Told] = field(default_factory=dict[str, Told])

    @classmethod
    def of(cls, several: LoadedForSeveral) -> "_View":
        loaded = several.loaded
        return cls(
            mailbox=loaded.mailbox,
            folders=dict(loaded.folders),
            labels=dict(loaded.labels),
            emails=dict(loaded.emails),
            gone=set(loaded.gone),
            threads=dict(loaded.threads),
            sizes=dict(loaded.thread_sizes),
            answers=dict(several.answers),
        )

    def loaded(self, wanted: Needs) -> Loaded:
        """Return what would be loaded for one command alone."""
        emails = {each: self.emails[each] for each in wanted.email_ids if each in self.emails}
        threads = {each: self.threads[each] for each in wanted.message_ids if each in self.threads}
        return Loaded(
            mailbox=self.mailbox,
            folders=self.folders,
            labels=self.labels,
            emails=emails,
            gone=frozenset(self.gone.intersection(wanted.email_ids)),
            threads=threads,
            thread_sizes={each: self.sizes.get(each, 0) for each in threads.values()},
            answered=self.answers.get(wanted.command_id),
        )

    def take(self, effects: Effects) -> None:
        """Let *effects* be written."""
        self.mailbox = effects.mailbox
        self.folders = self.folders | {folder.folder_id: folder for folder in effects.folders}
        for folder_id in effects.removed_folders:
            self.folders.pop(folder_id, None)
        self.labels = self.labels | {label.label_id: label for label in effects.labels}
        for email in effects.added:
            mail = email.summary
            self.emails[mail.email_id] = mail
            self.sizes[mail.thread_id] = self.sizes.get(mail.thread_id, 0) + 1
        for mail in effects.updated:
            self.emails[mail.email_id] = mail
        for email in effects.rewritten:
            self.emails[email.summary.email_id] = email.summary
        for email_id in effects.removed:
            thread_id = self.emails.pop(email_id).thread_id
            self.gone.add(email_id)
            if thread_id in self.sizes:
                self.sizes[thread_id] -= 1
        self.threads.update(effects.threads)
        self.answers[effects.command_id] = effects.events
