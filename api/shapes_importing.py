"""What the API takes and answers when a user brings mail along."""

from typing import Annotated

from msgspec import Meta

from api.shapes import In, Out

FolderPath = Annotated[
    str, Meta(max_length=2_000, description="its name, with those that it lies in: Work/2025")
]


class ImportQuery(In, frozen=True, kw_only=True):
    """What is said of all the mail that is brought."""

    folder: FolderPath | None = None  # None: wherever each lay, or in the inbox
    is_read: bool | None = None  # None: as each says of itself; what says nothing is read
    is_starred: bool | None = None


class RefusedOut(Out, frozen=True, kw_only=True):
    """A message that was not taken."""

    number: int  # in the file, from 1
    detail: str


class ImportedOut(Out, frozen=True, kw_only=True):
    """What became of the messages; those that were added are safe, and seen in a moment."""

    added: int
    already_there: int
    refused: tuple[RefusedOut, ...]  # the first 100 of them
    refused_count: int
