"""Settings among the arguments, as a service of Spring has them: ``--server.port=9090``."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import rich_click as click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FLAG: Final = "--property"
_PROPERTY: Final = re.compile(r"--(?P<property>[A-Za-z][\w-]*(\.[\w-]+|\[[^\]=]*\])+=.*)", re.DOTALL)


class WithProperties(click.RichCommand):
    """A command that takes ``--a.setting=value`` for ``--property a.setting=value``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's."""
        return super().parse_args(ctx, list(_with_flags(args)))


def _with_flags(arguments: Sequence[str]) -> Iterator[str]:
    for argument in arguments:
        written = _PROPERTY.fullmatch(argument)
        if written is None:
            yield argument
        else:
            yield from (_FLAG, written["property"])


def properties_option(command: _Command) -> _Command:
    """`--property`, of a command whose class is `WithProperties`."""
    return click.option(
        _FLAG, "properties", multiple=True, metavar="KEY=VALUE", callback=_checked,
        help="A setting, stronger than every other source; --KEY=VALUE is the same, such as --server.port=9090.",
    )(command)  # fmt: skip


def _checked(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.match(r"[A-Za-z][^=\s]*=", value):
            raise click.BadParameter("must be KEY=VALUE")
    return values
