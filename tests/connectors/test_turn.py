"""Turns: who writes a file that several processes write, one after the other."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sqlite.database import Database
from connectors.sqlite.turn import Turn
from tests.process import eventually

OTHER = """
import sys
from pathlib import Path
from connectors.sqlite.turn import Turn
with Turn(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.readline()
"""
WRITER = """
import asyncio, sys
from pathlib import Path
from connectors.sqlite.database import Database
async def main():
    database = Database(Path(sys.argv[1]), ("CREATE TABLE rows (who TEXT)",), is_shared=True)
    print("open", flush=True)
    sys.stdin.readline()
    for _ in range(200):
        await database.write(lambda c: c.execute("INSERT INTO rows VALUES ('other')").rowcount)
    database.close()
asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log.db-turn"


@pytest.fixture
def other(place: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, whose turn it is until a line is written to it."""
    with _python(OTHER, place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


@pytest.mark.parametrize("ends", ["in order", "by SIGKILL"])
def test_it_is_nobody_elses_turn_until_the_other_ends(
    place: Path, other: subprocess.Popen[str], ends: str
) -> None:
    has_come = threading.Event()
    waiting = threading.Thread(target=_wait, args=(place, has_come))
    waiting.start()
    eventually(lambda: _is_waited_for(place), bool)
    assert not has_come.is_set()
    if ends == "in order":
        other.communicate("\n")
    else:
        other.kill()
    assert has_come.wait(20)
    waiting.join()


async def test_two_processes_write_all_they_have_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    schema = ("CREATE TABLE rows (who TEXT)",)
    database = Database(path, schema, is_shared=True)
    with _python(WRITER, path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "open\n"
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(200):
            await database.write(lambda c: c.execute("INSERT INTO rows VALUES ('we')").rowcount)
        assert await asyncio.to_thread(process.wait, 60) == 0
    rows = await database.read(
        lambda c: c.execute("SELECT who, count(*) FROM rows GROUP BY who").fetchall()
    )
    database.close()
    assert rows == [("other", 200), ("we", 200)]


async def test_a_closed_file_has_written_what_waited(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", ("CREATE TABLE rows (n INT)",), is_shared=True)
    writes = [
        asyncio.ensure_future(
            database.write(lambda c, n=n: c.execute("INSERT INTO rows VALUES (?)", (n,)).rowcount)
        )
        for n in range(50)
    ]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    assert await asyncio.gather(*writes) == [1] * 50


def _python(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _wait(place: Path, has_come: threading.Event) -> None:
    turn = Turn(place)
    with turn:
        has_come.set()
    turn.close()


def _is_waited_for(place: Path) -> bool:
    """Return whether somebody waits at a lock of the file *place* (proc_locks(5))."""
    locks = Path("/proc/locks").read_text()
    inode = f":{place.stat().st_ino} "
    return any("->" in line and inode in line for line in locks.splitlines())
