"""What Elasticsearch holds of a mail: its texts cut into our words, and what is filtered by.

Decides names, marks and the mapping. Texts are cut and folded by ``topologies.mail.folding``
and indexed word by word as they come, so that all profiles find the same mails. Before each
word stands a mark of its user (``Zk3qinvoice``): a user's words lie together, so that a
beginning of a word is looked up among one's own words, not among those of all in the shard.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from topologies.errors import Poison
from topologies.mail.folding import words
from topologies.ports.search import SearchDocument, SearchState

LAYOUT = 2  # of MAPPING and of the words in it; another one needs a rebuild, …

_TEXT = {"type": "text", "analyzer": "whitespace", "norms": False, "index_options": "positions"}
_EXACT = {"type": "keyword", "doc_values": False, "norms": False}
_FLAG = {"type": "boolean", "doc_values": False}
_KEPT = {"type": "long", "index": False, "doc_values": False}
# … but for what is only added to the one before: an index that is there takes that in as it is.
ADDED: Mapping[int, Mapping[str, Any]] = {2: {"labels": _EXACT}}
MAPPING: Mapping[str, Any] = {
    "_meta": {"layout": LAYOUT},
    "dynamic": "strict",  # a field we do not know is a bug, not a new field
    "_routing": {"required": True},
    "properties": {
        "user_id": _EXACT,
        "email_id": {"type": "keyword", "index": False},  # sorted by
        "folder_id": _EXACT,
        **ADDED[2],
        "version": _KEPT,
        "is_read": _FLAG,
        "is_starred": _FLAG,
        "has_attachments": _FLAG,
        "received_us": {"type": "long"},
        "size_bytes": {"type": "long"},
        "subject": _TEXT,
        "text": _TEXT,
        "senders": _TEXT,
        "recipients": _TEXT,
        "file_names": _TEXT,
        "removed_us": {"type": "long"},  # of a mail that is gone: all that is left of it
    },
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4_096)
def mark_of(user_id: str) -> str:
    """Return the four characters before each word of a user.

    Some users share one, which costs a little time and shows nothing: every question
    names its user besides.
    """
    digest = hashlib.blake2b(user_id.encode(), digest_size=3).digest()
    return base64.urlsafe_b64encode(digest).decode()


def document_id(user_id: str, email_id: str) -> str:
    """Return what a mail is called in the index; sorts by time, as ``email_id`` does.

    Raises:
        Poison: *email_id* is no UUID.
    """
    try:
        email = uuid.UUID(email_id).bytes
    except ValueError as error:
        raise Poison(f"{email_id!r} is not the id of an email") from error
    # 24 bytes in base64 need no padding, and are kept as 24 bytes.
    owner = hashlib.blake2b(user_id.encode(), digest_size=8).digest()
    return base64.urlsafe_b64encode(email + owner).decode()


def fields_of(mail: SearchDocument) -> dict[str, Any]:
    """Return all that is indexed of *mail*: the work that needs no server."""
    mark = mark_of(mail.user_id)
    return {
        "user_id": mail.user_id,
        "email_id": mail.email_id,
        "received_us": microseconds(mail.received_at),
        "has_attachments": mail.has_attachments,
        "size_bytes": mail.size_bytes,
        "subject": marked(words(mail.subject), mark),
        # As lists: no phrase bridges two of them.
        "text": _each((mail.text, *mail.attached), mark),
        "senders": _each(mail.senders, mark),
        "recipients": _each(mail.recipients, mark),
        "file_names": _each(mail.file_names, mark),
    } | state_of(mail)


def state_of(mail: SearchDocument | SearchState) -> dict[str, Any]:
    """Return the part of a document that changes."""
    return {
        "folder_id": mail.folder_id,
        "version": mail.version,
        "is_read": mail.is_read,
        "is_starred": mail.is_starred,
        "labels": mail.labels,
    }


def tombstone(now: datetime) -> dict[str, Any]:
    """Return what stays of a removed mail. It names no user, so no question meets it."""
    return {"removed_us": microseconds(now)}


def marked(found: Sequence[str], mark: str) -> str:
    """Return words as the index has them."""
    return mark + f" {mark}".join(found) if found else ""


def microseconds(at: datetime) -> int:
    """Return *at* as microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _each(texts: Iterable[str], mark: str) -> list[str]:
    return [marked(words(text), mark) for text in texts]
