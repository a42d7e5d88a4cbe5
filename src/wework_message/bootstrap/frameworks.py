"""dependency_injector and Litestar without the frameworks that they look for, and that we do not connect them with (ADR 29).

Where those are installed for something else, both would import them: pydantic alone takes a fifth of a start.
"""

from functools import partial
from typing import Final

from wework_message.adapters.hidden_packages import hidden

without_frameworks: Final = partial(
    hidden, "fast_depends", "fastapi", "pydantic", "pydantic_settings", "starlette", "werkzeug"
)

with without_frameworks():
    from dependency_injector import containers, providers

__all__ = ["containers", "providers", "without_frameworks"]
