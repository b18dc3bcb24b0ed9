"""Reading a document: by a fork of one process, as the service does, and by a process of its own.

    python -m bench.documents [--repeats 100]

A PDF of one page, a scan with a line of text, as a tenth of the mails of other benches have it.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

from bench.figures import percentile
from bench.mails import a_scan
from bench.process_cost import cpu_s
from connectors.documents.process import CHILD, DocumentProcess, Limits, Reading

SIZE_BYTES = 20_000
LIMITS = Limits(longest_bytes=256 * 1024, cpu_s=5, longest_s=15)


def main() -> None:
    """Print what each costs."""
    parser = argparse.ArgumentParser(description="Reading a document.")
    parser.add_argument("--repeats", type=int, default=100)
    repeats: int = parser.parse_args().repeats
    document = a_scan(random.Random(0).randbytes(SIZE_BYTES))
    process = DocumentProcess()

    def forked() -> None:
        if not process.read(Reading("pdf", document, LIMITS)):
            sys.exit("the document could not be read")

    def started() -> None:
        program = f"import sys; sys.path.insert(0, {str(CHILD.parent)!r}); import child\n"
        program += "print(*child.of_pdf(sys.stdin.buffer.read()))"
        subprocess.run(
            [sys.executable, "-I", "-c", program], input=document, capture_output=True, check=True
        )

    forked()  # the process is there
    for name, read, count in (("fork", forked, repeats), ("process", started, repeats // 10 or 1)):
        took_ms, spent_ms = _measured(read, count)
        print(f"{name:8} {took_ms:7.1f} ms (median)  {spent_ms:7.1f} ms of CPU")


def _measured(read: Callable[[], None], count: int) -> tuple[float, float]:
    """Return the median of the time that *read* takes, and its CPU, in ms."""
    me = [os.getpid()]
    took_s: list[float] = []
    before = cpu_s(me)
    for _ in range(count):
        begun = time.perf_counter()
        read()
        took_s.append(time.perf_counter() - begun)
    return percentile(took_s, 50) * 1000, (cpu_s(me) - before) / count * 1000


if __name__ == "__main__":
    main()
