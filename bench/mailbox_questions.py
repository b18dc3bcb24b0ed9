"""What our service and Dovecot are asked of one large mailbox."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.http_client import HttpClient
from bench.imap_client import ImapClient
from bench.mails import SOME, rare_word
from bench.reading import PAGE, walked

MOST_SEARCHED = 10_000  # mails in Dovecot's mailbox that is searched, and told of
LISTED = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"
LISTING = "/folders/inbox/emails"

Ask = Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something both are asked, again and again.

    Attributes:
        theirs: The same of Dovecot; empty: it is not here.
    """

    key: str
    meaning: str
    ours: Sequence[Ask]
    theirs: Sequence[Ask]


def questions(
    client: HttpClient,
    imap: ImapClient | None,
    count: int,
    repeats: int,
    searching: ImapClient | None = None,
) -> Iterator[Question]:
    """Yield what is asked of a mailbox of *count* mails; searches of Dovecot go by *searching*."""
    searching = searching or imap
    draw = random.Random(count)
    cursors, ids = walked(client, LISTING)
    firsts = [draw.randint(1, max(1, count - PAGE)) for _ in range(repeats)]
    numbers = [draw.randint(1, count) for _ in range(repeats)]
    words = [rare_word(draw.randrange(count)) for _ in range(repeats)]
    of_theirs = [rare_word(draw.randrange(min(count, MOST_SEARCHED))) for _ in range(repeats)]

    def http(*requests: bytes) -> list[Ask]:
        return [_exchange(client, request) for request in requests]

    def told(*commands: str, by: ImapClient | None = imap) -> list[Ask]:
        return [_ask(by, command) for command in commands] if by is not None else []

    newest = client.prepared("GET", LISTING, limit=PAGE)
    yield Question(
        key="newest",
        meaning=f"list the newest {PAGE}",
        ours=http(newest) * repeats,
        theirs=told(f"FETCH {max(1, count - PAGE + 1)}:{count} ({LISTED})") * repeats,
    )
    pages = [client.prepared("GET", LISTING, limit=PAGE, cursor=c) for c in cursors] or [newest]
    yield Question(
        key="page",
        meaning=f"list {PAGE} somewhere",
        ours=http(*draw.choices(pages, k=repeats)),
        theirs=told(*(f"FETCH {n}:{n + PAGE - 1} ({LISTED})" for n in firsts)),
    )
    yield Question(
        key="open",
        meaning="read a mail whole",
        ours=http(
            *(client.prepared("GET", f"/emails/{each}") for each in draw.choices(ids, k=repeats))
        ),
        theirs=told(*(f"FETCH {n} (BODY.PEEK[])" for n in numbers)),
    )
    yield Question(
        key="flag",
        meaning="mark a mail as read or unread (ours: durable, and shown)",
        ours=http(
            *(
                client.prepared("PATCH", f"/emails/{each}", {"is_read": at % 2 == 0})
                for at, each in enumerate(draw.choices(ids, k=repeats))
            )
        ),
        theirs=told(*(f"STORE {n} {'+-'[at % 2]}FLAGS (\\Seen)" for at, n in enumerate(numbers))),
    )
    yield Question(
        key="unread",
        meaning="count the unread ones (ours: of all folders)",
        ours=http(client.prepared("GET", "/folders")) * repeats,
        theirs=told("STATUS INBOX (MESSAGES UNSEEN)") * repeats,
    )
    yield Question(
        key="rare",
        meaning="search a word that one mail holds",
        ours=http(*(client.prepared("GET", "/emails/search", query=word) for word in words)),
        theirs=told(*(f"SEARCH TEXT {word}" for word in of_theirs), by=searching),
    )
    few = max(5, repeats // 5)
    yield Question(
        key="common",
        meaning=f"search a word that a tenth holds (ours: newest {PAGE} and the total)",
        ours=http(client.prepared("GET", "/emails/search", query=SOME)) * few,
        theirs=told(f"SEARCH TEXT {SOME}", by=searching) * few,
    )


def _exchange(client: HttpClient, request: bytes) -> Ask:
    return lambda: client.exchange(request)


def _ask(imap: ImapClient, command: str) -> Ask:
    return lambda: imap.ask(command)
