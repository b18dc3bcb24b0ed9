"""What other systems call the folders that every mailbox has, and how they mark mail."""

from collections.abc import Sequence

from topologies.events import DRAFTS, INBOX, SENT, SPAM, TRASH, Filing

_NAMES = {
    INBOX: ("inbox",),
    SENT: ("sent", "sent items", "sent mail", "sent messages", "gesendet", "envoyés"),
    DRAFTS: ("drafts", "draft", "entwürfe"),
    SPAM: ("spam", "junk", "junk e-mail", "junk email", "bulk mail"),
    TRASH: ("trash", "deleted items", "deleted messages", "bin", "papierkorb"),
}
_SYSTEM = {name: folder_id for folder_id, names in _NAMES.items() for name in names}
_NO_FOLDERS = frozenset(  # labels of Gmail that say something else than where a mail lies
    ("opened", "unread", "starred", "important", "archived", "all mail", "chat", "imap_")
)
_ROOTS = ("[gmail]/", "[google mail]/", "inbox/", "inbox.")


def own_name(name: str) -> str:
    """Return the name that the folder *name* of another system has here.

    What every mailbox has is named by its id, so that "Junk" is the folder of spam here.
    """
    plain = name.strip()
    for root in _ROOTS:
        if plain.casefold().startswith(root) and len(plain) > len(root):
            plain = plain[len(root) :]
            break
    return _SYSTEM.get(plain.casefold(), plain)


def of_gmail(labels: Sequence[str]) -> Filing:
    """Return where a mail lay that had these labels at Gmail (its field X-Gmail-Labels).

    Of several labels the first of one's own is the folder, before those that every mailbox has;
    the others of one's own stay labels.
    """
    said = [label.strip().strip('"') for label in labels]
    lowered = {label.casefold() for label in said}
    places = [
        label
        for label in said
        if label and label.casefold() not in _NO_FOLDERS and not _is_category(label)
    ]
    own = [label for label in places if label.casefold() not in _SYSTEM]
    system = [_SYSTEM[label.casefold()] for label in places if label.casefold() in _SYSTEM]
    urgent = [each for each in system if each in (TRASH, SPAM, DRAFTS)]
    folder = next(iter([*urgent, *own, *system]), "")
    return Filing(
        folder=folder,
        is_read="unread" not in lowered,
        is_starred="starred" in lowered,
        labels=tuple(label for label in dict.fromkeys(own) if label != folder),
    )


def _is_category(label: str) -> bool:
    return label.casefold().startswith("category ")
