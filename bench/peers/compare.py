"""The same mails, sessions and meaning of "done" for a peer as for the service."""

import asyncio
import time
from collections.abc import Sequence

from bench.figures import Figure, Section
from bench.load import hand_over
from bench.mails import MARK, Mail
from bench.peers.peer import Peer
from bench.pipeline import load_figures
from bench.process_cost import cpu_s, memory
from bench.progress import Progress

STALLED_AFTER_S = 60
POLL_S = 0.1


def measure(
    peer: Peer,
    mails: Sequence[Mail],
    *,
    sessions: int,
    ours_cpu_ms: float | None,
    progress: Progress,
) -> Section:
    """Hand *mails* over to *peer* by kept connections.

    Args:
        peer: Runs, and holds no mail yet.
        mails: The same that the service took.
        sessions: As for the service.
        ours_cpu_ms: What the service used a mail, in the same run, for the ratio.
        progress: Shows how far it is.
    """
    warm = mails[: max(1, len(mails) // 50)]
    asyncio.run(hand_over(peer.smtp_port, warm, sessions=2, is_kept=True))
    _settle(peer, len(warm))
    with progress.step(f"SMTP to {peer.name}", len(mails)) as advance:
        cpu, began = cpu_s(peer.pids), time.perf_counter()
        load = asyncio.run(
            hand_over(peer.smtp_port, mails, sessions=sessions, is_kept=True, on_accepted=advance)
        )
        stored = _settle(peer, len(warm) + load.accepted)
        found = peer.found(sorted({mail.recipient for mail in mails}), MARK)
        took_s, spent_s = time.perf_counter() - began, cpu_s(peer.pids) - cpu
    cpu_ms = spent_s / load.accepted * 1000
    figures = [
        Figure(
            key="kept_cpu_per_mail",
            value=cpu_ms,
            unit="ms",
            meaning="CPU of all its processes a mail, until all are stored"
            + ("" if found is None else " and indexed"),
        ),
        Figure(
            key="kept_stored_per_s",
            value=load.accepted / took_s,
            unit="mails/s",
            meaning="from the first MAIL command until then",
        ),
        *load_figures("kept", load, True),
        Figure(
            key="pss",
            value=memory(peer.pids).pss,
            unit="MiB",
            meaning="proportional memory of all its processes afterwards",
        ),
    ]
    if ours_cpu_ms is not None:
        ratio = Figure(
            key="cpu_ratio",
            value=ours_cpu_ms / cpu_ms,
            unit="×",
            meaning=f"CPU a mail: Rillmail ({ours_cpu_ms:.2f} ms) to this",
        )
        figures.insert(0, ratio)
    notes = [f"refused {count} times: {reply}" for reply, count in load.refused.items()]
    searched = "" if found is None else f", a word of all finds {found}"
    notes.append(f"{load.accepted} accepted after {len(warm)}, {stored} stored{searched}")
    return Section(
        name=f"peer_{peer.name}",
        title=f"Beside it: {peer.name} ({peer.meaning})",
        figures=tuple(figures),
        notes=tuple(notes),
    )


def _settle(peer: Peer, expected: int) -> int:
    """Return how many are stored once that are *expected*, or no more come."""
    seen, moved_at = -1, time.monotonic()
    while (stored := peer.stored()) < expected:
        if stored != seen:
            seen, moved_at = stored, time.monotonic()
        if time.monotonic() - moved_at > STALLED_AFTER_S:
            break
        time.sleep(POLL_S)
    return stored
