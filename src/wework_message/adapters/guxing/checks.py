"""Checks of a provider of this protocol, all of them skipped: its API has no call for them."""

from typing import Final

from wework_message.domain.ports.checks import Check, Finding

_ADVICE: Final = "see docs/operations/run.md for the two calls that set them"


def callback_checks(name: str) -> tuple[Check, ...]:
    """``<name>.callback-url`` and ``<name>.notify-flags``: the API can set them, and has no call that reads them.

    `set_notify_url` and `set_notify_msg_flag` have no counterpart (P-9). The check ``callbacks.arriving`` shows whether
    callbacks arrive, from the stored ones.
    """

    async def url() -> Finding:
        return Finding.skipped("the provider's API has no call that tells the callback URL", _ADVICE)

    async def flags() -> Finding:
        return Finding.skipped("the provider's API has no call that tells the notify flags", _ADVICE)

    return Check(f"{name}.callback-url", url), Check(f"{name}.notify-flags", flags)
