"""Threads of two mailing lists, as they came, backwards and shuffled: always the same."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from topologies.events import Message
from topologies.mail.mbox import messages
from topologies.mail.message import parse_message
from topologies.mail.threads import join, named

pytestmark = pytest.mark.corpus

ARCHIVE = Path(__file__).parents[3] / "shared" / "corpora" / "vectors.tar.xz"


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[list[Message]]:
    """The header fields of each message of each list."""
    if not ARCHIVE.exists():
        pytest.skip("vectors.tar.xz is not there: it belongs in ../shared/corpora")
    place = tmp_path_factory.mktemp("lists")
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.isreg() and member.name.startswith("vectors/mbox/"):
                archive.extract(member, place, filter="data")
    return [read(path) for path in sorted(place.rglob("*.mbox"))]


@pytest.mark.parametrize("order", ["as they came", "backwards", "shuffled"])
def test_threads_of_a_mailing_list_do_not_depend_on_the_order_of_arrival(
    lists: list[list[Message]], order: str
) -> None:
    for mails in lists:
        arriving = list(enumerate(mails))
        if order == "backwards":
            arriving.reverse()
        elif order == "shuffled":
            Random(7).shuffle(arriving)

        assert threaded(arriving) == connected(mails)


# --- builders -----------------------------------------------------------------------


def threaded(arriving: Sequence[tuple[int, Message]]) -> set[frozenset[int]]:
    """Let mails come in one after the other; return which lie together, by number."""
    known: dict[str, str] = {}
    members: dict[str, list[int]] = {}
    for number, mail in arriving:
        sizes = {thread_id: len(found) for thread_id, found in members.items()}
        joined = join(mail, f"e{number:05}", known, sizes)
        members.setdefault(joined.thread_id, []).append(number)
        known |= dict(joined.remembered)
        for merged in joined.merged:
            members[joined.thread_id] += members.pop(merged, [])
            known |= {i: joined.thread_id for i, held in known.items() if held == merged}
    return set(map(frozenset, members.values()))


def connected(mails: Sequence[Message]) -> set[frozenset[int]]:
    """Which mails are linked by the ids they name, seen all at once."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for number, mail in enumerate(mails):
        for name in named(mail):
            parents[root(name)] = root(f"#{number}")
    found: dict[str, list[int]] = {}
    for number in range(len(mails)):
        found.setdefault(root(f"#{number}"), []).append(number)
    return set(map(frozenset, found.values()))


def read(path: Path) -> list[Message]:
    with path.open("rb") as file:
        heads = [each.raw.partition(b"\r\n\r\n")[0] for each in messages(file, 25 * 1024**2)]
    return [parse_message(head + b"\r\n\r\n").message for head in heads]
