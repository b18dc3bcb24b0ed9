"""What the service holds in memory: after each kind of work, and while a huge mail comes in."""

import asyncio
import time
from dataclasses import dataclass, field

from bench.figures import Figure, Section
from bench.load import hand_over
from bench.mails import huge
from bench.people import Person
from bench.process_cost import family, forget_peak, memory, peak_rss
from bench.progress import Progress
from bench.service import Service

RSS_MIB_AT_MOST = 250.0
HUGE_BYTES = 25 * 1024 * 1024 - 8_192  # just below the most that is accepted
STEADY_AFTER_S = 2


@dataclass(slots=True)
class MemoryWatch:
    """Looks at the service between the steps."""

    service: Service
    steady_after_s: float = STEADY_AFTER_S
    figures: list[Figure] = field(default_factory=list[Figure])

    def look(self, key: str, moment: str) -> None:
        """Note what is held now, a little after the work."""
        time.sleep(self.steady_after_s)
        held = memory([self.service.pid])
        self.figures += [
            Figure(
                key=f"rss_{key}",
                value=held.rss,
                unit="MiB",
                meaning=f"resident {moment}",
                at_most=RSS_MIB_AT_MOST,
            ),
            Figure(
                key=f"pss_{key}",
                value=held.pss,
                unit="MiB",
                meaning=f"the same with shared pages divided, {moment}",
            ),
        ]

    def receive_huge(
        self, person: Person, progress: Progress, size_bytes: int = HUGE_BYTES
    ) -> None:
        """Let one mail of the largest size come in, and note the peak."""
        service = self.service
        before = service.stored([person])
        mail = huge(9_000_000, person.address, size_bytes)
        pids = family([service.pid])
        for pid in pids:
            forget_peak(pid)
        base = memory([service.pid]).rss
        cpu = service.cpu_s()
        with progress.step("A mail of 25 MB", 1) as advance:
            load = asyncio.run(hand_over(service.smtp_port, [mail], sessions=1, is_kept=True))
            service.settle([person], before + load.accepted)
            advance()
        peak = sum(peak_rss(pid) for pid in pids)  # not all at the same moment, perhaps
        self.figures += [
            Figure(
                key="peak_huge",
                value=peak,
                unit="MiB",
                meaning=f"most resident until a mail of {len(mail.raw) / 1e6:.1f} MB was stored",
            ),
            Figure(
                key="peak_huge_more",
                value=peak - base,
                unit="MiB",
                meaning="how much more than before it came",
            ),
            Figure(
                key="huge_cpu",
                value=service.cpu_s() - cpu,
                unit="s",
                meaning="CPU of the service for that mail",
            ),
        ]

    def section(self, notes: tuple[str, ...] = ()) -> Section:
        """Return all that was noted."""
        return Section(
            name="memory",
            title="Memory of the service, all its processes together",
            figures=tuple(self.figures),
            notes=notes,
        )
