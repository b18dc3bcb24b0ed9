"""A mailbox at another provider, read by IMAP (RFC 9051) and never changed.

Folders are examined, not selected, and messages peeked at, so that not even a flag changes
there. Memory: one message, or a few that together are no larger than ``BATCH_BYTES``, and eight
bytes for each message of a folder. Every call blocks; it is for a thread of its own.
"""

import imaplib
import ssl
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from api.cli.imap_answers import UID, Remote, RemoteFolder, folder_of, remote_of, said, with_raw

Security = Literal["tls", "starttls", "none"]
TIMEOUT_S = 60
BATCH_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 50
NUMBERED_AT_ONCE = 1_000  # of one answer: Python takes lines of up to 1,000,000 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the mailbox is, and who may read it.

    A token ends after an hour or so; its file is read at each sign-in, so that whoever renews the
    token writes it there.
    """

    host: str
    port: int
    login: str
    password: str = field(default="", repr=False)
    token_file: Path | None = None  # holds an access token (OAuth 2), used instead of a password
    security: Security = "tls"
    ca_file: str | None = None


class ImapSource:
    """One connection. After a failure, ``close`` it and open another."""

    def __init__(self, account: Account) -> None:
        """Connect and sign in.

        Raises:
            imaplib.IMAP4.error: The server refuses.
            OSError: It is out of reach, or does not prove who it is.
        """
        self._client = _connected(account)
        try:
            self._sign_in(account)
        except BaseException:
            self.close()
            raise

    def folders(self) -> list[RemoteFolder]:
        """Return the folders that can hold mail; one that holds all mail comes last."""
        found: list[RemoteFolder] = []
        _, lines = _done(self._client.list())
        for line in lines:
            folder = folder_of(line)
            if folder is not None:
                found.append(folder)
        return sorted(found, key=lambda folder: folder.holds_all)

    def open(self, folder: RemoteFolder) -> tuple[int, Sequence[int]]:
        """Look into a folder; return its UIDVALIDITY, and the UIDs of its mails in order."""
        _, [count] = _done(self._client.select(_quoted(folder.name), readonly=True))
        _, [validity] = self._client.response("UIDVALIDITY")
        uids = array("Q")
        total = int(count or 0)
        for start in range(1, total + 1, NUMBERED_AT_ONCE):
            # Not UID SEARCH: its answer is one line, however many there are.
            end = min(total, start + NUMBERED_AT_ONCE - 1)
            _, lines = _done(self._client.fetch(f"{start}:{end}", "(UID)"))
            uids.extend(int(match[1]) for line in lines if (match := UID.search(said(line))))
        return int(validity or 0), array("Q", sorted(uids))

    def messages(self, uids: Sequence[int], max_bytes: int) -> Iterator[list[Remote]]:
        """Yield the mails with these UIDs of the open folder, a few at once.

        Larger ones than *max_bytes* come without their bytes, and so do those that are deleted.
        What was expunged since does not come.
        """
        for start in range(0, len(uids), MOST_AT_ONCE):
            some = uids[start : start + MOST_AT_ONCE]
            known = self._described(some)
            for group in _groups(known, max_bytes):
                is_small = group[0].size_bytes <= max_bytes
                if found := self._with_bytes(group) if is_small else group:
                    yield found

    def close(self) -> None:
        """Sign out; a connection that is broken is no error."""
        try:
            self._client.logout()
        except (imaplib.IMAP4.error, OSError):
            self._client.shutdown()

    def _sign_in(self, account: Account) -> None:
        if account.token_file is not None:
            token = account.token_file.read_text(encoding="ascii").strip()
            self._sign_in_by_token(account, token)
        elif "AUTH=PLAIN" in self._client.capabilities:
            # Unlike LOGIN, in UTF-8 (RFC 4616).
            proof = f"\0{account.login}\0{account.password}".encode()
            self._client.authenticate("PLAIN", lambda _: proof)
        else:
            self._client.login(account.login, account.password)

    def _sign_in_by_token(self, account: Account, token: str) -> None:
        # What providers have understood since before there was a standard, and what it became.
        if "AUTH=OAUTHBEARER" not in self._client.capabilities:
            way, proof = "XOAUTH2", f"user={account.login}\x01auth=Bearer {token}\x01\x01"
        else:  # RFC 7628 §3.1
            name = account.login.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
            place = f"host={account.host}\x01port={account.port}\x01"
            way, proof = "OAUTHBEARER", f"n,a={name},\x01{place}auth=Bearer {token}\x01\x01"
        said_no = b""

        def answer(challenge: bytes) -> bytes:
            nonlocal said_no
            said_no = challenge  # the reason, in JSON, if it is not the first (§3.2.2)
            return b"\x01" if challenge else proof.encode()

        try:
            self._client.authenticate(way, answer)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if not said_no:
                raise
            raise imaplib.IMAP4.error(f"{error}: {said_no.decode('utf-8', 'replace')}") from error

    def _described(self, uids: Sequence[int]) -> list[Remote]:
        what = "(UID FLAGS INTERNALDATE RFC822.SIZE)"
        _, lines = _done(self._client.uid("FETCH", ",".join(map(str, uids)), what))
        found = [remote_of(said(line)) for line in lines if line is not None]
        wanted = set(uids)
        known = {each.uid: each for each in found if each is not None and each.uid in wanted}
        return [known[uid] for uid in uids if uid in known]

    def _with_bytes(self, group: Sequence[Remote]) -> list[Remote]:
        wanted = {each.uid: each for each in group if not each.is_deleted}
        if not wanted:
            return list(group)
        uids = ",".join(map(str, wanted))
        _, lines = _done(self._client.uid("FETCH", uids, "(UID BODY.PEEK[])"))
        raws: dict[int, bytes] = {}
        for place, line in enumerate(lines):
            if not isinstance(line, tuple):
                continue
            # Some servers tell the UID after the message.
            after = lines[place + 1] if place + 1 < len(lines) else b""
            match = UID.search(said(line)) or UID.search(said(after))
            if match:
                raw: Any = cast("Any", line)[1]
                raws[int(match[1])] = bytes(raw)
        return [
            with_raw(each, raws[each.uid]) if each.uid in raws else each
            for each in group
            if each.is_deleted or each.uid in raws
        ]


def _connected(account: Account) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=account.ca_file or None)
    if account.security == "tls":
        return imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=TIMEOUT_S)
    client = imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT_S)
    if account.security == "starttls":
        try:
            client.starttls(context)
        except BaseException:
            client.shutdown()
            raise
    return client


def _done(answer: tuple[str, Any]) -> tuple[str, list[Any]]:
    status, lines = answer
    if status != "OK":
        raise imaplib.IMAP4.error(said(lines[0]).decode("utf-8", "replace") if lines else status)
    return status, list(lines)


def _groups(known: Sequence[Remote], max_bytes: int) -> Iterator[list[Remote]]:
    """Yield neighbours that are small together; one that is too large alone."""
    group: list[Remote] = []
    size_bytes = 0
    for each in known:
        if group and (size_bytes + each.size_bytes > BATCH_BYTES or each.size_bytes > max_bytes):
            yield group
            group, size_bytes = [], 0
        group.append(each)
        size_bytes += each.size_bytes
        if each.size_bytes > max_bytes:
            yield group
            group, size_bytes = [], 0
    if group:
        yield group


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
