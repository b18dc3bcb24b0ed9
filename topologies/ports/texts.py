"""What is written in files that come with mails."""

from collections.abc import Sequence
from typing import Protocol

from topologies.events.message import Attachment
from topologies.ports.blobs import Blobs


class Texts(Protocol):
    """Reads files of the kinds it knows. Asked by the stage `index`, several mails at once."""

    async def texts_of(self, files: Sequence[Attachment], blobs: Blobs) -> Sequence[str]:
        """Return what is written in *files* of one mail, in order; bounded in all.

        A file of another kind has no text and is left out. So is one that is damaged, has a
        password, takes too much time or memory, or is not in *blobs*: it costs its own text
        alone.

        Raises:
            Retryable: *blobs* is out of reach.
        """
        ...
