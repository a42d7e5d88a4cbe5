"""Where callbacks come in. The settings are checked by it, too: it needs nothing of the framework."""

from collections.abc import Iterator
from typing import Final

WEBHOOK: Final = "/api/callbacks/webhook"
"""Where callbacks come in, and below it those of a named provider."""


def webhook_spellings(context_path: str) -> Iterator[str]:
    """Every documented path of the webhook."""
    for prefix in dict.fromkeys((context_path.rstrip("/"), "")):
        yield f"{prefix}{WEBHOOK}"
        yield f"{prefix}{WEBHOOK.removeprefix('/api')}"
