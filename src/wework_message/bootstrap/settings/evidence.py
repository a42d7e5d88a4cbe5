"""Settings of what becomes of a message that was perhaps sent."""

from typing import Annotated, Literal

from msgspec import Meta

from wework_message.bootstrap.settings.section import Section


class SettleSettings(Section, frozen=True):
    """How what is uncertain at this provider is settled (D-16)."""

    sync: Literal["none", "positive", "complete"] = "none"
    """What a pull of the message stream proves: nothing, it is not pulled; what is in it; also what is not in it."""

    @property
    def pulls(self) -> bool:
        """Whether the stream is pulled."""
        return self.sync != "none"


class UnknownSettings(Section, frozen=True):
    """What happens to a message that was perhaps sent (D-16 and D-40)."""

    on_unknown: Literal["HOLD", "FAIL", "RESEND"] = "HOLD"
    """HOLD waits for evidence or a decision of a person; RESEND also needs `duplicateSafe` of the message."""
    horizon_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 90
    """H, seconds: before it the absence of an echo proves nothing; a lane is blocked for at most 2 x H."""
    sync_interval_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 60
    """How often the stream of every instance is pulled, seconds, where `settle.sync` says so; H is at least three times that."""
    fail_after_hours: Annotated[int, Meta(ge=1, le=8760)] = 24
    """Hours until FAIL ends an UNKNOWN message as failed."""
