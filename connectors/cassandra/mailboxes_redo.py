"""What is left to be written once commands count: named steps, kept until all are done.

A command counts from the moment its mailbox row is written. That row holds, until the rest is
written too, the steps of the rest: whoever finds them there (the next command, or a reader who
misses a mail) carries them out. Doing so twice, late, or beside another changes nothing: every
step says what a row shall be, with the command's number as its timestamp.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeGuard

import msgspec

from connectors.cassandra.session import CassandraSession, Statement, gather
from topologies.errors import Misconfigured, Poison

Step = tuple[str, list[Any]]

# By name, since a step may be read by a later version of this program: a name keeps its meaning.
# Each with where among its values those are that name its partition.
_STATEMENTS: dict[str, tuple[str, slice]] = {
    "line": (
        (
            "INSERT INTO emails (user_id, folder_id, bucket, email_id, thread_id, is_read,"
            " is_starred, changed_seq, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        ),
        slice(0, 3),
    ),
    "line state": (
        (
            "UPDATE emails USING TIMESTAMP ? SET is_read = ?, is_starred = ?, changed_seq = ?"
            " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id = ?"
        ),
        slice(4, 7),
    ),
    "line thread": (
        (
            "UPDATE emails USING TIMESTAMP ? SET thread_id = ?"
            " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id = ?"
        ),
        slice(2, 5),
    ),
    "line marks": (
        (
            "UPDATE emails USING TIMESTAMP ? SET marks = ?"
            " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id = ?"
        ),
        slice(2, 5),
    ),
    "label line": (
        (
            "INSERT INTO emails (user_id, folder_id, bucket, email_id, is_read)"
            " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
        ),
        slice(0, 3),
    ),
    "line gone": (
        (
            "DELETE FROM emails USING TIMESTAMP ?"
            " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id = ?"
        ),
        slice(1, 4),
    ),
    "bucket gone": (
        "DELETE FROM emails USING TIMESTAMP ? WHERE user_id = ? AND folder_id = ? AND bucket = ?",
        slice(1, 4),
    ),
    "mail": (
        (
            "INSERT INTO mails (user_id, email_id, folder_id, thread_id, is_read, is_starred,"
            " changed_seq, line, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        ),
        slice(0, 2),
    ),
    "mail without body": (
        (
            "INSERT INTO mails (user_id, email_id, folder_id, thread_id, is_read, is_starred,"
            " changed_seq, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        ),
        slice(0, 2),
    ),
    "body": (
        "INSERT INTO mails (user_id, email_id, body) VALUES (?, ?, ?) USING TIMESTAMP ?",
        slice(0, 2),
    ),
    "mail state": (
        (
            "UPDATE mails USING TIMESTAMP ? SET folder_id = ?, is_read = ?, is_starred = ?,"
            " changed_seq = ? WHERE user_id = ? AND email_id = ?"
        ),
        slice(5, 7),
    ),
    "mail thread": (
        "UPDATE mails USING TIMESTAMP ? SET thread_id = ? WHERE user_id = ? AND email_id = ?",
        slice(2, 4),
    ),
    "mail marks": (
        "UPDATE mails USING TIMESTAMP ? SET marks = ? WHERE user_id = ? AND email_id = ?",
        slice(2, 4),
    ),
    "mail gone": (
        (
            "UPDATE mails USING TIMESTAMP ? SET folder_id = '', thread_id = null, line = null,"
            " body = null WHERE user_id = ? AND email_id = ?"
        ),
        slice(1, 3),
    ),
    "thread member": (
        (
            "INSERT INTO threads (user_id, thread_id, kind, member) VALUES (?, ?, ?, ?)"
            " USING TIMESTAMP ?"
        ),
        slice(0, 2),
    ),
    "thread member gone": (
        (
            "DELETE FROM threads USING TIMESTAMP ?"
            " WHERE user_id = ? AND thread_id = ? AND kind = ? AND member = ?"
        ),
        slice(1, 3),
    ),
    "thread emptied": (
        "DELETE FROM threads USING TIMESTAMP ? WHERE user_id = ? AND thread_id = ? AND kind >= 0",
        slice(1, 3),
    ),
    "thread size": (
        "INSERT INTO threads (user_id, thread_id, size) VALUES (?, ?, ?) USING TIMESTAMP ?",
        slice(0, 2),
    ),
    "thread into": (
        "INSERT INTO threads (user_id, thread_id, into_id) VALUES (?, ?, ?) USING TIMESTAMP ?",
        slice(0, 2),
    ),
    "message id": (
        "INSERT INTO message_ids (user_id, digest, thread_id) VALUES (?, ?, ?) USING TIMESTAMP ?",
        slice(0, 2),
    ),
    "copy": (
        "INSERT INTO copies (mail_id, user_id, email_id) VALUES (?, ?, ?) USING TIMESTAMP ?",
        slice(0, 1),
    ),
    "command": (
        ("INSERT INTO commands (user_id, command_id, written_at, events) VALUES (?, ?, ?, ?)"),
        slice(0, 2),
    ),
    "change": (
        (
            "INSERT INTO changes (user_id, stretch, last_seq, command_id, written_at, events)"
            " VALUES (?, ?, ?, ?, ?, ?)"
        ),
        slice(0, 2),
    ),
}
FEW = 10  # rows of different partitions that one request may write
SMALL_BYTES = 4 * 1024  # of these together; servers warn of more, and refuse ten times as much
_LARGE = ("mail", "body")
LARGE_BYTES = 16 * 1024
_BODY = 8  # which value of the step "mail" it is
_COMPRESSED = b"z"  # which begins no list in MessagePack
ROWS_AT_ONCE = 50  # of one partition, in one request
_table = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)").match
_TABLES = {name: found[1] for name, (text, _) in _STATEMENTS.items() if (found := _table(text))}

_encode = msgspec.msgpack.Encoder().encode
_steps = msgspec.msgpack.Decoder(list[tuple[str, list[Any]]]).decode


def kept_of(steps: Sequence[Step]) -> bytes:
    """Return *steps* as they are kept."""
    kept = _encode(steps)
    if len(kept) < LARGE_BYTES:
        return kept
    bodies = sum(len(values[_BODY]) for name, values in steps if name == "mail")
    # Bodies are compressed already: to try that again would take most of the time of all this.
    return kept if 2 * bodies > len(kept) else _COMPRESSED + zlib.compress(kept, 1)


def steps_of(kept: bytes) -> list[Step]:
    """Return the steps that ``kept_of`` was given.

    Raises:
        Poison: They can't be read any more.
        Misconfigured: A newer program wrote them.
    """
    try:
        steps = _steps(zlib.decompress(kept[1:]) if kept.startswith(_COMPRESSED) else kept)
    except (zlib.error, msgspec.DecodeError) as error:
        raise Poison(f"what is left of a command is damaged where it is kept: {error}") from error
    for name, _ in steps:
        if name not in _STATEMENTS:
            raise Misconfigured(f"a newer program began a command with a step {name!r}: run that")
    return steps


async def carry_out(session: CassandraSession, steps: Sequence[Step]) -> None:
    """Carry out *steps*, in any order; those of one partition together.

    Raises:
        Retryable: One was not acknowledged; of all, any may have been done.
    """
    # Small rows go in one request, whichever partitions they are in: that halves our work, and
    # costs the node that gets it no more than to pass them on.
    small = [step for step in steps if step[0] not in _LARGE]
    if len(small) <= FEW:
        together = [[(_STATEMENTS[name][0], values) for name, values in small]] if small else []
        together += _by_partition([step for step in steps if step[0] in _LARGE])
    else:
        together = _packed(_by_partition(steps))
    await gather([session.batch(batch) for batch in together])


def _packed(batches: Sequence[list[Statement]]) -> list[list[Statement]]:
    """Return *batches* with those of few small rows put together."""
    packed: list[list[Statement]] = []
    pack: list[Statement] = []
    pack_bytes = 0
    for batch in batches:
        size = sum(len(value) for _, values in batch for value in values if _has_length(value))
        if len(batch) > FEW // 2 or size > SMALL_BYTES // 2:
            packed.append(batch)
            continue
        if len(pack) + len(batch) > FEW or pack_bytes + size > SMALL_BYTES:
            packed.append(pack)
            pack, pack_bytes = [], 0
        pack = pack + batch
        pack_bytes += size
    return [*packed, pack] if pack else packed


def _has_length(value: object) -> TypeGuard[bytes | str]:
    return isinstance(value, bytes | str)


def _by_partition(steps: Sequence[Step]) -> list[list[Statement]]:
    by_partition: dict[tuple[Any, ...], list[Statement]] = defaultdict(list)
    for name, values in steps:
        text, partition = _STATEMENTS[name]
        by_partition[_TABLES[name], *values[partition]].append((text, values))
    return [
        statements[start : start + ROWS_AT_ONCE]
        for statements in by_partition.values()
        for start in range(0, len(statements), ROWS_AT_ONCE)
    ]
