"""The scripts that start engines on one machine."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.live.own_engine import SERVERS, own_redis

ENGINES = ["cassandra", "clamd", "elasticsearch", "kafka", "redis", "s3"]


def test_each_engine_that_is_down_is_told() -> None:
    done = run("status")
    assert done.returncode == 1
    lines = sorted(line.split() for line in done.stdout.splitlines())
    assert [line[0] for line in lines] == ENGINES
    assert {line[-1] for line in lines} == {"down"}


def test_rillmail_is_told_where_the_engines_are() -> None:
    done = run("env", "redis", "kafka", RILLMAIL_SERVERS_REDIS_PORT="7777")
    assert sorted(done.stdout.splitlines()) == [
        "export RILLMAIL_KAFKA_SERVERS=127.0.0.1:19092",
        "export RILLMAIL_REDIS_URL=redis://127.0.0.1:7777/0",
    ]


@pytest.mark.parametrize("command", ["up", "down", "kill", "status"])
def test_an_engine_that_there_is_not_is_refused(command: str) -> None:
    done = run(command, "redis", "oracle")
    assert done.returncode == 2
    assert "no engine is called oracle" in done.stderr


def test_nothing_is_killed_unless_it_is_named() -> None:
    assert run("kill").returncode == 2


def test_to_stop_what_is_down_is_no_fault() -> None:
    assert run("down").returncode == 0


@pytest.mark.live
async def test_an_engine_is_started_once_and_keeps_its_data_when_killed(tmp_path: Path) -> None:
    with own_redis(tmp_path) as engine:
        redis = Redis(port=engine.port)
        await redis.set("a", "1")
        assert "already up" in engine.call("up")
        await engine.kill()
        await engine.up()
        assert await redis.get("a") == b"1"
        await engine.down()
        await engine.up()
        assert await redis.get("a") == b"1"
        await redis.aclose()


@pytest.mark.live
async def test_two_who_start_an_engine_get_the_same(tmp_path: Path) -> None:
    with own_redis(tmp_path) as engine:
        await engine.down()
        told = await asyncio.gather(*(asyncio.to_thread(engine.call, "up") for _ in range(2)))
    pids = {line.partition("(pid ")[2] for line in told}
    assert len(pids) == 1


@pytest.mark.live
def test_a_port_that_another_has_is_told(tmp_path: Path) -> None:
    with own_redis(tmp_path / "one") as engine:
        other = {"RILLMAIL_SERVERS_DATA": str(tmp_path / "two")}
        done = run("up", "redis", **{**engine.environment, **other})
    assert done.returncode == 1
    assert "is taken by another process" in done.stderr


def run(command: str, *names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # As on a machine where nobody set or started anything.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RILLMAIL_")}
    nowhere = {"RILLMAIL_SERVERS_DATA": "/nonexistent"}
    return subprocess.run(
        [SERVERS / command, *names],
        env=inherited | nowhere | environment,
        capture_output=True,
        text=True,
        check=False,
    )
