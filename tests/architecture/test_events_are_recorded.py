"""No change can pass by the events for clients: messages and accounts are saved through the commit scope (ADR 56, ADR 65)."""

import re
from pathlib import Path
from typing import Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp

APPLICATION: Final = Path(__file__).parents[2] / "src" / "wework_message" / "application"

WRITERS: Final = {
    "commit/scope.py": {"messages.save", "echoes.deliver", "accounts.observe", "accounts.save"},
    "accept/accept.py": {"messages.add"},
}
"""Who writes messages, and accounts with their bindings. `accept.store` hands what it adds to the scope."""

_WRITE: Final = re.compile(r"unit\.(messages\.save|messages\.add|echoes\.deliver|accounts\.observe|accounts\.save)\(")


def test_messages_and_accounts_are_written_through_the_commit_scope_alone() -> None:
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


async def test_accounts_that_are_changed_beside_the_committers_record_events_too() -> None:
    async with InMemoryApp() as app:
        assert app.use_cases.accounts().record is app.use_cases.record_events()
