import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.domain.routing.provider import Capabilities, Lack, Provider, default_provider, healthy_default

CAPABILITIES = Capabilities(frozenset({"TEXT", "FILE"}), {"FILE": 100})


def provider(code: str, priority: int = 1, *, enabled: bool = True) -> Provider:
    return Provider(ProviderCode(code), code, CAPABILITIES, priority=priority, enabled=enabled)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=8))
def test_the_default_is_the_first_enabled_one_of_the_smallest_priority(rows: list[tuple[int, bool]]) -> None:
    providers = [provider(f"P{i}", priority, enabled=enabled) for i, (priority, enabled) in enumerate(rows)]
    chosen = default_provider(providers)
    enabled = [candidate for candidate in providers if candidate.enabled]
    assert (chosen is None) == (not enabled)
    if chosen is not None:
        best = min(candidate.priority for candidate in enabled)
        assert chosen is next(candidate for candidate in enabled if candidate.priority == best)


def test_a_healthy_default_comes_before_one_of_which_nothing_is_known_and_that_before_one_that_is_down() -> None:
    providers = [provider("A", 1), provider("B", 2), provider("C", 3), provider("D", 0, enabled=False)]
    health: dict[str, bool | None] = {"A": None, "B": None, "C": None, "D": True}

    def default() -> str:
        chosen = healthy_default(providers, lambda code: health[code])
        assert chosen is not None
        return chosen.code

    assert default() == "A"
    health["A"] = False
    assert default() == "B"
    health["C"] = True
    assert default() == "C"
    health["B"] = True
    assert default() == "B"
    health["B"] = health["C"] = False
    assert default() == "A"
    assert healthy_default(providers[3:], lambda code: health[code]) is None


@pytest.mark.parametrize(
    ("message_type", "size", "lack"),
    [
        ("TEXT", None, None),
        ("TEXT", 10**9, None),
        ("FILE", 100, None),
        ("FILE", 101, Lack.SIZE),
        ("FILE", None, None),
        ("VOICE", 1, Lack.TYPE),
        ("text", None, Lack.TYPE),
    ],
)
def test_what_a_provider_lacks(message_type: str, size: int | None, lack: Lack | None) -> None:
    assert CAPABILITIES.missing(message_type, size) is lack


def test_files_of_ours_need_a_provider_that_takes_them() -> None:
    assert CAPABILITIES.missing("FILE", 1, needs_upload=True) is Lack.UPLOADS
    taking = dataclasses.replace(CAPABILITIES, uploads=True)
    assert taking.missing("FILE", 1, needs_upload=True) is None
    assert taking.missing("FILE", 101, needs_upload=True) is Lack.SIZE


def test_a_connection_does_not_print_what_may_be_secret() -> None:
    connection = ProviderConnection("http://provider.example/t0ken", 4_000, 10, options={"token": "s3cret"})
    assert "timeout_ms=4000" in repr(connection)
    assert "t0ken" not in repr(connection)
    assert "s3cret" not in repr(connection)


def test_a_provider_can_be_a_key() -> None:
    assert {provider("A"): 1}[provider("A")] == 1
