"""How long something lasts, on the command line: ``90d``, ``12h``, ``30m``, ``45s``."""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import rich_click as click

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TEXT: Final = re.compile(r"([0-9]{1,9})([smhd])")

Callback: TypeAlias = Callable[[click.Context, click.Parameter, str | None], int | None]


def seconds_between(least: int, most: int) -> Callback:
    """The callback of an option: whole seconds from `least` to `most`. It raises `BadParameter`."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        match = _TEXT.fullmatch(value)
        if match is None:
            raise click.BadParameter("must be a number with s, m, h or d, such as 90d")
        seconds = int(match[1]) * _SECONDS[match[2]]
        if not least <= seconds <= most:
            raise click.BadParameter(f"must be from {shown(least)} to {shown(most)}")
        return seconds

    return read


def shown(seconds: int) -> str:
    """In the largest unit that shows it exactly."""
    unit = next((unit for unit in ("d", "h", "m") if seconds and seconds % _SECONDS[unit] == 0), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"
