"""What can be asked about a provider of this protocol, and what its API has no question for."""

from typing import Final

from wework_message.domain.ports.checks import Check, Finding

_SETS: Final = "see docs/operations/run.md for the two calls that set them"


def callback_checks(name: str) -> tuple[Check, ...]:
    """``<name>.callback-url`` and ``<name>.notify-flags``: the API can set them and has no call that reads them.

    `set_notify_url` and `set_notify_msg_flag` have no counterpart (P-9). Whether callbacks arrive
    is seen in what was stored of them (``callbacks.arriving``).
    """

    async def url() -> Finding:
        return Finding.skipped("the provider's API has no call that tells the callback URL", _SETS)

    async def flags() -> Finding:
        return Finding.skipped("the provider's API has no call that tells the notify flags", _SETS)

    return Check(f"{name}.callback-url", url), Check(f"{name}.notify-flags", flags)
