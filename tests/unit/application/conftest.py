"""What the tests of dispatching share."""

import pytest

from wework_message.application.dispatch.at_once import SlotGate


@pytest.fixture
def through_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message waits for a claim: what is called with its acceptance needs no wake-up."""
    monkeypatch.setattr(SlotGate, "enter", lambda _: False)
