"""One large mailbox, beside Dovecot's: what a client waits for, asked of both in one run.

Ours by HTTP and WebSocket from the real service; Dovecot by IMAP from a Maildir with the same
mails, its full-text index by Xapian, its cache filled as after a client's first look. Xapian takes
50 ms for a mail, so Dovecot's is searched in a smaller mailbox, if the mailbox is a large one: that
is to its advantage. One request at a time on one kept connection each, each question to both
before the next one. Beside them what HTTP alone costs: a bare Starlette on our server that answers
as many bytes.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import fill, push
from bench.figures import Figure, Section, latencies, percentile
from bench.imap_client import ImapClient
from bench.mailbox_questions import LISTED, MOST_SEARCHED, Ask, questions
from bench.mails import DOMAIN, mails
from bench.peers import bare_peer, dovecot
from bench.people import Person, settings_of, with_people
from bench.plan import Plan
from bench.progress import Progress
from bench.service import Service, running, timed

TOLD_WITHIN_S = 10
SEARCHED = "searched@" + DOMAIN  # whose that is, if it is not the same
MOST_PUSHED = 50  # as Dovecot takes half a second to tell of one
FIRST_PUSHED = 9_000_000


@dataclass(frozen=True, slots=True)
class Searched:
    """The mailbox of Dovecot's that has a full-text index: of whom, and how many mails."""

    user: str
    count: int


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
                searched = searched_of(owner, plan.mails)
                if searched.user != owner.address:
                    dovecot.fill(place, searched.user, searched.count, plan.size_bytes, progress)
                with progress.step(f"Dovecot indexes {searched.count}", 1) as advance:
                    peer.index(searched.user)
                    advance()
                figures = [*_figures(service, owner, peer, plan, progress)]
            add(_section(plan, figures, ""))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def searched_of(owner: Person, count: int) -> Searched:
    """Return where Dovecot is searched, if *owner* has *count* mails."""
    if count <= MOST_SEARCHED:
        return Searched(owner.address, count)
    return Searched(SEARCHED, MOST_SEARCHED)


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
    searched = searched_of(owner, plan.mails)
    imap = _selected(peer, owner.address, progress) if peer is not None else None
    searching = imap
    if peer is not None and searched.user != owner.address:
        searching = _selected(peer, searched.user, progress)
    with bare_peer.running() as bare:
        for question in questions(client, imap, plan.mails, plan.repeats, searching):
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
    for each in {imap, searching}:
        if each is not None:
            each.close()
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
            user = searched_of(owner, plan.mails).user
            theirs = _pushed(peer, user, count, plan.size_bytes, advance)
    return compared("push", meaning, [each.took_s for each in told], theirs)


def _pushed(
    peer: dovecot.Dovecot, user: str, count: int, size_bytes: int, advance: Progress.Advance
) -> list[float]:
    took_s: list[float] = []
    with ImapClient(peer.imap_port, user, dovecot.PASSWORD) as imap:
        imap.ask("SELECT INBOX")
        imap.idle()
        for mail in mails(count, [user], size_bytes, first=FIRST_PUSHED):
            peer.deliver(user, mail.raw)
            accepted_at = time.perf_counter()
            if imap.told(b"EXISTS", TOLD_WITHIN_S):
                took_s.append(time.perf_counter() - accepted_at)
            advance()
        imap.done()
    return took_s


def _selected(peer: dovecot.Dovecot, user: str, progress: Progress) -> ImapClient:
    imap = ImapClient(peer.imap_port, user, dovecot.PASSWORD)
    with progress.step("Dovecot fills its cache", 1) as advance:
        imap.ask("SELECT INBOX")
        imap.ask(f"FETCH 1:* ({LISTED})")
        advance()
    return imap


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
        " beginning of the text; its searches give all ids."
        f" Searches and news: in its mailbox of {min(plan.mails, MOST_SEARCHED):,} mails.",
    )
    return Section(
        name="mailbox",
        title=f"A mailbox of {plan.mails:,} mails, beside Dovecot's",
        figures=tuple(figures),
        notes=notes,
    )
