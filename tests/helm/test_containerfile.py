"""Containerfile: what it copies is there, and its steps make a service that runs as it says.

There is no builder of images here. The steps are done in a clean folder instead, and the service
is run as the first process of its own, without rights, on a file system that is read-only.
"""

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

from tests.process import eventually, free_port

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "Containerfile").read_text(encoding="utf-8")
BUILD_TIMEOUT_S = 600
UID = 10_001


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
    data = folder / "data"
    data.mkdir()
    data.chmod(0o777)
    port = free_port()
    with first_process(built, data, port) as process:
        eventually(lambda: alive(port), lambda is_alive: is_alive, timeout_s=60)
        assert (data / "log.db").stat().st_uid == UID
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        namespaced = re.findall(r"NSpid:\t\d+\t(\d+)", Path(f"/proc/{child}/status").read_text())
        assert namespaced == ["1"]
        os.kill(int(child), 15)
        assert process.wait(30) == 0, process.stderr.read() if process.stderr else ""


def first_process(built: Path, data: Path, port: int) -> "subprocess.Popen[str]":
    """Start the service as process 1 of a namespace, where all but two folders is read-only."""
    told = variables(stages()[-1]) | {
        "PATH": f"{built}/bin:{os.environ['PATH']}",
        "RILLMAIL_DATA_DIR": str(data),
        "RILLMAIL_HTTP_PORT": str(port),
        **{f"RILLMAIL_{name}_PORT": "0" for name in ("SMTP", "LMTP")},
    }
    # Whoever has no rights can't look into the home of who built it, where Python may lie.
    python, home = data.parent / "python", Path.home()
    python.mkdir(exist_ok=True)
    reachable = (
        f"mount --bind {sys.base_prefix} {python}; mount -t tmpfs -o mode=755 tmpfs {home};"
        f" mkdir -p {sys.base_prefix}; mount --bind {python} {sys.base_prefix};"
        if Path(sys.base_prefix).is_relative_to(home)
        else ""
    )
    setup = (
        f"{reachable} mount --bind {data} {data}; mount -o remount,bind,ro /;"
        " mount -t tmpfs tmpfs /tmp;"
        f" exec setpriv --reuid={UID} --regid={UID} --clear-groups --inh-caps=-all"
        " --bounding-set=-all --no-new-privs rillmail run"
    )
    isolated = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec", setup]
    can = subprocess.run([*isolated[:-3], "true"], capture_output=True, text=True)
    if can.returncode != 0:
        words = f"needs the right to make namespaces: {can.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return subprocess.Popen(isolated, env=told, stderr=subprocess.PIPE, text=True, cwd="/")


def alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success
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
