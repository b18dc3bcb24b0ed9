"""SQLite FTS5 in several shapes against tantivy: the figures behind docs/adr/0003.

    python -m bench.search_engines [--mails 100000] [--users 1] [--batch 16] [--corpus DIR]

Every engine runs in a process of its own, over the same mails, made from the lines
of the ``.eml`` files in DIR (or from a Zipf vocabulary when there is none). tantivy
takes part if it can be imported; it is no dependency of the product.
"""

import argparse
import asyncio
import email
import importlib
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from connectors.sqlite.database import Database
from connectors.sqlite.search import MIGRATIONS, SqliteSearch
from topologies.mail.folding import words
from topologies.mail.ids import derived_id
from topologies.ports.search import Hits, SearchDocument, SearchQuery, SearchState, Term

CJK = "会議請求書東京大阪来週予定資料送付確認連絡担当部長新製品価格見積発注納期変更完了報告".strip()
KANA = "のはをにがでとしたますですこれからまでよりお願い"
TWO_LETTERS = "th an in to of re co st pa ma ha wi it is be de pr se di me"
Mail = tuple[int, int, str, str, str]  # id, user, subject, text, sender
Ids = Sequence[object]


class Engine(Protocol):
    """One way to keep and ask an index. Ids ascend with time."""

    def add(self, mails: Sequence[Mail]) -> None:
        """Index (id, user, subject, text, sender) durably."""
        ...

    def find(self, user: int, text: str, *, field: str = "", exact: bool = False) -> Ids:
        """Return the newest 50 hits."""
        ...

    def count(self, user: int, text: str) -> int:
        """Return the exact number of hits."""
        ...


class Fts:
    """FTS5 over words cut by us, contentless, the words kept compressed to take them out again."""

    options = ""
    per_user_terms = True
    keeps_words = True

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "search.db", isolation_level=None)
        self.db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
            "CREATE TABLE kept(id INTEGER PRIMARY KEY, words BLOB);"
            "CREATE VIRTUAL TABLE fts USING fts5(subject, text, sender, owner, content='',"
            f" tokenize=\"ascii tokenchars ':'\"{self.options});"
        )
        self.tune()

    def tune(self) -> None:
        """Set what differs."""

    def id(self, mail: int) -> int:
        """Return the rowid of a mail."""
        return mail

    def add(self, mails: Sequence[Mail]) -> None:
        """Index one batch."""
        self.db.execute("BEGIN IMMEDIATE")
        for mail, user, *texts in mails:
            mark = f" {user:x}:" if self.per_user_terms else " "
            cut = [mark + mark.join(words(text)) for text in texts]
            owner = "" if self.per_user_terms else f"u:{user:x}"
            self.db.execute(
                "INSERT INTO fts(rowid, subject, text, sender, owner) VALUES(?,?,?,?,?)",
                (self.id(mail), *cut, owner),
            )
            if self.keeps_words:
                kept = zlib.compress("\0".join(cut).replace(mark, " ").encode(), 1)
                self.db.execute("INSERT INTO kept VALUES(?,?)", (self.id(mail), kept))
        self.db.execute("COMMIT")

    def match(self, user: int, text: str, field: str = "", exact: bool = False) -> str:
        """Return the FTS5 expression."""
        mark = f"{user:x}:" if self.per_user_terms else ""
        phrase = '"' + " ".join(mark + word for word in words(text)) + '"' + ("" if exact else "*")
        phrase = f"{{{field or 'subject text sender'}}} : {phrase}"
        return phrase if self.per_user_terms else f'owner : "u:{user:x}" AND {phrase}'

    def find(self, user: int, text: str, *, field: str = "", exact: bool = False) -> Ids:
        """Return the newest 50 hits."""
        rows = self.db.execute(
            "SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY rowid DESC LIMIT 50",
            (self.match(user, text, field, exact),),
        )
        return [row[0] for row in rows]

    def count(self, user: int, text: str) -> int:
        """Return the exact number of hits."""
        return self.db.execute(
            "SELECT count(*) FROM fts WHERE fts MATCH ?", (self.match(user, text),)
        ).fetchone()[0]


class FtsMerge8(Fts):
    """The same with rarer merges."""

    def tune(self) -> None:
        """Merge eight segments at a time, not four."""
        self.db.execute("INSERT INTO fts(fts, rank) VALUES('automerge', 8)")


