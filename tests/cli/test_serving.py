"""A process of ours ends when it should, with the status that it should, whatever is left in it."""

import subprocess
import sys

import pytest

LEFT = """
import asyncio, sys, threading, time
from api.cli import serving
from connectors.settings import Settings

async def stay():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def serve(stopped):
    global left
    left = asyncio.create_task(stay())
    threading.Thread(target=time.sleep, args=(600,)).start()
    await asyncio.sleep(0)
    if sys.argv[1] == "fails":
        raise ValueError("it failed")

serving.LEFT_OVER_S = 0.2
serving.run_until_signal(serve, Settings())
print("served")
"""


CLOSED = """
import os, socket, subprocess, sys
from api.cli import serving
from connectors.settings import Settings

async def serve(stopped):
    with socket.socket() as opened:
        print("nobody reads this")
        child = subprocess.run([sys.executable, "-c", "import os; os.fstat(1); os.fstat(2)"])
        assert opened.fileno() > 2 and child.returncode == 0

serving.run_until_signal(serve, Settings())
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_served_takes_the_place_of_no_stream_that_was_closed(closed: str) -> None:
    words = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, CLOSED]
    assert subprocess.run(words, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(("how", "status"), [("ends", 0), ("fails", 1)])
def test_a_task_and_a_thread_that_do_not_end_keep_no_process(how: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT, how], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done.stderr
    assert ("served" in done.stdout) == (how == "ends")
    assert ("it failed" in done.stderr) == (how == "fails")
    assert "was destroyed" not in done.stderr
