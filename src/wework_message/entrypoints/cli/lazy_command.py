"""A command that is known by its name and its summary, and imported when it is used."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import rich_click as click


class LazyCommand(click.RichCommand):
    """An entry of the command line: ``--help`` lists it; only its use imports its module, and what that needs."""

    def __init__(self, name: str, module: str, summary: str, services: Callable[[], object] | None = None) -> None:
        """`module` defines the command under its own name (``_`` for ``-``); `summary` is the first paragraph of its help.

        `services` makes what the command gets as its context's object, None = it needs nothing.
        """
        super().__init__(name=name, short_help=summary)
        self._name = name
        self._module = module
        self._services = services

    def load(self) -> click.Command:
        """The command itself. Raises `ModuleNotFoundError` where a package is not installed."""
        command: click.Command = getattr(import_module(self._module), self._name.replace("-", "_"))
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command itself, whose `command` it is."""
        context = self.load().make_context(info_name, args, parent, **extra)
        if self._services is not None and not context.resilient_parsing:
            context.obj = self._services()
        return context
