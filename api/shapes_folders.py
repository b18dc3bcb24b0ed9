"""What the HTTP API takes and gives about folders and labels."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, Out

MAX_NAME_CHARACTERS = 255


class FolderOut(Out, frozen=True, kw_only=True):
    """A folder and its exact counts."""

    folder_id: str
    name: str
    is_system: bool
    total_count: int
    unread_count: int
    parent_id: str | None = None  # the folder that it lies in
    path: str = ""  # its name, after those of the folders that it lies in: `Work/Ideas`


ParentId = Annotated[str, Meta(max_length=64, description="a folder of one's own; null for none")]


class FolderIn(In, frozen=True, kw_only=True):
    """A folder to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    parent_id: ParentId | None = None


class FolderPatch(In, frozen=True, kw_only=True):
    """What to change of a folder (RFC 7396): what is absent stays."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)] | UnsetType = UNSET
    parent_id: ParentId | UnsetType | None = UNSET


LabelName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Colour = Annotated[
    str, Meta(pattern="^(#[0-9a-fA-F]{6})?$", max_length=7, description='"#1f6feb", or "" for none')
]
LabelIds = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
    Meta(max_length=50, description="all labels that the mail is to carry"),
]


class LabelOut(Out, frozen=True, kw_only=True):
    """A label and the exact counts of the mails that carry it, wherever they lie."""

    label_id: str
    name: str
    colour: str
    total_count: int
    unread_count: int


class LabelIn(In, frozen=True, kw_only=True):
    """A label to be made."""

    name: LabelName
    colour: Colour = ""


class LabelPatch(In, frozen=True, kw_only=True):
    """What to change of a label (RFC 7396): what is absent stays."""

    name: LabelName | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET


class EmailIds(In, frozen=True, kw_only=True):
    """Some mails."""

    email_ids: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(min_length=1, max_length=1_000),
    ]


class LabelledIn(In, frozen=True, kw_only=True):
    """Labels put on mails, and taken off them, all in one step."""

    email_ids: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(min_length=1, max_length=1_000),
    ]
    add: LabelIds = ()
    remove: LabelIds = ()
