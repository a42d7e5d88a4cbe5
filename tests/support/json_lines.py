"""Files of JSON lines, such as a simulator's ledger."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from tests.support.processes.running_service import Json


def json_lines(path: Path) -> Iterator[Json]:
    """The objects of a file, read one after another."""
    with path.open("rb") as lines:
        for line in lines:
            read: Json = msgspec.json.decode(line)
            yield read
