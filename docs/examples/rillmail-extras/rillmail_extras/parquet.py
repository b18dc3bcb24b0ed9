# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Rows as a Parquet file: the one module that knows pyarrow."""

import io
from collections.abc import Mapping, Sequence

import pyarrow
import pyarrow.parquet

_KINDS = {
    "received_at": pyarrow.timestamp("ms", tz="UTC"),
    "size_bytes": pyarrow.int64(),
    "attachments": pyarrow.int32(),
    "is_spam": pyarrow.bool_(),
}


def as_parquet(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> bytes:
    """Return *rows* as a Parquet file; a column that is not known otherwise is text."""
    schema = pyarrow.schema([(name, _KINDS.get(name, pyarrow.string())) for name in columns])
    file = io.BytesIO()
    table = pyarrow.Table.from_pylist(list(rows), schema=schema)
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()
