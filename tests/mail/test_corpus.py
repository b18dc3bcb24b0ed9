"""Messages of our own making, one fault in each, and what is read of them.

`tests/corpus/messages/NAME.eml` is read to `NAME.json`. When reading is changed on purpose,
RILLMAIL_WRITE_GOLDENS=1 writes those anew, to be looked at as any other change.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from topologies.mail.message import parse_message
from topologies.mail.raw import read_raw
from topologies.mail.stored import store_message

FOLDER = Path(__file__).parents[1] / "corpus" / "messages"
MESSAGES = sorted(FOLDER.glob("*.eml"))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_faulty_message_is_read_as_its_golden_file_says(path: Path) -> None:
    golden = path.with_suffix(".json")
    found = as_read(path.read_bytes())
    if os.environ.get("RILLMAIL_WRITE_GOLDENS"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
    assert json.loads(golden.read_text()) == found


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
async def test_a_faulty_message_is_given_back_byte_for_byte(path: Path) -> None:
    raw, blobs = await asyncio.to_thread(path.read_bytes), MemoryBlobs()
    _, ref = await store_message(raw, blobs)
    assert await read_raw(blobs, ref) == raw


def test_every_golden_file_has_its_message() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {path.stem for path in MESSAGES}


def as_read(raw: bytes) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(parse_message(raw).message))
