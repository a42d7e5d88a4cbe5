"""The copy of what Nacos said last: a file for a start while it is away."""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wework_message.adapters.private_files import make_folder, open_file
from wework_message.domain.ports.shared_configuration import Document, DocumentName

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy."""

    documents: Sequence[Document]
    age_s: float
    """Since Nacos said something new, seconds."""


class KeptConfiguration:
    """Only the user of this process can read the file: configurations may hold secrets."""

    def __init__(self, path: Path, place: Mapping[str, str], names: Sequence[DocumentName]) -> None:
        """`place` is where they are from, `names` are those that are read: a copy of other ones is none."""
        self._path = path
        self._place = {"version": _VERSION, **place, "names": [[name.data_id, name.group] for name in names]}
        self._names = {(name.data_id, name.group): name for name in names}

    def read(self) -> Kept | None:
        """The copy; None where there is none that can be used."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["place"] != self._place:
                return None
            documents = [self._document(entry) for entry in content["documents"]]
            return Kept(documents, max(0.0, time.time() - self._path.stat().st_mtime))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, documents: Sequence[Document]) -> None:
        """Replace the copy at once, or leave it as it is where it says the same. Raises `OSError`."""
        kept = self.read()
        if kept is not None and kept.documents == list(documents):
            return
        entries = [{"dataId": d.name.data_id, "group": d.name.group, "text": d.text} for d in documents]
        content = json.dumps({"place": self._place, "documents": entries}, ensure_ascii=False).encode()
        make_folder(self._path.parent)
        new = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(open_file(new, os.O_WRONLY), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            raise

    def _document(self, entry: Mapping[str, Any]) -> Document:
        text = entry["text"]
        if not isinstance(text, str):
            raise TypeError("a text is none")
        return Document(self._names[entry["dataId"], entry["group"]], text)
