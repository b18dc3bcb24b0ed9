"""Containerfile: what it copies is there, and its steps make a service that runs as it says.

There is no builder of images here. The steps are done in a clean folder instead, and the service
is run as the first process of its own, without rights, on a file system that is read-only.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api.cli.cluster import ROLES
from tests.helm.isolated import UID, isolated
from tests.live.engines import cluster_settings
from tests.process import eventually, free_port

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "Containerfile").read_text(encoding="utf-8")
BUILD_TIMEOUT_S = 600


@dataclass(frozen=True)
class Step:
    word: str
    rest: str


def steps() -> list[Step]:
    """Return the instructions, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT))
    found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [Step(word, rest.strip()) for word, _, rest in found]


def stages() -> list[list[Step]]:
    """Return the steps of each image, the first of which is FROM."""
    found: list[list[Step]] = []
    for step in steps():
        if step.word == "FROM":
            found.append([])
        found[-1].append(step)
    return found


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        name for step in stages()[0] if step.word == "COPY" for name in step.rest.split()[:-1]
    }
    assert copied == sent
    assert [name for name in copied if not (CHECKOUT / name).exists()] == []


def test_every_package_of_the_project_is_copied() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert Step("COPY", f"{name} {name}") in stages()[0]


def test_uv_is_the_one_of_the_makefile() -> None:
    [version] = re.findall(r"UV_VERSION := (\S+)", (CHECKOUT / "Makefile").read_text())
    assert f"uv=={version}" in TEXT


def test_the_image_runs_as_nobody_and_nothing_stands_between_it_and_signals() -> None:
    told = {step.word: step.rest for step in stages()[-1]}
    assert told["USER"] == f"{UID}:{UID}"
    assert (told["ENTRYPOINT"], told["CMD"]) == ('["rillmail"]', '["run"]')
    assert told["VOLUME"] == variables(stages()[-1])["RILLMAIL_DATA_DIR"]


def variables(stage: list[Step]) -> dict[str, str]:
    """Return what the ENV steps of *stage* set."""
    pairs = [word for step in stage if step.word == "ENV" for word in shlex.split(step.rest)]
    return dict(pair.split("=", 1) for pair in pairs)


# --- its steps, done ----------------------------------------------------------------


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that others than its owner may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    """The environment that the first image builds."""
    source, environment = folder / "src", folder / "opt"
    shutil.rmtree(source, ignore_errors=True)  # of a try before
    source.mkdir()
    told = variables(stages()[0]) | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    del told["UV_NO_CACHE"]  # here it is not a layer that would grow
    told["UV_PYTHON"] = sys.executable
    ran = 0
    for step in stages()[0]:
        if step.word == "COPY":
            *names, to = step.rest.split()
            for name in names:
                copy(CHECKOUT / name, source / to / (name if to == "./" else ""))
        elif step.word == "RUN" and step.rest.startswith("uv sync"):
            done = subprocess.run(
                [uv(), *shlex.split(step.rest)[1:], "--quiet"],
                cwd=source,
                env={k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | told,
                capture_output=True,
                text=True,
                timeout=BUILD_TIMEOUT_S,
            )
            assert done.returncode == 0, done.stderr
            ran += 1
    assert ran == 2
    shutil.rmtree(source)  # nothing of the image may need it
    return environment


@pytest.mark.process
def test_the_environment_holds_the_program_and_nothing_for_developers(built: Path) -> None:
    done = subprocess.run(
        [built / "bin" / "rillmail", "worker", "--help"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "Run some roles of the cluster" in done.stdout) == (0, True)
    names = {path.name for path in (built / "lib").glob("python*/site-packages/*")}
    assert {"confluent_kafka", "faust", "cassandra", "aiobotocore"} <= names
    assert names & {"pytest", "hypothesis", "apache_beam", "ruff"} == set()
    assert any((built / "lib").glob("python*/site-packages/api/__pycache__/*.pyc"))


@pytest.mark.process
def test_the_service_runs_without_rights_on_a_read_only_system_and_ends_by_sigterm(
    built: Path, folder: Path
) -> None:
    data = writable(folder / "service")
    port = free_port()
    told = environment(built, data) | {
        "RILLMAIL_HTTP_PORT": str(port),
        **{f"RILLMAIL_{name}_PORT": "0" for name in ("SMTP", "LMTP")},
    }
    assert not is_healthy(told)
    with isolated(["rillmail", "run"], told, data) as service:
        eventually(lambda: alive(port), bool, timeout_s=60)
        assert service.number_inside() == "1"
        assert (data / "log.db").stat().st_uid == UID
        assert is_healthy(told)
        assert service.terminate(within_s=30) == 0, service.told()


@pytest.mark.live
def test_a_worker_of_each_role_runs_so_too(built: Path, folder: Path) -> None:
    data = writable(folder / "worker")
    port = free_port()
    with cluster_settings() as own:
        told = (
            environment(built, data)
            | own
            | {
                "RILLMAIL_HOST": "127.0.0.1",
                "RILLMAIL_HTTP_PORT": str(port),
                **{f"RILLMAIL_{name}_PORT": "0" for name in ("SMTP", "LMTP")},
            }
        )
        with isolated(["rillmail", "worker", *ROLES], told, data) as worker:
            eventually(lambda: alive(port), bool, timeout_s=120)
            eventually(lambda: alive(port, "/readyz"), bool, timeout_s=60)
            assert is_healthy(told)
            assert worker.terminate(within_s=30) == 0, worker.told()


def environment(built: Path, data: Path) -> dict[str, str]:
    """Return what the image sets, for where it was built here."""
    return variables(stages()[-1]) | {
        "PATH": f"{built}/bin:{os.environ['PATH']}",
        "RILLMAIL_DATA_DIR": str(data),
        "RILLMAIL_HEALTH_PORT": str(free_port()),
    }


def is_healthy(told: dict[str, str]) -> bool:
    """Return what the image's own check of its health says."""
    [step] = [step for step in stages()[-1] if step.word == "HEALTHCHECK"]
    command = json.loads(step.rest[step.rest.index("[") :])
    return subprocess.run(command, env=told, timeout=60).returncode == 0


def writable(data: Path) -> Path:
    data.mkdir()
    data.chmod(0o777)
    return data


def alive(port: int, path: str = "/healthz") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).is_success
    except httpx.TransportError:
        return False


def copy(of: Path, to: Path) -> None:
    if of.is_dir():
        shutil.copytree(of, to, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(of, to)


def uv() -> str:
    """Return uv, as the Makefile finds it."""
    return shutil.which("uv") or str(CHECKOUT / ".cache" / "uv" / "bin" / "uv")
