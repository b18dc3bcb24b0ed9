"""An event that died, put right: held against what its stage reads, and handed to it again.

What died stays on record as it was. A line of the log says who changed what at which places, and
the record that is handed on names who did. Values are not logged: they are from people's mail.
"""

from typing import Any

import msgspec
import structlog

from api.endpoint import pointer_of, told_and_path
from topologies.engines.handling import decode
from topologies.errors import Misconfigured, Poison
from topologies.events import event_tag
from topologies.json_diff import changes
from topologies.known_fields import unknown_field
from topologies.ports.dead_letters import DeadLetter, DeadLetters, Edited
from topologies.topology import Topology

MOST_NAMED = 20  # places in a log line
_logger = structlog.get_logger("audit")


class Unfit(Exception):
    """The event can't be handed on as it is.

    Attributes:
        pointer: Where (RFC 6901); empty: as a whole.
        detail: Why, in words.
    """

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(f"{pointer or 'the event'}: {detail}" if pointer else detail)
        self.pointer = pointer
        self.detail = detail


def event_of(letter: DeadLetter) -> Any:
    """Return the event of *letter* as JSON has it.

    Raises:
        Unfit: It holds no JSON: it can only be replaced as a whole.
    """
    try:
        return msgspec.json.decode(letter.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unfit(
            "the record holds no JSON: give the whole event that is to take its place"
        ) from None


def edited(letter: DeadLetter, value: Any, topology: Topology, by: str) -> tuple[Edited, list[str]]:
    """Return what is handed on for *letter*, and the places where it differs from what died.

    Args:
        letter: What died.
        value: The event that takes its place, as JSON has it.
        topology: Where its stage is.
        by: Who put it there.

    Raises:
        Unfit: It is nothing that the stage reads, or the same as what died.
    """
    try:
        stage = topology.stage(letter.stage)
    except Misconfigured:
        raise Unfit(f"there is no stage {letter.stage} any more: drop the letter") from None
    raw = msgspec.json.encode(value)
    try:
        event = decode(stage, raw)
    except Poison as error:
        detail, path = told_and_path(str(error).removeprefix("undecodable: "))
        raise Unfit(detail, pointer_of(path)) from error
    if type(event) not in stage.reads:
        raise Unfit(
            f"{stage.name} reads {', '.join(map(event_tag, stage.reads))}, and no"
            f" {event_tag(type(event))}",
            "/event",
        )
    if value.get("event") == event_tag(type(event)) and (step := unknown_field(type(event), value)):
        raise Unfit(f"{event_tag(type(event))} has no such field", step)
    try:
        before = msgspec.json.decode(letter.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        before = None
    places = [change.pointer for change in changes(before, value)]
    if not places:
        raise Unfit("nothing is changed: replay it as it is")
    return Edited(value=raw, key=event.key, by=by), places


async def hand_on(letters: DeadLetters, letter: DeadLetter, new: Edited, places: list[str]) -> bool:
    """Hand *new* to the stage of *letter*, and say so in the log; False if it is not dead any more.

    Raises:
        Retryable: The log is out of reach.
    """
    if not await letters.replay(letter.letter_id, new):
        return False
    _logger.warning(
        "dead-letter.edited",
        letter_id=letter.letter_id,
        stage=letter.stage,
        event_id=letter.event_id,
        by=new.by,
        places=places[:MOST_NAMED],
        more=max(0, len(places) - MOST_NAMED),
    )
    return True
