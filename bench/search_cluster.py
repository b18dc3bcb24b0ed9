"""Search on a running Elasticsearch, through the port: speed, CPU of our process, bytes a mail.

    python -m bench.search_cluster [--mails 20000] [--users 1] [--together 64] [--corpus DIR]

The mails are those of ``bench.search_engines``. ``--together`` calls at a time, each with
one mail, as the stage does. The index is a new one and is deleted at the end.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from typing import Any

from bench.search_engines import document, lines_of, mails, zipf_lines
from connectors.elasticsearch.cluster import Cluster
from connectors.elasticsearch.search import ElasticSearch
from connectors.settings import load
from topologies.ports.search import SearchDocument, SearchQuery, SearchState, Term


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    urls = load().elasticsearch_urls
    name = f"bench-{secrets.token_hex(4)}"
    search, cluster = ElasticSearch(urls, name), Cluster(urls, timeout_s=60)
    pool = lines_of(args.corpus) if args.corpus else zipf_lines()
    documents = [document(mail) for mail in mails(args.mails, args.users, pool)]
    await search.versions.ensure()
    try:
        figures = await timed_writes(search, documents, args.together)
        for action in ("_refresh", "_flush"):
            await cluster.ask("POST", f"/{name}/{action}")
        _, stats = await cluster.ask("GET", f"/{name}/_stats/store")
        size_bytes = stats["_all"]["primaries"]["store"]["size_in_bytes"]
        figures["bytes_a_mail"] = size_bytes // args.mails
        figures |= await timed_questions(search, args)
        figures |= await timed_states(search, documents[: args.mails // 10], args.together)
    finally:
        await cluster.ask("DELETE", f"/{name}-v1")
        await search.close()
        await cluster.close()
    return figures


async def timed_writes(
    search: ElasticSearch, documents: list[SearchDocument], together: int
) -> dict[str, Any]:
    """Index all mails; then half of them again, as a replay would."""
    figures: dict[str, Any] = {}
    for what, some in (("index", documents), ("replay", documents[: len(documents) // 2])):
        wall, cpu = await each(some, lambda mail: search.index([mail]), together)
        figures[f"{what}_per_s"] = round(len(some) / wall)
        figures[f"{what}_cpu_us"] = round(cpu / len(some) * 1e6)
    return figures


async def timed_states(
    search: ElasticSearch, documents: list[SearchDocument], together: int
) -> dict[str, Any]:
    """Change flags of *documents*, then remove them."""

    def change(mail: SearchDocument) -> Awaitable[object]:
        state = SearchState(
            email_id=mail.email_id, folder_id="new", version=2, is_read=True, is_starred=True
        )
        return search.set_state(mail.user_id, [state])

    figures: dict[str, Any] = {}
    calls: dict[str, Callable[[SearchDocument], Awaitable[object]]] = {
        "state": change,
        "remove": lambda mail: search.remove(mail.user_id, [mail.email_id]),
    }
    for what, call in calls.items():
        wall, cpu = await each(documents, call, together)
        figures[f"{what}_per_s"] = round(len(documents) / wall)
        figures[f"{what}_cpu_us"] = round(cpu / len(documents) * 1e6)
    return figures


async def timed_questions(search: ElasticSearch, args: argparse.Namespace) -> dict[str, str]:
    """Ask for the newest 50, as user 0."""
    rare = f"rare{args.mails // 2 // args.users * args.users:x}z"
    questions = {
        "rare": Term(field="any", words=rare),
        "common": Term(field="any", words="quarterly", is_prefix=False),
        "prefix3": Term(field="any", words="con"),
        "prefix2": Term(field="any", words="co"),
        "cjk2": Term(field="any", words="東京"),
        "phrase": Term(field="any", words="the quarterly report", is_prefix=False),
        "phrase_prefix": Term(field="any", words="quarterly re"),
    }
    figures: dict[str, str] = {}
    for name, term in questions.items():
        query = SearchQuery(terms=(term,))
        took: list[float] = []
        total = 0
        for _ in range(60):
            at = time.perf_counter()
            total = (await search.search("user-0", query)).total_count
            took.append((time.perf_counter() - at) * 1000)
        took = sorted(took[10:])
        figures[name] = f"{statistics.median(took):.1f}/{took[-1]:.1f} ms ({total} hits)"
    return figures


async def each(
    documents: list[SearchDocument],
    call: Callable[[SearchDocument], Awaitable[object]],
    together: int,
) -> tuple[float, float]:
    """Return seconds and seconds of our CPU for a call for each, *together* at a time."""
    rest = iter(documents)
    wall, cpu = time.perf_counter(), time.process_time()
    while some := list(islice(rest, together)):
        await asyncio.gather(*(call(mail) for mail in some))
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--together", type=int, default=64, help="calls at a time")
    parser.add_argument("--corpus", type=Path, help="folder of .eml files to take lines from")
    print(json.dumps(asyncio.run(measure(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
