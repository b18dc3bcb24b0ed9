"""One large mailbox, beside Dovecot's: what a client waits for, asked of both in one run.

Ours by HTTP and WebSocket from the real service; Dovecot by IMAP from a Maildir with the same
mails, its full-text index by Xapian, its cache filled as after a client's first look. One request
at a time on one kept connection each, each question to both before the next one. Beside them what
HTTP alone costs: a bare Starlette on our server that answers as many bytes.
"""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import fill, push
from bench.figures import Figure, Section, latencies, percentile
from bench.http_client import HttpClient
from bench.imap_client import ImapClient
from bench.mails import SOME, mails, rare_word
from bench.peers import bare_peer, dovecot
from bench.people import Person, settings_of, with_people
from bench.plan import Plan
from bench.progress import Progress
from bench.reading import PAGE, walked
from bench.service import Service, running, timed

TOLD_WITHIN_S = 10
MOST_PUSHED = 50  # as Dovecot takes half a second to tell of one
LISTED = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"
LISTING = "/folders/inbox/emails"
FIRST_PUSHED = 9_000_000

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


def measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    """Fill both with ``plan.mails`` mails, and ask."""
    folder = work / "data"
    [owner] = with_people(settings_of(folder), ["reader"])
    fill.fill(settings_of(folder), {owner: plan.mails}, plan.size_bytes, progress)
    why_not = dovecot.why_not()
    # Servers that change users must be able to enter their folder.
    place = Path(tempfile.mkdtemp(prefix="bench-dovecot-"))
    place.chmod(0o755)
    try:
        with running(folder, [owner]) as service:
            if why_not:
                add(_section(plan, [*_figures(service, owner, None, plan, progress)], why_not))
                return
            with dovecot.running(place) as peer:
                dovecot.fill(place, owner.address, plan.mails, plan.size_bytes, progress)
                with progress.step("Dovecot indexes it", 1) as advance:
                    peer.index(owner.address)
                    advance()
                figures = [*_figures(service, owner, peer, plan, progress)]
            add(_section(plan, figures, ""))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def questions(
    client: HttpClient, imap: ImapClient | None, count: int, repeats: int
) -> Iterator[Question]:
    """Yield what is asked of a mailbox of *count* mails."""
    draw = random.Random(count)
    cursors, ids = walked(client, LISTING)
    firsts = [draw.randint(1, max(1, count - PAGE)) for _ in range(repeats)]
    numbers = [draw.randint(1, count) for _ in range(repeats)]
    words = [rare_word(draw.randrange(count)) for _ in range(repeats)]

    def http(*requests: bytes) -> list[Ask]:
        return [_exchange(client, request) for request in requests]

    def told(*commands: str) -> list[Ask]:
        return [_ask(imap, command) for command in commands] if imap is not None else []

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
        theirs=told(*(f"SEARCH TEXT {word}" for word in words)),
    )
    few = max(5, repeats // 5)
    yield Question(
        key="common",
        meaning=f"search a word that a tenth holds (ours: newest {PAGE} and the total)",
        ours=http(client.prepared("GET", "/emails/search", query=SOME)) * few,
        theirs=told(f"SEARCH TEXT {SOME}") * few,
    )


def compared(
    key: str,
    meaning: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    bare: Sequence[float] = (),
) -> list[Figure]:
    """Return the figures of one question: seconds that each time took, ours and theirs.

    *bare*: What HTTP alone took.
    """
    figures = [*latencies(key, ours, meaning)]
    if bare:
        figures += latencies(f"{key}_bare", bare, f"HTTP alone, as many bytes: {meaning}")
    if not theirs:
        return figures
    figures += latencies(f"{key}_dovecot", theirs, f"Dovecot: {meaning}")
    for percent in (50, 99):
        figures.append(
            Figure(
                key=f"{key}_p{percent}_ratio",
                value=percentile(ours, percent) / percentile(theirs, percent),
                unit="×",
                meaning=f"{meaning}: our {percent} % by Dovecot's",
                at_most=1.0,
            )
        )
    return figures


def _figures(
    service: Service,
    owner: Person,
    peer: dovecot.Dovecot | None,
    plan: Plan,
    progress: Progress,
) -> Iterator[Figure]:
    client = service.client(owner)
    imap = _selected(peer, owner, progress) if peer is not None else None
    with bare_peer.running() as bare:
        for question in questions(client, imap, plan.mails, plan.repeats):
            length = len(question.ours[0]())
            times: list[list[float]] = []
            for who, asked in (
                ("ours", question.ours),
                ("Dovecot", question.theirs),
                ("HTTP alone", [bare.ask(length)] * len(question.ours)),
            ):
                for ask in asked[: max(1, len(asked) // 20)]:
                    ask()  # caches are warm where somebody reads all day
                with progress.step(f"{question.meaning}: {who}", len(asked)) as advance:
                    times.append([_timed(ask, advance) for ask in asked])
            yield from compared(question.key, question.meaning, *times)
    if imap is not None:
        imap.close()
    yield from _push(service, owner, peer, plan, progress)


def _push(
    service: Service,
    owner: Person,
    peer: dovecot.Dovecot | None,
    plan: Plan,
    progress: Progress,
) -> list[Figure]:
    meaning = "from reading 250 to being told of the mail (WebSocket; IDLE)"
    count = min(plan.pushes, MOST_PUSHED)
    with progress.step(f"{meaning}: ours", count) as advance:
        sent = mails(count, [owner.address], plan.size_bytes, first=FIRST_PUSHED)
        told = asyncio.run(push.one_by_one(service, service.token(owner), sent, advance))
    theirs: list[float] = []
    if peer is not None:
        with progress.step(f"{meaning}: Dovecot", count) as advance:
            theirs = _pushed(peer, owner, count, plan.size_bytes, advance)
    return compared("push", meaning, [each.took_s for each in told], theirs)


def _pushed(
    peer: dovecot.Dovecot, owner: Person, count: int, size_bytes: int, advance: Progress.Advance
) -> list[float]:
    took_s: list[float] = []
    with ImapClient(peer.imap_port, owner.address, dovecot.PASSWORD) as imap:
        imap.ask("SELECT INBOX")
        imap.idle()
        for mail in mails(count, [owner.address], size_bytes, first=FIRST_PUSHED):
            peer.deliver(owner.address, mail.raw)
            accepted_at = time.perf_counter()
            if imap.told(b"EXISTS", TOLD_WITHIN_S):
                took_s.append(time.perf_counter() - accepted_at)
            advance()
        imap.done()
    return took_s


def _selected(peer: dovecot.Dovecot, owner: Person, progress: Progress) -> ImapClient:
    imap = ImapClient(peer.imap_port, owner.address, dovecot.PASSWORD)
    with progress.step("Dovecot fills its cache", 1) as advance:
        imap.ask("SELECT INBOX")
        imap.ask(f"FETCH 1:* ({LISTED})")
        advance()
    return imap


def _exchange(client: HttpClient, request: bytes) -> Ask:
    return lambda: client.exchange(request)


def _ask(imap: ImapClient, command: str) -> Ask:
    return lambda: imap.ask(command)


def _timed(ask: Ask, advance: Progress.Advance) -> float:
    took_s = timed(ask)
    advance()
    return took_s


def _section(plan: Plan, figures: Sequence[Figure], why_not: str) -> Section:
    notes = (
        "One request at a time, each on one kept connection; loopback, no TLS.",
        why_not
        or f"Dovecot {dovecot.version()}: Maildir, cache filled before; Xapian with whole words and"
        f" parts of 3 to {dovecot.LONGEST_PART} characters; its lists are envelopes, without the"
        " beginning of the text; its searches give all ids.",
    )
    return Section(
        name="mailbox",
        title=f"A mailbox of {plan.mails:,} mails, beside Dovecot's",
        figures=tuple(figures),
        notes=notes,
    )
