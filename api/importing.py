"""`POST /import`: mail that a user brings along, taken apart while it comes.

Nothing is kept of the file: a message at a time is in memory, and no more is read before that one
is on its way. What is there is not added twice, so who was broken off sends all of it again.
"""

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.at_once import AtOnce
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter
from api.shapes_importing import ImportedOut, ImportQuery, RefusedOut
from topologies.errors import NoSpace, Retryable
from topologies.importing import Importing, Tally, placed
from topologies.mail import folder_names
from topologies.mail.mbox import MailboxReader, Stored, packed_as

MOST_TOLD = 100  # messages that were refused
MAGIC_BYTES = 8
AGAIN = "send all of it again: what is there is not added twice"

_importing = AtOnce("import", most=4)  # in this process: each holds a message


async def import_mail(call: Call) -> Response:
    """Take the mail in an mbox file, or one message."""
    asked: ImportQuery = call.query(ImportQuery)
    _check_folder(asked.folder)
    with _importing.of(call.user_id):
        return json_answer(await _Import(call, asked).run(), 202)


class _Import:
    """One file on its way in."""

    def __init__(self, call: Call, asked: ImportQuery) -> None:
        self._call = call
        self._asked = asked
        self._tally = Tally()
        self._importing = Importing(call.context, call.user, self._tally)
        self._most_bytes = call.context.settings.max_message_bytes
        self._refused: list[RefusedOut] = []
        self._refused_count = 0
        self._number = 0
        self._room_bytes: int | None = None  # None: there is no quota

    async def run(self) -> ImportedOut:
        """Return what became of the messages, once they are safe.

        Raises:
            Problem: It is no mail, or not all of it could be taken; says how much was.
        """
        if self._call.user.quota_bytes:
            used_bytes = await self._call.context.mailboxes.usage(self._call.user_id)
            self._room_bytes = self._call.user.quota_bytes - used_bytes
        try:
            await self._read()
            await self._importing.finish()
        except NoSpace as error:
            raise Problem(507, f"there is no space left: {self._so_far}") from error
        except Retryable as error:
            raise Problem(
                503, f"not all could be taken: {self._so_far}", headers={"Retry-After": "10"}
            ) from error
        if not self._number:
            raise Problem(422, "the body holds no mail", kind="invalid-body")
        return ImportedOut(
            added=self._tally.added,
            already_there=self._tally.already_there,
            refused=tuple(self._refused),
            refused_count=self._refused_count,
        )

    async def _read(self) -> None:
        reader = MailboxReader(self._most_bytes)
        begins = b""
        try:
            async for data in self._call.request.stream():
                if len(begins) < MAGIC_BYTES:
                    begins = (begins + data[:MAGIC_BYTES])[:MAGIC_BYTES]
                    _check_unpacked(begins)
                for message in reader.feed(data):
                    await self._take(message)
        except ClientDisconnect:  # in the middle of a message: that one is not whole
            await self._importing.finish()
            raise
        for message in reader.close():
            await self._take(message)

    async def _take(self, message: Stored) -> None:
        self._number += 1
        if message.size_bytes > self._most_bytes:
            self._refuse(f"{message.size_bytes:,} bytes are more than {self._most_bytes:,}")
            return
        if self._room_bytes is not None and message.size_bytes > self._room_bytes:
            await self._importing.finish()
            raise Problem(507, f"your mailbox is full: {self._so_far}", kind="quota-exceeded")
        asked = self._asked
        told = placed(
            message, folder=asked.folder, is_read=asked.is_read, is_starred=asked.is_starred
        )
        is_new = await self._importing.add(told)
        if is_new and self._room_bytes is not None:
            self._room_bytes -= message.size_bytes

    def _refuse(self, detail: str) -> None:
        self._refused_count += 1
        if len(self._refused) < MOST_TOLD:
            self._refused.append(RefusedOut(number=self._number, detail=detail))

    @property
    def _so_far(self) -> str:
        tally = self._tally
        return f"{tally.added} added, {tally.already_there} were there already; then {AGAIN}"


def _check_folder(path: str | None) -> None:
    if path is None:
        return
    try:
        for name in path.split("/"):
            folder_names.normalised(name)
    except ValueError as error:
        raise invalid_parameter("folder", str(error)) from error


def _check_unpacked(begins: bytes) -> None:
    if kind := packed_as(begins):
        raise Problem(415, f"this is no mailbox file but {kind}: unpack it first")
