"""Passwords, kept as argon2id hashes (RFC 9106) that are slow to guess from.

19 MiB, two passes, one lane: the smallest setting that OWASP's password storage cheat
sheet calls enough. One check takes about 16 ms of a core; two may run at once, so that
sign-ins take at most 38 MiB however many people come.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from topologies.errors import Retryable

T = TypeVar("T")

MEMORY_KIB = 19 * 1024
PASSES = 2
AT_ONCE = 2
MOST_WAITING = 64  # about half a second of work; who comes then is asked to come again
LONGEST_PASSWORD_BYTES = 1_024


class Passwords:
    """Hashes and checks, in threads of its own."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1
        )
        self._nobodys = self._hasher.hash(b"what an unknown user's password is held against")
        # Its own threads: a task that gives up lets go of a semaphore, yet its check runs on.
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._places = Semaphore(MOST_WAITING)

    @classmethod
    def cheap(cls) -> "Passwords":
        """Return what takes microseconds and protects nothing: for tests."""
        return cls(memory_kib=8, passes=1)

    async def hash(self, password: str) -> str:
        """Return what to keep of *password*.

        Raises:
            ValueError: It is empty or too long.
            Retryable: Too many are waiting.
        """
        secret = _prepared(password)
        if not secret or len(secret) > LONGEST_PASSWORD_BYTES:
            raise ValueError(f"a password has 1 to {LONGEST_PASSWORD_BYTES:,} bytes")
        return await self._run(lambda: self._hasher.hash(secret))

    async def fits(self, password: str, hashed: str | None) -> bool:
        """Tell whether *password* is the one; without a hash False, as late as with one.

        Raises:
            Retryable: Too many are waiting.
        """
        secret = _prepared(password)
        is_possible = hashed is not None and len(secret) <= LONGEST_PASSWORD_BYTES
        shortened = secret[:LONGEST_PASSWORD_BYTES]
        is_right = await self._run(lambda: self._verify(hashed or self._nobodys, shortened))
        return is_right and is_possible

    def is_outdated(self, hashed: str) -> bool:
        """Tell whether *hashed* was made with other costs than new ones are."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Retryable("too many passwords to check at once", after_s=1.0)
        future = self._pool.submit(work)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _done: Future[T]) -> None:
        self._places.release()


def _prepared(password: str) -> bytes:
    # RFC 8265 §4.2.2: one password, whether the keyboard composes its letters or not.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
