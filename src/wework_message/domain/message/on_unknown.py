"""What becomes of an UNKNOWN message whose time is up: the policy that its request, its account or the settings chose (D-16)."""

from typing import Final

from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.recall import RecallState
from wework_message.domain.quota import DAY_MS

RECHECK_MS: Final = DAY_MS
"""How soon a message that is held is looked at again: nothing but evidence or a person can have ended it."""

BY_POLICY: Final = "onUnknown RESEND"
"""Who opened the new round, in the timeline."""


def apply_policy(message: Message, *, horizon_ms: int, fail_after_ms: int, now: int) -> None:
    """Send again, give up, or hold an UNKNOWN message; the lane is free afterwards (D-17 and D-40).

    Its age counts from the end of the uncertain call: a recall that is asked for meanwhile does not make it younger. RESEND never comes
    before 2H, FAIL never before `fail_after_ms`, by whatever this is called early.
    """
    attempt = message.attempts.open
    began = attempt.ended_at if attempt is not None else None
    age = now - (message.lifecycle.updated_at if began is None else began)
    wait_ms = _wait_ms(message, horizon_ms=horizon_ms, fail_after_ms=fail_after_ms)
    if wait_ms is None or age < wait_ms:
        next_ms = RECHECK_MS if wait_ms is None else min(max(wait_ms - age, 1), wait_ms)
        message.open_lane(next_ms=next_ms, now=now)
    elif message.on_unknown is OnUnknown.FAIL:
        message.give_up_unknown(now=now)
    else:
        message.replay(force=True, by=BY_POLICY, now=now)


def _wait_ms(message: Message, *, horizon_ms: int, fail_after_ms: int) -> int | None:
    """How old it must be for its policy to act; None = it is held."""
    if message.on_unknown is OnUnknown.FAIL:
        return fail_after_ms
    return lane_block_ms(horizon_ms) if may_resend(message) else None


def may_resend(message: Message) -> bool:
    """Whether it was allowed to reach its recipient twice: once, not every 2H, never where it is to be recalled or its content is gone.

    What is left of a mass send is never sent again by itself (ADR 67).
    """
    allowed = message.on_unknown is OnUnknown.RESEND and message.options.duplicate_safe and not message.is_erased
    allowed = allowed and not message.is_mass
    return allowed and not message.possible_duplicate and message.recall.state is not RecallState.WAITING
