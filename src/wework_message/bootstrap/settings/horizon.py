"""H, as the settings make it."""

from wework_message.bootstrap.settings.model import Settings
from wework_message.domain.horizon import horizon_ms


def horizon_of(settings: Settings) -> int:
    """H, ms: as configured, and at least three intervals of pulls where a provider's streams are pulled (D-39)."""
    unknown = settings.app.message.unknown
    pulls = any(provider.enabled and provider.settle.pulls for provider in settings.app.wework.providers.values())
    return horizon_ms(unknown.horizon_seconds * 1000, unknown.sync_interval_seconds * 1000 if pulls else None)
