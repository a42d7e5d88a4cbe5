"""dependency_injector and Litestar without the packages that they look for, and that we do not connect them with (ADR 29).

An installation of the service has none of them, or uses one itself where its settings say so. Where tools bring them along, both libraries would import them, and a start
would take half as long again. A None in `sys.modules` hides nothing from dependency_injector, which is compiled by Cython.
"""

from functools import partial
from typing import Final

from wework_message.adapters.hidden_packages import hidden

without_frameworks: Final = partial(hidden, "opentelemetry", "pydantic", "pydantic_settings", "werkzeug")

with without_frameworks():
    from dependency_injector import containers, providers

__all__ = ["containers", "providers", "without_frameworks"]
