"""The keys of a deployment, that of URLs and that for push services: one for all, and kept."""

import asyncio
import stat
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from connectors.files.url_key import FileUrlKey
from connectors.memory.url_key import MemoryUrlKey
from connectors.s3.url_key import OBJECT, PUSH_OBJECT, S3UrlKey
from tests.live import engines
from topologies.errors import MailError
from topologies.ports.url_key import KEY_BYTES, UrlKey

Processes = Callable[[], UrlKey]  # each call is another process of the deployment


@pytest.fixture(
    params=[
        "memory",
        "files",
        pytest.param("s3", marks=pytest.mark.live),
        pytest.param("s3-push", marks=pytest.mark.live),
    ]
)
async def processes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Processes]:
    if request.param.startswith("s3"):
        name = PUSH_OBJECT if request.param == "s3-push" else OBJECT
        async with engines.s3() as client:
            yield lambda: S3UrlKey(client, name)
    elif request.param == "files":
        yield lambda: FileUrlKey(tmp_path / "url.key")
    else:
        only = MemoryUrlKey()
        yield lambda: only


async def test_all_processes_have_one_key_whoever_asked_first(processes: Processes) -> None:
    keys = await asyncio.gather(*(processes().get() for _ in range(8)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == KEY_BYTES


async def test_it_is_kept(processes: Processes) -> None:
    key = await processes().get()
    assert [await processes().get() for _ in range(3)] == [key] * 3


async def test_another_deployment_has_another(tmp_path: Path) -> None:
    assert await MemoryUrlKey().get() != await MemoryUrlKey().get()
    keys = [await FileUrlKey(tmp_path / name).get() for name in ("a", "b")]
    assert keys[0] != keys[1]


def test_nobody_else_on_the_machine_can_read_the_file(tmp_path: Path) -> None:
    asyncio.run(FileUrlKey(tmp_path / "url.key").get())
    assert [path.name for path in tmp_path.iterdir()] == ["url.key"]
    assert stat.S_IMODE((tmp_path / "url.key").stat().st_mode) == 0o600


async def test_where_it_can_t_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="No such file"):
        await FileUrlKey(tmp_path / "gone" / "url.key").get()
