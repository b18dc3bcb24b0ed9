"""The text of files that come with mails, read in bounded time and memory.

Plain text and HTML are read here, as the text of a mail is. PDF and DOCX are read in a process
of its own for each (``process``), which may have just so much of both: their readers trust what
a document says about itself. What was read is kept for a while by the file's content, since a
mail to a thousand recipients carries one file.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors.documents.process import DocumentProcess, Limits, Reading
from topologies.errors import BlobMissing
from topologies.events.message import Attachment
from topologies.mail.file_text import Kind, cut, kind_of, of_html, of_plain
from topologies.ports.blobs import Blobs

LONGEST_BYTES = 256 * 1024  # of text, of all files of a mail
LARGEST_DOCUMENT_BYTES = 25 * 1024**2
LARGEST_HTML_BYTES = 1024**2  # of which text is made
MOST_FILES = 50  # of a mail that are read
MOST_DOCUMENTS = 5  # of them PDF and DOCX
AT_ONCE = 2  # such processes
CPU_S = 5  # for one document
LONGEST_S = 15  # the same by the clock, on a machine that has much to do
PATIENCE_S = 20.0  # of a mail, for places among others
KEPT_CHARACTERS = 4 * 1024**2  # of what was read lately
IN_THREAD_BYTES = 32 * 1024  # what takes longer leaves the event loop free

# ISO 32000 §7.5.2, and where readers look for it; APPNOTE.TXT §4.3.7: what opens a ZIP archive.
_PDF, _PDF_WITHIN_BYTES = b"%PDF-", 1024
_ZIP = b"PK\x03\x04"


class DocumentTexts:
    """Reads files. The same file has the same text, but for what a busy machine cuts off."""

    def __init__(
        self,
        longest_bytes: int = LONGEST_BYTES,
        *,
        patience_s: float | None = PATIENCE_S,
        cpu_s: int = CPU_S,
    ) -> None:
        """Start nothing yet.

        Args:
            longest_bytes: Of text, of all files of a mail together; 0: none is read.
            patience_s: How long the documents of a mail wait for those of others, before they
                are left out; None: for as long as it takes.
            cpu_s: What one document may use.
        """
        self._longest_bytes = longest_bytes
        self._patience_s = patience_s
        self._limits = Limits(longest_bytes, cpu_s, LONGEST_S)
        self._process = DocumentProcess()
        self._known: OrderedDict[tuple[str, Kind], str] = OrderedDict()
        self._known_characters = 0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="documents")

    async def texts_of(self, files: Sequence[Attachment], blobs: Blobs) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        ends_at = None if self._patience_s is None else loop.time() + self._patience_s
        texts: list[str] = []
        left, documents = self._longest_bytes, 0
        for file in files[:MOST_FILES]:
            kind = kind_of(file.content_type, file.file_name)
            if left <= 0 or kind is None:
                continue
            if kind in ("pdf", "docx"):
                documents += 1
                if documents > MOST_DOCUMENTS:
                    continue
            text = cut(await self._text_of(file, kind, blobs, ends_at), left)
            left -= len(text.encode())
            texts += [text] if text.strip() else []
        return texts

    async def _text_of(
        self, file: Attachment, kind: Kind, blobs: Blobs, ends_at: float | None
    ) -> str:
        key = (file.blob, kind)
        try:
            if kind == "plain":
                return await _off_loop(of_plain, await _start(file, blobs, self._longest_bytes))
            if kind == "html":
                return await _off_loop(of_html, await _start(file, blobs, LARGEST_HTML_BYTES))
            if key not in self._known and file.size_bytes <= LARGEST_DOCUMENT_BYTES:
                await self._read_document(key, file, blobs, ends_at)
        except BlobMissing:
            return ""
        return self._known.get(key, "")

    async def _read_document(
        self, key: tuple[str, Kind], file: Attachment, blobs: Blobs, ends_at: float | None
    ) -> None:
        # Others may have taken the places with documents that take long: those wait, we don't.
        try:
            async with asyncio.timeout_at(ends_at):
                await self._places.acquire()
        except TimeoutError:
            return
        try:
            if key not in self._known:  # else a mail before us carried the same
                content = await blobs.get(file.blob)
                self._keep(key, await self._read(key[1], content))
        finally:
            self._places.release()

    async def _read(self, kind: Kind, content: bytes) -> str:
        if not _may_be(kind, content):
            return ""
        loop = asyncio.get_running_loop()
        reading = Reading(kind, content, self._limits)
        try:
            written = await loop.run_in_executor(self._threads, self._process.read, reading)
        except asyncio.CancelledError:
            reading.give_up()  # or the end of this process would wait for it
            raise
        return written.decode("utf-8", "ignore").replace("\0", " ")

    def _keep(self, key: tuple[str, Kind], text: str) -> None:
        self._known[key] = text
        self._known_characters += len(text)
        while self._known_characters > KEPT_CHARACTERS and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._known_characters -= len(oldest)


def _may_be(kind: Kind, content: bytes) -> bool:
    if kind == "pdf":
        return _PDF in content[:_PDF_WITHIN_BYTES]
    return content.startswith(_ZIP)


async def _start(file: Attachment, blobs: Blobs, size_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in blobs.stream(file.blob, 0, size_bytes)])


async def _off_loop(read: Callable[[bytes], str], content: bytes) -> str:
    if len(content) > IN_THREAD_BYTES:
        return await asyncio.to_thread(read, content)
    return read(content)
