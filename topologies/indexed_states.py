"""How the search index has each mail of a mailbox: asked by questions, as whoever searches does."""

from collections.abc import Sequence

from topologies.ports.mailboxes import MAX_PAGE, Mailboxes, Summary
from topologies.ports.search import Search, SearchQuery

State = tuple[str, bool, bool, frozenset[str]]  # folder_id, is_read, is_starred, labels


async def states_in(
    user_id: str, folders: Sequence[str], mailboxes: Mailboxes, search: Search
) -> dict[str, State]:
    """Return how the index has each mail of a mailbox, by email_id.

    Args:
        user_id: Whose mailbox.
        folders: The ids of its folders.
        mailboxes: Whose labels there are.
        search: The index.

    Raises:
        Retryable: A store is out of reach.
    """
    everything = await _ids(user_id, SearchQuery(), search)
    unread = set(await _ids(user_id, SearchQuery(is_read=False), search))
    starred = set(await _ids(user_id, SearchQuery(is_starred=True), search))
    labels: dict[str, set[str]] = {}
    for label in await mailboxes.labels(user_id):
        for email_id in await _ids(user_id, SearchQuery(labels=(label.label_id,)), search):
            labels.setdefault(email_id, set()).add(label.label_id)
    places: dict[str, str] = {}
    for folder_id in folders:
        found = await _ids(user_id, SearchQuery(folder_id=folder_id), search)
        places.update(dict.fromkeys(found, folder_id))
    return {
        email_id: (
            places.get(email_id, ""),
            email_id not in unread,
            email_id in starred,
            frozenset(labels.get(email_id, ())),
        )
        for email_id in everything
    }


async def _ids(user_id: str, query: SearchQuery, search: Search) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        hits = await search.search(user_id, query, limit=MAX_PAGE, cursor=cursor)
        found += hits.email_ids
        cursor = hits.next_cursor
        if cursor is None:
            return found


def state_of(line: Summary) -> State:
    """Return how the index should have *line*."""
    return line.folder_id, line.is_read, line.is_starred, frozenset(line.labels)


def shown(state: State) -> tuple[str, ...]:
    """Return *state* in words."""
    *plain, labels = state
    return (*map(str, plain), " ".join(sorted(labels)) or "none")