class FtsTimeIds(Fts):
    """The same with ids made from the time, so that their order is the time's."""

    def id(self, mail: int) -> int:
        """Return milliseconds with room for other users' mails: one each five minutes."""
        return (1_700_000_000_000 + mail * 300_000 + mail * 7919 % 100_000) << 20


class FtsPrefix(Fts):
    """The same with an index of short prefixes."""

    options = ", prefix='3 4 5'"


class FtsOwner(Fts):
    """The user as one word more instead of part of every word."""

    per_user_terms = False


class FtsNotKept(Fts):
    """Without the words kept: nothing can be taken out."""

    keeps_words = False


class FtsUnicode(Fts):
    """What FTS5 does by itself: unicode61 with its content stored."""

    per_user_terms = False
    tokenizer = "unicode61 remove_diacritics 2"

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "search.db", isolation_level=None)
        self.db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
            "CREATE VIRTUAL TABLE fts USING fts5(subject, text, sender, owner,"
            f" tokenize='{self.tokenizer}');"
        )

    def add(self, mails: Sequence[Mail]) -> None:
        """Index one batch."""
        self.db.execute("BEGIN IMMEDIATE")
        for mail, user, *texts in mails:
            self.db.execute(
                "INSERT INTO fts(rowid, subject, text, sender, owner) VALUES(?,?,?,?,?)",
                (mail, *texts, f"uu{user:x}"),
            )
        self.db.execute("COMMIT")

    def match(self, user: int, text: str, field: str = "", exact: bool = False) -> str:
        """Return the FTS5 expression."""
        end = "" if exact else "*"
        return f'owner : "uu{user:x}" AND {{{field or "subject text sender"}}} : "{text}"{end}'


class FtsTrigram(FtsUnicode):
    """FTS5's trigrams: finds any part of three characters, and none shorter."""

    tokenizer = "trigram"


class Product:
    """What Rillmail runs: ``SqliteSearch``, one call a mail, as the stage ``index`` makes them."""

    def __init__(self, folder: Path) -> None:
        self.users = 1
        self.loop = asyncio.new_event_loop()
        self.search = SqliteSearch(Database(folder / "search.db", MIGRATIONS))

    def add(self, mails: Sequence[Mail]) -> None:
        """Index one batch: as many callers at a time."""
        self.users = max(self.users, *(mail[1] + 1 for mail in mails), 1)
        self.loop.run_until_complete(self._add([document(mail) for mail in mails]))

    async def _add(self, documents: Sequence[SearchDocument]) -> None:
        await asyncio.gather(*(self.search.index([each]) for each in documents))

    def _search(self, user: int, query: SearchQuery) -> Hits:
        return self.loop.run_until_complete(self.search.search(f"user-{user}", query))

    def find(self, user: int, text: str, *, field: str = "", exact: bool = False) -> Ids:
        """Return the newest 50 hits; the total is counted as well."""
        where = "from" if field == "sender" else field or "any"
        term = Term(field=where, words=text, is_prefix=not exact)
        return self._search(user, SearchQuery(terms=(term,))).email_ids

    def count(self, user: int, text: str) -> int:
        """Return the exact number of unread hits in one folder."""
        terms = (Term(field="any", words=text),)
        query = SearchQuery(terms=terms, folder_id="inbox", is_read=False)
        return self._search(user, query).total_count

    def extras(self) -> dict[str, str]:
        """Return the figures that only the product has; takes mails out, so it comes last."""
        mails = [document((number, 0, "", "", "")) for number in range(self.users, 100, self.users)]
        states = [
            SearchState(
                email_id=mail.email_id, folder_id="new", version=2, is_read=True, is_starred=True
            )
            for mail in mails
        ]
        worst = SearchQuery(terms=tuple(Term(field="any", words=w) for w in TWO_LETTERS.split()))
        figures = {"twenty_prefixes": timed(lambda: self._search(0, worst).email_ids)}
        calls: dict[str, Callable[[int], Awaitable[object]]] = {
            "state_cpu_us": lambda n: self.search.set_state("user-0", [states[n]]),
            "remove_cpu_us": lambda n: self.search.remove("user-0", [mails[n].email_id]),
        }
        for name, call in calls.items():
            cpu = time.process_time()
            self.loop.run_until_complete(self._all(call, len(mails)))
            figures[name] = f"{(time.process_time() - cpu) / len(mails) * 1e6:.0f}"
        return figures

    async def _all(self, call: Callable[[int], Awaitable[object]], count: int) -> None:
        await asyncio.gather(*(call(number) for number in range(count)))


