"""What a start gets from Nacos, without one."""

from collections.abc import Callable, Sequence

from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.bootstrap.settings.shared_start import Copy, SharedRead, SharedStart
from wework_message.domain.ports.shared_configuration import Document, DocumentName


def documents(*texts: str, ending: str = ".yaml") -> list[Document]:
    """Configurations with these texts, weakest first."""
    return [
        Document(DocumentName(f"document-{number}{ending}", "DEFAULT_GROUP"), text)
        for number, text in enumerate(texts, start=1)
    ]


def ignored(_documents: Sequence[Document]) -> None:
    """Keeps nothing."""


def a_read(
    documents_there: Sequence[Document] | None,
    *,
    copy: Sequence[Document] | None = None,
    keep: Callable[[Sequence[Document]], None] = ignored,
) -> SharedStart:
    """One look that finds these; None = Nacos is away."""

    def read(_settings: NacosSettings, _profiles: Sequence[str]) -> SharedRead:
        kept = None if copy is None else Copy(copy, "3 hours")
        return SharedRead(documents_there, kept, keep, "" if documents_there is not None else "Nacos is away")

    return read
