"""What a search found: in which order, how far the index is behind, and where the words stand."""

from collections.abc import Sequence

from api.context import Context
from api.shapes_search import HighlightOut, LagOut, PieceOut
from topologies.events import MailboxChanged
from topologies.mail.highlight import Piece, marked, passage, terms_of
from topologies.mail.relevance import in_order
from topologies.ports.mailboxes import Summary
from topologies.ports.search import Hits, Search, SearchQuery

CHANGES_LOOKED_AT = 20  # of the mailbox, the last ones
_CONCERNED = ("email.added", "email.updated", "email.moved", "email.removed")


async def by_date(
    search: Search, user_id: str, query: SearchQuery, *, limit: int, cursor: str | None
) -> Hits:
    """Return hits newest first, as ``Search.search``."""
    return await search.search(user_id, query, limit=limit, cursor=cursor)


async def by_relevance(
    search: Search, user_id: str, query: SearchQuery, *, limit: int, cursor: str | None
) -> Hits:
    """Return hits in the order of ``topologies.mail.relevance``.

    Raises:
        ValueError: The cursor is not one of ours.
        Retryable: As ``Search.search``.
    """
    questions = in_order(query)
    number, inner = _place(cursor, len(questions))
    email_ids: list[str] = []
    total = 0
    following: str | None = None
    for at, question in enumerate(questions):
        room = limit - len(email_ids)
        is_asked = at >= number and room > 0 and following is None
        hits = await search.search(
            user_id,
            question,
            limit=room if is_asked else 1,  # for the total alone
            cursor=inner if at == number else None,
        )
        total += hits.total_count
        if is_asked:
            email_ids += hits.email_ids
            following = f"{at}.{hits.next_cursor}" if hits.next_cursor is not None else None
        elif at > number and following is None and hits.email_ids:
            following = f"{at}."
    return Hits(email_ids=tuple(email_ids), total_count=total, next_cursor=following)


async def lag(context: Context, user_id: str) -> LagOut:
    """Return how many of the mailbox's last changes the index has yet to hear of.

    Raises:
        Retryable: The index, or the mailbox, is out of reach.
    """
    seq = (await context.mailboxes.mailbox(user_id)).seq
    told = await context.mailboxes.changes(
        user_id, max(0, seq - CHANGES_LOOKED_AT), CHANGES_LOOKED_AT
    )
    last = {each.email_id: each for each in told.changes if each.kind in _CONCERNED}
    seen = await context.search.versions_of(user_id, list(last))
    behind = [change for change in last.values() if _is_behind(change, seen.get(change.email_id))]
    since = min((change.changed_at for change in behind), default=None)
    waited = (context.clock.now() - since).total_seconds() if since is not None else 0.0
    return LagOut(changes=len(behind), seconds=max(0.0, round(waited, 3)))


async def highlights(
    context: Context, user_id: str, query: SearchQuery, mails: Sequence[Summary]
) -> tuple[HighlightOut, ...]:
    """Return where in these mails the words of *query* stand."""
    in_subject, in_text = terms_of(query, "any", "subject"), terms_of(query, "any", "text")
    found: list[HighlightOut] = []
    for email_id in (mail.email_id for mail in mails):
        email = await context.mailboxes.email(user_id, email_id)
        if email is not None:
            subject = marked(email.message.subject, in_subject)
            text = passage(email.message.text, in_text)
            found.append(
                HighlightOut(email_id=email_id, subject=_pieces(subject), text=_pieces(text))
            )
    return tuple(found)


def _is_behind(change: MailboxChanged, seen: int | None) -> bool:
    if change.kind == "email.removed":
        return seen is not None
    return seen is None or seen < change.seq


def _place(cursor: str | None, count: int) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    number, _, inner = cursor.partition(".")
    if not number.isdecimal() or int(number) >= count:
        raise ValueError("not a cursor of this search")
    return int(number), inner or None


def _pieces(pieces: Sequence[Piece]) -> tuple[PieceOut, ...]:
    return tuple(PieceOut(text=piece.text, is_hit=piece.is_hit) for piece in pieces)
