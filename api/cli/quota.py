"""A size that people type: 500MB, 5 GiB, 0."""

import re

import click

_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)(i?b)?", re.IGNORECASE)


class Quota(click.ParamType):
    """Bytes. 1 KB is 1,024 bytes, as ``rillmail user list`` shows them."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return *value* in bytes, or refuse it."""
        if isinstance(value, int):
            return value
        if not (match := _SIZE.fullmatch(value.strip())):
            self.fail(f"{value!r} is no size: write 500MB, 5GB, or 0 for no limit", param, ctx)
        size_bytes = int(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " ")
        if size_bytes >= 2**63:
            self.fail(f"{value!r} is more than there is", param, ctx)
        return size_bytes


QUOTA = Quota()
