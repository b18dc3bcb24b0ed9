"""How a dead letter comes back to its stage: the same on every log."""

from topologies.ports.dead_letters import DeadLetter, Edited
from topologies.ports.log import Entry
from topologies.topics import FOR_STAGE, comes_back_by

EDITED_BY = "edited_by"  # header: who put another event in the place of the one that died


def again_of(letter: DeadLetter, edited: Edited | None) -> Entry:
    """Return what is written so that the stage of *letter* is given its event, or *edited*."""
    headers = {FOR_STAGE: letter.stage, "origin": letter.origin}
    return Entry(
        topic=comes_back_by(letter.path, letter.topic),
        # By the event's own key: what belongs to another mailbox goes to that one's writer.
        key=letter.key if edited is None else edited.key,
        value=letter.value if edited is None else edited.value,
        event_id=letter.event_id,  # so that what went through before is not doubled
        headers=headers if edited is None else headers | {EDITED_BY: edited.by},
    )
