"""`python -m bench`: measure everything, or one thing, and write a table and JSON."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from bench import machine, parts
from bench.figures import Section
from bench.mails import addresses, mails
from bench.peers import compare, minimal_peer, postfix_dovecot
from bench.peers.peer import Peer
from bench.plan import Plan
from bench.progress import Progress
from bench.report import CLUSTER_DURABILITY, DURABILITY, Report, show

WHAT = (
    "all",
    "pipeline",
    "accept",
    "push",
    "idle",
    "reading",
    "memory",
    "peers",
    "mailbox",
    "first-view",
    "cluster",
    "parts",
)
EXAMPLES = """\b
Examples:
  python -m bench                       everything, some ten minutes
  python -m bench --quick               everything, small, in less than a minute
  python -m bench pipeline --mails 1000 --sessions 20
  python -m bench reading --large 20000 --json build/reading.json
  python -m bench accept --mails 2000   how many get their 250 a second, beside Postfix
  python -m bench idle                  what 5,000 sockets cost that hear nothing
  python -m bench mailbox               one mailbox of 100,000 mails, beside Dovecot's
  python -m bench first-view            the page opened on 100,000 mails, in Chromium
  python -m bench cluster               the cluster's roles (make bench-cluster)
  python -m bench parts                 the benches of single parts
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", type=click.Choice(WHAT), default="all")
@click.option(
    "--mails",
    "count",
    type=click.IntRange(10),
    help="To be sent, or in the mailbox.  [3000; quick: 200; mailbox: 100000, 1000]",
)
@click.option("--sessions", type=click.IntRange(1, 500), default=10, show_default=True)
@click.option("--size", type=click.IntRange(1_500), default=5_000, show_default=True, help="Bytes.")
@click.option("--users", type=click.IntRange(1, 1_000), default=10, show_default=True)
@click.option(
    "--large",
    type=click.IntRange(1_001),
    help="Large mailbox.  [100000; cluster: 2000]",
)
@click.option("--quick", is_flag=True, help="Small numbers: does it run, not how fast is it.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), default="build/bench.json")
@click.option("--folder", type=click.Path(path_type=Path), help="Where data lies.  [build/]")
def main(
    what: str,
    count: int | None,
    sessions: int,
    size: int,
    users: int,
    large: int | None,
    quick: bool,
    json_file: Path,
    folder: Path | None,
) -> None:
    """Measure what Rillmail costs on this machine; nothing fails for being slow."""
    console = Console()
    if what == "parts":
        parts.run(console, is_quick=quick)
        return
    plan = Plan(
        what=what,
        mails=count or _mails(what, quick),
        sessions=sessions,
        size_bytes=size,
        users=users,
        large=large or _large(what, quick),
        pushes=30 if quick else 300,
        repeats=50 if quick else 500,
        is_quick=quick,
    )
    base = (folder or Path("build")).resolve()
    base.mkdir(parents=True, exist_ok=True)
    report = Report(
        machine=machine.describe(base),
        settings=plan.as_dict(),
        durability=CLUSTER_DURABILITY if what == "cluster" else DURABILITY,
    )
    report.show_conditions(console)

    def add(section: Section) -> None:
        report.sections.append(section)
        report.write(json_file)
        show(section, console)

    work = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        _measure(plan, work, Progress(console), add)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    console.print(f"Written to {json_file}")


def _mails(what: str, quick: bool) -> int:
    if what in ("mailbox", "first-view"):
        return 1_000 if quick else 100_000
    return 200 if quick else 3_000


def _large(what: str, quick: bool) -> int:
    if what == "cluster":  # there, each mail of it is a command of its own
        return 200 if quick else 2_000
    return 3_000 if quick else 100_000


def _measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    ours: float | None = None
    if plan.what == "cluster":
        from bench import cluster

        cluster.measure(plan, work, progress, add)
        return
    if plan.what == "accept":
        from bench import accept

        accept.measure(plan, work, progress, add)
        return
    if plan.what == "idle":
        from bench import idle

        idle.measure(plan, work, progress, add)
        return
    if plan.what == "mailbox":
        from bench import mailbox

        mailbox.measure(plan, work, progress, add)
        return
    if plan.what == "first-view":
        from bench import first_view

        first_view.measure(plan, work, progress, add)
        return
    if plan.what != "peers":
        from bench.subject import measure

        ours = measure(plan, work, progress, add)
    if plan.what in ("all", "pipeline", "peers"):
        _peers(plan, ours, progress, add)


def _peers(
    plan: Plan,
    ours_cpu_ms: float | None,
    progress: Progress,
    add: Callable[[Section], None],
) -> None:
    batch = list(mails(plan.mails, addresses(plan.users), plan.size_bytes))
    peers: list[tuple[str, Callable[[Path], AbstractContextManager[Peer]]]] = [
        (minimal_peer.why_not(), minimal_peer.running),
        *(
            (postfix_dovecot.why_not(), partial(postfix_dovecot.running, is_indexed=is_indexed))
            for is_indexed in ((False, True) if postfix_dovecot.why_not() == "" else (True,))
        ),
    ]
    for number, (why_not, running) in enumerate(peers):
        if why_not:
            add(Section(name=f"peer_{number}", title="A peer that is not here", notes=(why_not,)))
            continue
        # Servers that change users must be able to enter their folder.
        folder = Path(tempfile.mkdtemp(prefix="bench-peer-"))
        folder.chmod(0o755)
        try:
            with running(folder) as peer:
                add(
                    compare.measure(
                        peer,
                        batch,
                        sessions=plan.sessions,
                        ours_cpu_ms=ours_cpu_ms,
                        progress=progress,
                    )
                )
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(prog_name="python -m bench")
