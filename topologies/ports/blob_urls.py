"""URLs by which a browser fetches a blob from the store itself, without passing through us."""

from typing import Protocol

from topologies.events.message import BlobId


class BlobUrls(Protocol):
    """A store that hands out blobs itself. Asked for each attachment that is fetched."""

    async def signed_url(
        self, blob: BlobId, *, file_name: str, content_type: str, expires_s: int
    ) -> str:
        """Return a URL by which whoever has it can download the blob for *expires_s* seconds.

        Nothing is asked of the store: whether the blob is there shows when it is fetched.

        Args:
            blob: Its id.
            file_name: The download's name, of any characters.
            content_type: As declared; what no browser should open by itself becomes bytes.
            expires_s: How long the URL can be used.
        """
        ...
