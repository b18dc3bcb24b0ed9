"""What does not fit is told in a sentence when stages are found, and not by dead letters later."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import topologies.events
from tests.engines.stages import Written, mail
from topologies.engines.handling import Bury, handle
from topologies.errors import Misconfigured
from topologies.events import MailReceived
from topologies.stage import declared_by, stage
from topologies.topics import OWN_TOPICS
from topologies.topology import PATHS, Topology, build

BEGIN = """
from datetime import timedelta
from topologies.events import Deliver, MailScored, SetFlags
from topologies.ports.dns import Resolver
from topologies.stage import stage

"""

Built = Callable[[str], Topology]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    """Builds the topology with one more stage, of this text."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def build_with(text: str) -> Topology:
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "__init__.py").touch()
        (tmp_path / "own" / "mine.py").write_text(BEGIN + text, encoding="utf-8")
        return build([*PATHS, importlib.import_module("own")])

    yield build_with
    for name in [each for each in sys.modules if each.partition(".")[0] == "own"]:
        del sys.modules[name]


def test_a_stage_that_fits_is_found(built: Built) -> None:
    text = "@stage(reads=Deliver, writes=[])\nasync def mine(event, *, dns: Resolver): return []\n"
    assert built(text).stage("mine").path == "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from nowhere import x\n", "own.mine can't be loaded: ModuleNotFoundError: No module"),
        ("x = (\n", "own.mine can't be loaded: SyntaxError: '(' was never closed"),
        ("stage(reads=Nothing)\n", "own.mine can't be loaded: NameError: name 'Nothing' is not"),
        ("@stage\nasync def mine(event): ...\n", "own.mine can't be loaded: TypeError"),
        ("async def mine(event): ...\n", "own.mine: one stage a file, found 0"),
        (
            "@stage(reads=Deliver, writes=[])\ndef mine(event): return []\n",
            "mine is no `async def` that returns a list of events",
        ),
        (
            "@stage(reads=Deliver, writes=[SetFlags])\nasync def mine(event): yield event\n",
            "mine is no `async def` that returns a list of events",
        ),
        (
            "@stage(reads=Deliver, writes=[])\nasync def mine(event, dns: Resolver): return []\n",
            "mine takes 2 events: it is handed one, and its ports by keyword only",
        ),
        (
            "@stage(reads=Deliver, writes=[])\nasync def mine(*, dns: Resolver): return []\n",
            "mine takes 0 events",
        ),
        (
            "@stage(reads=Deliver, writes=[])\nasync def mine(event, *, dns): return []\n",
            "mine: dns is annotated with no port",
        ),
        (
            '@stage(reads=Deliver, writes=[])\nasync def mine(event, *, dns: "Dns"): return []\n',
            "mine is annotated with what its module does not know: name 'Dns' is not defined",
        ),
        (
            "@stage(reads=Deliver, writes=[], timeout=30)\nasync def mine(event): return []\n",
            "mine has 30 for an attempt: say a timedelta",
        ),
        (
            "@stage(reads=Deliver, writes=[], attempts=0)\nasync def mine(event): return []\n",
            "mine has 0 attempts: it needs one at least",
        ),
        (
            "@stage(reads=Deliver, writes=[])\nasync def timer(event): return []\n",
            "a stage can't be called timer",
        ),
        (
            "@stage(reads=Deliver, writes=[])\nasync def store(event): return []\n",
            "own.mine: there are two stages 'store'",
        ),
        (
            "@stage(reads=[], writes=[])\nasync def mine(event): return []\n",
            "mine reads 0 topics",
        ),
        (
            "@stage(reads=MailScored, writes=[])\nasync def mine(event): return []\n",
            "mail.scored is a step, so one stage reads it, not route, mine",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(built: Built, text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(said)):
        built(text)


def test_where_a_file_can_not_be_loaded_is_told(built: Built) -> None:
    with pytest.raises(Misconfigured, match=r"mine\.py, line 8\)$"):
        built("\nx = 1 / 0\n")


async def test_what_is_no_list_of_events_is_told_as_what_it_is() -> None:
    @stage(reads=MailReceived, writes=[])
    async def forget(event: MailReceived) -> Written:
        return None  # type: ignore[return-value]

    outcome = await handle(declared_by(forget), mail("a"), {})
    assert isinstance(outcome, Bury)
    assert outcome.reason == (
        "TypeError: forget returned NoneType, and is to return a list of events"
    )


def test_every_event_can_be_imported_from_where_stages_do() -> None:
    kinds = [kind.__name__ for topic in OWN_TOPICS for kind in topic.events]
    assert [name for name in kinds if name not in topologies.events.__all__] == []
    assert all(issubclass(getattr(topologies.events, name), msgspec.Struct) for name in kinds)
