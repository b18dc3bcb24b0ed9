"""Run a job to its end, and show on a terminal how far it is.

What jobs do is counted in the metric ``done``. A runner in this process shows no metrics before
the end, so here they are counted besides.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import apache_beam as beam
import msgspec
from apache_beam.io import WriteToText
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics.metric import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.telling import JobFailed

T = TypeVar("T")

LOOK_EVERY_S = 0.2
_NAMESPACE = "rillmail"

_lock = threading.Lock()
_here = 0
_done = Metrics.counter(_NAMESPACE, "done")


def count(steps: int = 1) -> None:
    """Say, in a step of a job, that so much more is done."""
    global _here
    with _lock:
        _here += steps
    _done.inc(steps)


def options(for_beam: Sequence[str]) -> PipelineOptions:
    """Return Beam's options as they were given behind ``--``."""
    return PipelineOptions([*for_beam])


def run(pipeline: beam.Pipeline, what: str, *, is_quiet: bool) -> None:
    """Run *pipeline* to its end.

    Args:
        pipeline: Built, not run.
        what: Is counted, for people.
        is_quiet: Show nothing on the way.

    Raises:
        JobFailed: It came to none.
    """
    global _here
    _here = 0
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # the error is told in a sentence
    console = Console(stderr=True)
    job = _Job(pipeline)
    with (
        Progress(
            TextColumn("{task.description}"),
            SpinnerColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=is_quiet or not console.is_terminal,
            transient=True,
        ) as progress,
        ThreadPoolExecutor(1, thread_name_prefix="beam-job") as thread,
    ):
        task = progress.add_task(what, total=None)
        running = thread.submit(job.run)
        while not running.done():
            threading.Event().wait(LOOK_EVERY_S)
            progress.update(task, completed=job.done())
        try:
            running.result()
        except Exception as error:
            raise JobFailed(f"the job failed: {_reason(error)}") from error


def read_one(path: str, kind: type[T]) -> T:
    """Return what a job wrote as JSON to *path*, on any file system that Beam knows.

    Raises:
        JobFailed: There is nothing that can be read.
    """
    try:
        with FileSystems.open(path) as file:
            return msgspec.json.decode(file.read(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise JobFailed(
            f"the job ended, but {path} can't be read here ({error}): let --output be a place"
            " that the workers and this machine both reach"
        ) from error


def make_folder(folder: str) -> None:
    """Make *folder*, on any file system that Beam knows, unless it is there.

    Raises:
        OSError: It can't be made.
    """
    if not FileSystems.exists(folder):
        try:
            FileSystems.mkdirs(folder)
        except OSError:
            if not FileSystems.exists(folder):  # else another worker was first
                raise


class WriteOne(beam.PTransform[Any, Any]):
    """Write the one element, as JSON, to a file of just this name."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return (
            input_or_inputs
            | "Encode" >> beam.Map(in_json)
            | "Write" >> WriteToText(self._path, num_shards=1, shard_name_template="")
        )


def in_json(value: Any) -> str:
    """Return *value* as a line of JSON."""
    return msgspec.json.encode(value).decode()


class _Job:
    """A pipeline that runs in a thread."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        self._pipeline = pipeline
        self._result: Any = None

    def run(self) -> None:
        self._result = self._pipeline.run()
        state = self._result.wait_until_finish()
        if state != "DONE":
            raise JobFailed(f"it ended as {state}")

    def done(self) -> int:
        if _here or self._result is None:
            return _here
        wanted = MetricsFilter().with_namespace(_NAMESPACE).with_name("done")
        counters = self._result.metrics().query(wanted)["counters"]
        return sum(counter.attempted or 0 for counter in counters)


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Beam quotes the worker's traceback, whose last line is the error.
    return (lines[-1] if lines else type(error).__name__).removesuffix("\\n")
