"""How many mails a destination gets at once, and how fast: learnt from how it answers.

A destination begins with few connections and gets one more for each round of mails it takes. When
it says that this was too much, it gets half, and pauses between mails that grow. Who would wait
for long is told so at once, so that a slow destination holds nobody else up.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

FIRST_AT_ONCE = 5.0
LONGEST_WAIT_S = 3.0  # for a turn, as far as can be told
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0  # between mails, when it asks for less
SMOOTHING = 0.2
LONGEST_BUSY_S = 1_800.0  # that anybody is told to wait
MOST_KEPT = 20_000  # destinations remembered


class Busy(Exception):
    """A turn would not come soon.

    Attributes:
        for_s: When it might, as far as can be told from who was told so before.
    """

    def __init__(self, for_s: float) -> None:
        super().__init__(f"no turn for {for_s:.0f} s")
        self.for_s = for_s


class Pace:
    """The pace of one destination."""

    def __init__(self, most_at_once: int) -> None:
        """Begin carefully, and never have more than *most_at_once*."""
        self._most = float(most_at_once)
        self._at_once = min(FIRST_AT_ONCE, self._most)
        self._busy = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._mail_s = 0.0  # how long a mail takes; until one was seen, nobody is sent away for it
        self._pause_s = 0.0
        self._next_at = 0.0  # no mail before, by the monotonic clock
        self._moved_at = 0.0  # when a turn last began or ended
        self.complaint = ""  # what it last said when it asked for less
        self._sent_away = 0  # who will come back, about

    @property
    def at_once(self) -> int:
        """How many mails it gets at once now."""
        return max(1, int(self._at_once))

    @property
    def pause_s(self) -> float:
        """How long it is left in peace between two mails now."""
        return self._pause_s

    @property
    def is_idle(self) -> bool:
        """Whether nobody has or waits for a turn."""
        return not self._busy and not self._waiters

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, shortly, and have it.

        Raises:
            Busy: It would take too long.
        """
        before = len(self._waiters) + max(0, self._busy + 1 - self.at_once)
        if self._expected_s(before) > LONGEST_WAIT_S:
            raise self._busy_now()
        while self._busy >= self.at_once:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout(LONGEST_WAIT_S):
                    await waiter
            except TimeoutError:
                raise self._busy_now() from None
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        self._busy += 1
        self._moved_at = started_at = time.monotonic()
        try:
            await self._rest(started_at)
            yield
        finally:
            self._busy -= 1
            self._moved_at = time.monotonic()
            took_s = self._moved_at - started_at
            self._sent_away = max(0, self._sent_away - 1)
            self._mail_s += SMOOTHING * (took_s - self._mail_s) if self._mail_s else took_s
            self._wake()

    def went_well(self) -> None:
        """The destination took a mail: it may get a little more."""
        self._at_once = min(self._most, self._at_once + 1 / self._at_once)
        self._pause_s = self._pause_s / 2 if self._pause_s > FIRST_PAUSE_S else 0.0
        self.complaint = self.complaint if self._pause_s else ""

    def was_too_much(self, complaint: str = "") -> None:
        """The destination asks for less, in these words."""
        self.complaint = complaint
        self._at_once = max(1.0, self._at_once / 2)
        self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause_s * 2))
        self._next_at = time.monotonic() + self._pause_s

    def _busy_now(self) -> Busy:
        # Else a long queue would come back as a whole each minute, for nothing.
        self._sent_away += 1
        return Busy(min(LONGEST_BUSY_S, self._expected_s(self._sent_away)))

    def _expected_s(self, before: int) -> float:
        """Return how long one waits who has *before* others before them."""
        now = time.monotonic()
        # Where nothing moves, the mails under way are the best guess there is.
        mail_s = max(self._mail_s, now - self._moved_at) if before else 0.0
        return before * max(mail_s / self.at_once, self._pause_s) + max(0.0, self._next_at - now)

    async def _rest(self, now: float) -> None:
        at = max(now, self._next_at)
        if self._pause_s:
            self._next_at = at + self._pause_s
        if at > now:
            await asyncio.sleep(at - now)

    def _wake(self) -> None:
        free = self.at_once - self._busy
        while self._waiters and free > 0:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1


class Paces:
    """The paces of all destinations; those unused for longest are forgotten."""

    def __init__(self, most_at_once: int) -> None:
        self._most_at_once = most_at_once
        self._paces: OrderedDict[str, Pace] = OrderedDict()

    def of(self, destination: str) -> Pace:
        """Return the pace of *destination*."""
        pace = self._paces.get(destination)
        if pace is None:
            pace = self._paces[destination] = Pace(self._most_at_once)
            self._forget()
        self._paces.move_to_end(destination)
        return pace

    def _forget(self) -> None:
        for name in list(self._paces)[: max(0, len(self._paces) - MOST_KEPT)]:
            if self._paces[name].is_idle:
                del self._paces[name]
