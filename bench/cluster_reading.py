"""Reading from the cluster by HTTP: from the cache, from the stores, and marking."""

import random
from collections.abc import Iterator

from bench.cluster_service import Roles
from bench.figures import Figure, Section
from bench.http_client import HttpClient
from bench.mails import SOME, rare_word
from bench.people import Person
from bench.progress import Progress
from bench.reading import PAGE, Question, ask, walked

LISTING = "/folders/inbox/emails"


def measure(
    service: Roles, reader: Person, *, count: int, repeats: int, progress: Progress
) -> Section:
    """Ask for the mailbox of *reader*, which holds *count* mails."""
    client = service.client(reader)
    figures: list[Figure] = []
    with HttpClient(service.http_url) as anybody:
        floor = Question(
            key="floor",
            meaning="GET /healthz, the cost of HTTP alone",
            requests=[anybody.prepared("GET", "/healthz")] * repeats,
        )
        figures += ask(service, anybody, floor, progress)
    for question in _questions(client, count, repeats):
        figures += ask(service, client, question, progress)
    return Section(
        name="reading",
        title=f"Reading by HTTP: a mailbox of {count:,} mails",
        figures=tuple(figures),
        notes=("One request at a time. CPU is that of all roles, idle ones included.",),
    )


def _questions(client: HttpClient, count: int, repeats: int) -> Iterator[Question]:
    draw = random.Random(count)
    yield Question(
        key="newest_cached",
        meaning=f"GET newest {PAGE}, from Redis",
        requests=[client.prepared("GET", LISTING, limit=PAGE)] * repeats,
    )
    yield Question(
        key="newest_uncached",
        # The cache holds pages of that length alone.
        meaning=f"GET newest {PAGE - 1}, from Cassandra",
        requests=[client.prepared("GET", LISTING, limit=PAGE - 1)] * repeats,
    )
    cursors, ids = walked(client, LISTING)
    pages = [client.prepared("GET", LISTING, limit=PAGE, cursor=cursor) for cursor in cursors]
    yield Question(
        key="page",
        meaning=f"GET {PAGE}, at a random cursor",
        requests=draw.choices(pages or [client.prepared("GET", LISTING, limit=PAGE)], k=repeats),
    )
    yield Question(
        key="open",
        meaning="GET a random mail",
        requests=[
            client.prepared("GET", f"/emails/{each}") for each in draw.choices(ids, k=repeats)
        ],
    )
    words = [rare_word(n) for n in draw.sample(range(count), min(repeats, count))]
    yield Question(
        key="search_rare",
        meaning="search a word that one mail holds",
        requests=[client.prepared("GET", "/emails/search", query=word) for word in words],
    )
    yield Question(
        key="search_common",
        meaning=f"search a word that a tenth hold, newest {PAGE} and the exact total",
        requests=[client.prepared("GET", "/emails/search", query=SOME)] * (repeats // 5),
    )
    yield Question(
        key="mark",
        meaning="PATCH is_read of a random mail, to the answer: durable and shown",
        requests=[
            client.prepared("PATCH", f"/emails/{each}", {"is_read": number % 2 == 0})
            for number, each in enumerate(draw.choices(ids, k=repeats // 2))
        ],
    )
