"""The filters of the list of messages, as options."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from wework_message.domain.message_filter import FILTERS


def filter_options(command: Any) -> Any:
    """Add an option for each filter; the command gets them by their names in `FILTERS`."""
    for name, message_filter in reversed(tuple(FILTERS.items())):
        command = click.option(message_filter.flag, name, metavar="VALUE", help=message_filter.help)(command)
    return command


def named(filters: Mapping[str, str | None]) -> dict[str, str]:
    """The filters that were used, by their names in the API."""
    return {FILTERS[name].query_name: value for name, value in filters.items() if value is not None}
