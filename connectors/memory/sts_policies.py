"""MTA-STS policies of our domains in a dict: for tests, and what the others are held against."""


class MemoryStsPolicies:
    """The policies of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def of(self, domain: str) -> str | None:
        return self._kept.get(domain)

    async def put(self, domain: str, text: str) -> None:
        self._kept[domain] = text

    async def remove(self, domain: str) -> bool:
        return self._kept.pop(domain, None) is not None