def document(mail: Mail) -> SearchDocument:
    """Return *mail* as the product knows it: one each five minutes."""
    number, user, subject, text, sender = mail
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * number)
    return SearchDocument(
        user_id=f"user-{user}",
        email_id=derived_id(at, str(number)),
        folder_id="archive" if number % 3 else "inbox",
        version=1,
        subject=subject,
        text=text,
        senders=(sender,),
        recipients=("Bo <bo@rcpt.example>",),
        file_names=(),
        received_at=at,
        is_read=number % 5 > 0,
        is_starred=False,
        has_attachments=number % 7 == 0,
        size_bytes=5_000,
    )


class Tantivy:
    """tantivy over the same words; flags would have to live beside it."""

    def __init__(self, folder: Path) -> None:
        tantivy: Any = importlib.import_module("tantivy")
        self.t = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=True, indexed=True, fast=True)
        for name in ("subject", "text", "sender"):
            builder.add_text_field(name, tokenizer_name="ours", index_option="position")
        self.schema: Any = builder.build()
        self.index: Any = tantivy.Index(self.schema, path=str(folder))
        self.index.register_tokenizer(
            "ours", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        )
        self.writer: Any = self.index.writer(heap_size=30_000_000, num_threads=1)

    def add(self, mails: Sequence[Mail]) -> None:
        """Index one batch."""
        for mail, user, *texts in mails:
            mark = f" {user:x}:"
            document = self.t.Document()
            document.add_unsigned("id", mail)
            for name, text in zip(("subject", "text", "sender"), texts, strict=True):
                document.add_text(name, mark + mark.join(words(text)))
            self.writer.add_document(document)
        self.writer.commit()

    def _query(self, user: int, text: str, field: str, exact: bool) -> Any:
        cut = [f"{user:x}:{word}" for word in words(text)]
        one: list[tuple[Any, Any]] = []
        for name in [field] if field else ["subject", "text", "sender"]:
            if len(cut) == 1 and exact:
                query = self.t.Query.term_query(self.schema, name, cut[0])
            elif len(cut) == 1:
                query = self.t.Query.regex_query(self.schema, name, cut[0] + ".*")
            elif exact:
                query = self.t.Query.phrase_query(self.schema, name, cut)
            else:
                parts = [*cut[:-1], cut[-1] + ".*"]
                query = self.t.Query.regex_phrase_query(self.schema, name, parts)
            one.append((self.t.Occur.Should, query))
        return self.t.Query.boolean_query(one)

    def _search(self, query: Any, limit: int) -> Any:
        self.index.reload()
        searcher = self.index.searcher()
        return searcher, searcher.search(query, limit, order_by_field="id")

    def find(self, user: int, text: str, *, field: str = "", exact: bool = False) -> Ids:
        """Return the newest 50 hits."""
        searcher, result = self._search(self._query(user, text, field, exact), 50)
        return [searcher.doc(address)["id"][0] for _, address in result.hits]

    def count(self, user: int, text: str) -> int:
        """Return the exact number of hits."""
        return self._search(self._query(user, text, "", False), 1)[1].count


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "rillmail": Product,
    "fts5": Fts,
    "fts5-merge8": FtsMerge8,
    "fts5-time-ids": FtsTimeIds,
    "fts5-prefix": FtsPrefix,
    "fts5-owner": FtsOwner,
    "fts5-not-kept": FtsNotKept,
    "fts5-unicode61": FtsUnicode,
    "fts5-trigram": FtsTrigram,
    "tantivy": Tantivy,
}


