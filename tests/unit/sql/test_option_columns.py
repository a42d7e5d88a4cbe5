from typing import NamedTuple

import pytest

from wework_message.adapters.sql.mapping.option_columns import COLUMNS, FIELDS_WITHOUT_COLUMN, RENAMED, OptionMapping
from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.message.options import SendOptions


def test_every_option_has_a_column_or_is_declared_to_have_none() -> None:
    names = {*SendOptions._fields}
    assert {RENAMED.get(name, name) for name in names - FIELDS_WITHOUT_COLUMN} == set(COLUMNS)
    assert set(COLUMNS) <= set(message.c.keys())
    assert names >= FIELDS_WITHOUT_COLUMN | RENAMED.keys()


def test_an_option_without_a_column_cannot_be_forgotten() -> None:
    class Options(NamedTuple):
        priority: int
        campaign: str | None

    with pytest.raises(TypeError, match="campaign"):
        OptionMapping(Options, {"priority"})


def test_an_option_of_a_type_that_no_column_is_known_for_cannot_be_forgotten() -> None:
    class Options(NamedTuple):
        parts: frozenset[str]

    with pytest.raises(TypeError, match="frozenset"):
        OptionMapping(Options, {"parts"})
