"""Mail in files, as the spam model is trained on it and as it is judged by hand.

A path is a message, or a folder that is walked. What is spam is told by the nearest folder
above a message that is called `spam` or `ham`.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from connectors.files.spam_training import Labelled
from topologies.events import Authentication, Message
from topologies.mail.features import features
from topologies.mail.message import parse_message

LARGEST_BYTES = 50 * 1024**2  # of a message that is read
_ANSWERS = re.compile(r"(?:\s*(?:re|fwd?|aw|wg|sv|vs|tr)\s*(?:\[\d+\])?:)+", re.IGNORECASE)
_LABELS = {"spam": True, "ham": False}
_GROUP_CHARACTERS = 80


def messages_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that *paths* are or hold, each folder's sorted by name; hidden ones not."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if not hidden and found.is_file():
                yield found


def label_of(path: Path) -> bool | None:
    """Return whether the folders of *path* say that it is spam; None if they say nothing."""
    for folder in path.absolute().parents:
        if folder.name.lower() in _LABELS:
            return _LABELS[folder.name.lower()]
    return None


def features_of(path: Path) -> tuple[Message, list[str]]:
    """Return the message in a file, and what speaks for or against spam in it.

    Nothing is known about who sent it: a file does not say where it came from.

    Raises:
        OSError: It can't be read.
    """
    return _features_in(_read(path))


def labelled(path: Path, *, is_spam: bool) -> Labelled:
    """Return what the model learns from a file.

    Raises:
        OSError: It can't be read.
    """
    return labelled_in(_read(path), is_spam=is_spam)


def labelled_in(raw: bytes, *, is_spam: bool) -> Labelled:
    """Return what the model learns from a raw message."""
    message, found = _features_in(raw)
    return _labelled(message, found, is_spam=is_spam)


def labelled_message(message: Message, *, is_spam: bool) -> Labelled:
    """Return what the model learns from a message that was read before."""
    found = list(features(message, Authentication()))
    return _labelled(message, found, is_spam=is_spam)


def _labelled(message: Message, found: list[str], *, is_spam: bool) -> Labelled:
    subject = _ANSWERS.sub("", message.subject, count=1).strip().lower()
    # Mails of one thread, and copies, resemble each other more than what will come.
    group = subject or message.text[:_GROUP_CHARACTERS]
    return Labelled(features=found, is_spam=is_spam, group=group)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES)


def _features_in(raw: bytes) -> tuple[Message, list[str]]:
    message = parse_message(raw).message
    return message, list(features(message, Authentication()))
