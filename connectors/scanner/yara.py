"""YARA rules: ours, and those of the deployment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yara_x

from topologies.errors import Misconfigured
from topologies.events.inbound import Finding, FindingKind

OURS = Path(__file__).with_name("rules.yar")
TIMEOUT_S = 5  # of one content; rules that are written well need milliseconds
MOST_MATCHES = 20  # that are told of one content
TOO_SLOW = Finding(kind="unscannable", name="it takes too long to be scanned")

_KINDS: frozenset[str] = frozenset(get_args(FindingKind))


class YaraRules:
    """Compiled rules. May be used by several threads at once."""

    def __init__(self, folder: str = "") -> None:
        """Compile our rules and those in *folder*, each file a namespace of its own.

        Raises:
            Misconfigured: A file can't be read, or is no rules; says which and where.
        """
        compiler = yara_x.Compiler(includes_enabled=False)
        compiler.define_global("file_name", "")
        compiler.add_source(OURS.read_text(encoding="utf-8"), origin=OURS.name)
        for path in _own(folder):
            compiler.new_namespace(path.name)
            try:
                compiler.add_source(path.read_text(encoding="utf-8"), origin=str(path))
            except (OSError, UnicodeDecodeError, yara_x.CompileError) as error:
                raise Misconfigured(f"yara_rules: {path}: {error}") from error
        self._rules = compiler.build()

    def findings(self, content: bytes, file_name: str) -> Sequence[Finding]:
        """Return what the rules find in *content*."""
        # One a scan, since a scanner belongs to one thread; it costs 20 µs.
        scanner = yara_x.Scanner(self._rules)
        scanner.set_timeout(TIMEOUT_S)
        scanner.set_global("file_name", file_name.lower())
        try:
            matches = scanner.scan(content).matching_rules
        except yara_x.TimeoutError:
            return [TOO_SLOW]
        return [_finding(rule) for rule in matches[:MOST_MATCHES]]


def _finding(rule: Any) -> Finding:
    meta: dict[str, Any] = dict(rule.metadata)
    kind = meta.get("kind", "malware")  # as rules from elsewhere mean it
    return Finding(
        kind=kind if kind in _KINDS else "malware", name=str(meta.get("name", rule.identifier))
    )


def _own(folder: str) -> list[Path]:
    if not folder:
        return []
    if not Path(folder).is_dir():
        raise Misconfigured(f"yara_rules: there is no folder {folder}")
    return sorted(path for path in Path(folder).iterdir() if path.suffix in (".yar", ".yara"))
