"""Fuzz one target until it fails or its time is over: ``python -m tests.fuzz message``.

What breaks it is kept in the folder as ``crash-…``: mend it, and move it to ``seeds/TARGET/``.
What covers more than what was known is kept beside the seeds, in ``--corpus``.
"""

import argparse
import importlib
import logging
import sys
from pathlib import Path
from typing import Any

import structlog

SEEDS = Path(__file__).parent / "seeds"
MESSAGES = Path(__file__).parents[1] / "corpus" / "messages"
LARGEST_BYTES = 65_536
SLOWEST_S = 20  # for one input


def main() -> None:
    """Run what the command line names."""
    atheris: Any = importlib.import_module("atheris")  # has no types
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with atheris.instrument_imports(include=["topologies", "connectors"]):
        from tests.fuzz.targets import TARGETS
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"))
    given = parser.parse_args()
    corpus = given.corpus / given.target
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [str(folder) for folder in (SEEDS / given.target, MESSAGES) if folder.is_dir()]
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={given.seconds}",
            f"-max_len={LARGEST_BYTES}",
            f"-timeout={SLOWEST_S}",
            "-rss_limit_mb=2048",
            str(corpus),
            *seeds,
        ],
        TARGETS[given.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