def main() -> None:
    """Run all engines, or the one named, and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16, help="mails in one durable commit")
    parser.add_argument("--corpus", type=Path, help="folder of .eml files to take lines from")
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--here", action="store_true", help="run in this process")
    args = parser.parse_args()
    for name in args.engine or ENGINES:
        if args.here:
            print(json.dumps(measure(name, args)))
            continue
        command = [sys.executable, "-m", "bench.search_engines", "--here", "--engine", name]
        for option in ("mails", "users", "batch", "corpus"):
            if getattr(args, option):
                command += [f"--{option}", str(getattr(args, option))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(done.stdout.strip() or f"{name}: {done.stderr.strip().splitlines()[-1]}", flush=True)


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one engine: µs of CPU a mail, bytes a mail, ms a question."""
    pool = lines_of(args.corpus) if args.corpus else zipf_lines()
    folder = Path(tempfile.mkdtemp(prefix="search-bench-"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine = ENGINES[name](folder)
    spent = wall = 0.0
    text_bytes = 0
    batch: list[Mail] = []
    for mail in mails(args.mails, args.users, pool):
        batch.append(mail)
        text_bytes += len(mail[3].encode())
        if len(batch) == args.batch or mail[0] == args.mails:
            cpu, at = time.process_time(), time.perf_counter()
            engine.add(batch)
            spent += time.process_time() - cpu
            wall += time.perf_counter() - at
            batch = []
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    figures: dict[str, Any] = {
        "engine": name,
        "mails": args.mails,
        "users": args.users,
        "batch": args.batch,
        "text_bytes": text_bytes // args.mails,
        "cpu_us": round(spent / args.mails * 1e6),
        "wall_us": round(wall / args.mails * 1e6),
        "disk_bytes": size // args.mails,
        "rss_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
    }
    owner = 0
    questions: dict[str, Callable[[], Ids | int]] = {
        "rare": lambda: engine.find(owner, f"rare{args.mails // 2 // args.users * args.users:x}z"),
        "common": lambda: engine.find(owner, "quarterly"),
        "common_exact": lambda: engine.find(owner, "quarterly", exact=True),
        "common_count": lambda: engine.count(owner, "quarterly"),
        "prefix3": lambda: engine.find(owner, "con"),
        "prefix2": lambda: engine.find(owner, "co"),
        "prefix1": lambda: engine.find(owner, "c"),
        "cjk1": lambda: engine.find(owner, "京"),
        "cjk2": lambda: engine.find(owner, "東京"),
        "phrase": lambda: engine.find(owner, "the quarterly report", exact=True),
        "subject": lambda: engine.find(owner, "quarterly", field="subject"),
    }
    for question, ask in questions.items():
        figures[question] = timed(ask)
    if isinstance(engine, Product):
        figures |= engine.extras()
    shutil.rmtree(folder)
    return figures


def timed(ask: Callable[[], Ids | int]) -> str:
    """Return ``p50/p99 ms (hits)`` of asking for at most two seconds."""
    took: list[float] = []
    found: Ids | int = 0
    until = time.perf_counter() + 2
    while len(took) < 3 or (len(took) < 200 and time.perf_counter() < until):
        at = time.perf_counter()
        found = ask()
        took.append((time.perf_counter() - at) * 1000)
    took.sort()
    hits = found if isinstance(found, int) else len(found)
    return f"{took[len(took) // 2]:.2f}/{took[int(len(took) * 0.99)]:.2f} ({hits})"


def mails(count: int, users: int, pool: list[str]) -> Iterator[Mail]:
    """Yield (id, user, subject, text, sender), the same at every run."""
    draw = random.Random(7)
    for number in range(1, count + 1):
        wanted = min(40_000, int(draw.lognormvariate(7.5, 0.8)))
        lines = ["The quarterly report is here.", f"rare{number:x}z"]
        while wanted > 0:
            line = draw.choice(pool)
            wanted -= len(line)
            lines.append(line)
        if number % 10 == 0:
            lines += ["".join(draw.choices(CJK + KANA, k=40)) for _ in range(10)]
        if number % 1000 == 0:
            lines.append("来週は東京タワーです")
        subject = draw.choice(pool)[:60] + (" quarterly" if number % 20 == 0 else "")
        sender = f"Person {number % 500} <person{number % 500}@team{number % 37}.example>"
        yield number, number % users, subject, "\n".join(lines), sender


def lines_of(folder: Path) -> list[str]:
    """Return the text lines of the mails in *folder*."""
    lines: list[str] = []
    for path in sorted(folder.rglob("*.eml"))[:3000]:
        message = email.message_from_bytes(path.read_bytes())
        for part in message.walk():
            if part.get_content_type() == "text/plain":
                body = part.get_payload(decode=True)
                text = body.decode("utf-8", "ignore") if isinstance(body, bytes) else ""
                lines += [line for line in text.splitlines() if 3 < len(line.split()) < 40]
    return lines


def zipf_lines() -> list[str]:
    """Return lines of made-up words whose frequencies are those of a language."""
    draw = random.Random(3)
    letters = "etaoinshrdlucmfwypvbgk"
    vocabulary = ["".join(draw.choices(letters, k=draw.randint(2, 10))) for _ in range(60_000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    return [" ".join(draw.choices(vocabulary, weights, k=10)) for _ in range(60_000)]


if __name__ == "__main__":
    main()
