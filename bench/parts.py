"""The benches of single parts, each a module of its own that prints what it finds."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console

# module: what it measures, arguments, arguments of a quick run
PARTS: dict[str, tuple[str, list[str], list[str]]] = {
    "search_engines": (
        "the search index: CPU a mail, ms a question",
        ["--engine", "rillmail"],
        ["--engine", "rillmail", "--mails", "2000"],
    ),
    "documents": ("reading a document that came with a mail", [], ["--repeats", "10"]),
    "mailboxes": ("storing and listing mails", [], []),
    "delivery": (
        "delivering what is queued: CPU a mail, mails a second, and Postfix's",
        [],
        ["--mails", "200", "--destinations", "1", "50"],
    ),
}


def run(console: Console, *, is_quick: bool) -> None:
    """Run those that are there, one after another."""
    for name, (meaning, arguments, quick_arguments) in PARTS.items():
        if not (Path(__file__).parent / f"{name}.py").exists():
            continue
        console.rule(f"{name}: {meaning}", align="left")
        command = [sys.executable, "-m", f"bench.{name}"]
        done = subprocess.run(command + (quick_arguments if is_quick else arguments), check=False)
        if done.returncode:
            console.print(f"{name} ended with status {done.returncode}")
