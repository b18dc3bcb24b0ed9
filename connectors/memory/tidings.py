"""Tidings in dicts: for tests, and what the others are held against."""

from collections.abc import Sequence

from topologies.events import DeliveryAttempted
from topologies.ports.tidings import Round


class MemoryTidings:
    """All tidings of one process, gone with it."""

    def __init__(self) -> None:
        # By mail and name: the round, and the news.
        self._kept: dict[str, dict[str, tuple[str, DeliveryAttempted]]] = {}
        self._closed: set[tuple[str, str]] = set()

    async def gather(self, name: str, news: DeliveryAttempted) -> Round:
        of_mail = self._kept.setdefault(news.mail_id, {})
        if name not in of_mail:
            rounds = {round_name for round_name, _ in of_mail.values()}
            opened = [each for each in rounds if (news.mail_id, each) not in self._closed]
            of_mail[name] = (min(opened, default=name), news)
        round_name, _ = of_mail[name]
        return Round(round_name, of_mail[round_name][1].attempted_at)

    async def close(self, mail_id: str, round_name: str) -> Sequence[DeliveryAttempted]:
        self._closed.add((mail_id, round_name))
        of_mail = self._kept.get(mail_id, {})
        return [of_mail[name][1] for name in sorted(of_mail) if of_mail[name][0] == round_name]
