"""Reading by HTTP: a small mailbox beside a large one, on one kept connection each.

Times are what a client on this machine sees, its own share being some ten microseconds. The
floor is GET /healthz: what HTTP costs when there is nothing to do.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure, Section, latencies, percentile
from bench.http_client import HttpClient
from bench.mails import SOME, rare_word
from bench.people import Person
from bench.progress import Progress
from bench.service import Service, timed

NEWEST_MS_AT_MOST = 3.0
NO_SLOWER = 1.15  # within what two runs of the same differ by
RARE_MS_AT_MOST = 10.0
PAGE = 50
WALKED_PAGE = 500  # for the cursors


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to ask again and again."""

    key: str
    meaning: str
    requests: Sequence[bytes]
    p50_ms_at_most: float | None = None


def measure(
    service: Service, mailboxes: dict[Person, int], *, repeats: int, progress: Progress
) -> Section:
    """Ask for the mailboxes of each size, smallest first."""
    figures = [*_floor(service, repeats, progress)]
    newest: list[float] = []
    for owner, count in sorted(mailboxes.items(), key=lambda entry: entry[1]):
        client = service.client(owner)
        for question in _questions(client, count, repeats, is_largest=count == _largest(mailboxes)):
            one = ask(service, client, question, progress)
            figures += one
            if question.key.startswith("newest_"):
                newest.append(one[0].value)
    figures.append(
        Figure(
            key="newest_ratio",
            value=newest[-1] / newest[0],
            unit="×",
            meaning="newest 50 of the largest mailbox to the smallest: medians",
            at_most=NO_SLOWER,
        )
    )
    sizes = " and ".join(f"{count:,}" for count in sorted(mailboxes.values()))
    return Section(
        name="reading",
        title=f"Reading: mailboxes of {sizes} mails",
        figures=tuple(figures),
        notes=(
            "Filled through the product's own stores, bypassing SMTP and stages, before the start.",
            "One request at a time. Searches for rare words ask for another word each time.",
        ),
    )


def _largest(mailboxes: dict[Person, int]) -> int:
    return max(mailboxes.values())


def _floor(service: Service, repeats: int, progress: Progress) -> list[Figure]:
    with HttpClient(service.http_url) as client:
        request = client.prepared("GET", "/healthz")
        question = Question(
            key="floor",
            meaning="GET /healthz, the cost of HTTP alone",
            requests=[request] * repeats,
        )
        return ask(service, client, question, progress)


def _questions(
    client: HttpClient, count: int, repeats: int, *, is_largest: bool
) -> Iterator[Question]:
    draw = random.Random(count)
    listing = "/folders/inbox/emails"
    label = f"of {count:,}"
    yield Question(
        key=f"newest_{count}",
        meaning=f"GET newest {PAGE} {label}",
        requests=[client.prepared("GET", listing, limit=PAGE)] * repeats,
        p50_ms_at_most=NEWEST_MS_AT_MOST,
    )
    cursors, ids = walked(client, listing)
    pages = [client.prepared("GET", listing, limit=PAGE, cursor=c) for c in cursors]
    opened = [client.prepared("GET", f"/emails/{email_id}") for email_id in ids]
    yield Question(
        key=f"page_{count}",
        meaning=f"GET {PAGE} {label}, at a random cursor",
        requests=draw.choices(pages or [client.prepared("GET", listing, limit=PAGE)], k=repeats),
    )
    yield Question(
        key=f"open_{count}",
        meaning=f"GET a random mail {label}",
        requests=draw.choices(opened, k=repeats),
    )
    if not is_largest:
        return
    words = [rare_word(n) for n in draw.sample(range(count), min(repeats, count))]
    yield Question(
        key="search_rare",
        meaning=f"search a word that one mail {label} holds",
        requests=[client.prepared("GET", "/emails/search", query=word) for word in words],
        p50_ms_at_most=RARE_MS_AT_MOST,
    )
    for key, query, who in (
        ("search_common", SOME, "a tenth"),
        ("search_common_unread", f"{SOME} is:unread", "a tenth (unread ones)"),
    ):
        yield Question(
            key=key,
            meaning=f"search a word that {who} {label} hold, newest {PAGE} and the exact total",
            requests=[client.prepared("GET", "/emails/search", query=query)] * (repeats // 5),
        )
    yield Question(
        key="mark",
        meaning=f"PATCH is_read of a random mail {label}, to the answer: durable and shown",
        requests=[
            client.prepared("PATCH", f"/emails/{email_id}", {"is_read": number % 2 == 0})
            for number, email_id in enumerate(draw.choices(ids, k=repeats // 2))
        ],
    )


def walked(client: HttpClient, listing: str) -> tuple[list[str], list[str]]:
    """Go through the folder to its end; return cursors on the way, and ids of some mails."""
    cursors: list[str] = []
    ids: list[str] = []
    query: dict[str, object] = {"limit": WALKED_PAGE}
    while True:
        page: Any = client.get(listing, **query)
        ids += [email["email_id"] for email in page["emails"][:20]]
        if not page["next_cursor"]:
            return cursors, ids
        cursors.append(page["next_cursor"])
        query["cursor"] = page["next_cursor"]


def ask(
    service: Service, client: HttpClient, question: Question, progress: Progress
) -> list[Figure]:
    """Ask a question again and again; return how long that took, and its CPU."""
    requests = question.requests
    for request in requests[: max(1, len(requests) // 20)]:
        client.exchange(request)  # caches are warm where somebody reads all day
    took_s: list[float] = []
    cpu = service.cpu_s()
    with progress.step(question.meaning, len(requests)) as advance:
        for request in requests:
            took_s.append(timed(_exchange(client, request)))
            advance()
    cpu = (service.cpu_s() - cpu) / len(requests)
    return [
        *latencies(question.key, took_s, question.meaning, p50_at_most=question.p50_ms_at_most),
        Figure(
            key=f"{question.key}_cpu",
            value=cpu * 1000,
            unit="ms",
            meaning=f"CPU of the service for it, {_share(cpu, took_s):.0f} % of the median time",
        ),
    ]


def _exchange(client: HttpClient, request: bytes) -> Callable[[], bytes]:
    return lambda: client.exchange(request)


def _share(cpu_s: float, took_s: Sequence[float]) -> float:
    return 100 * cpu_s / percentile(took_s, 50)
