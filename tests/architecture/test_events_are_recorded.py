"""No change of a status can pass by the events for clients: messages are saved through the commit scope (ADR 56)."""

import re
from pathlib import Path
from typing import Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp

APPLICATION: Final = Path(__file__).parents[2] / "src" / "wework_message" / "application"

WRITERS: Final = {
    "commit/scope.py": {"messages.save", "echoes.deliver"},
    "accept/accept.py": {"messages.add"},
}
"""Who writes messages. `accept.store` hands what it adds to the scope."""

_WRITE: Final = re.compile(r"unit\.(messages\.save|messages\.add|echoes\.deliver)\(")


def test_messages_are_written_through_the_commit_scope_alone() -> None:
    written = {
        str(path.relative_to(APPLICATION)): writes
        for path in APPLICATION.rglob("*.py")
        if (writes := set(_WRITE.findall(path.read_text("utf-8"))))
    }
    assert written == WRITERS


@pytest.mark.parametrize(
    "committer", ["commits", "intake", "callback_commits", "projector_commits", "settlements", "webhook_commits"]
)
@pytest.mark.parametrize("side_by_side", [True, False])
async def test_every_committer_records_events(committer: str, side_by_side: bool) -> None:
    async with InMemoryApp(side_by_side=side_by_side) as app:
        made = getattr(app.use_cases, committer)()
        if hasattr(made, "_before"):  # a queue belongs to the first committer
            assert made._before is app.use_cases.record_events()
        assert app.commits._before is app.use_cases.record_events()
