"""Whether times of the settings fit together: those that keep a message from being sent twice, and the zone of days."""

from collections.abc import Iterator

from wework_message.application.policy import DAY_MS
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.horizon import horizon_of
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.horizon import check_timing, lane_block_ms
from wework_message.domain.quiet_hours import QuietHours


def time_problems(settings: Settings) -> Iterator[InvalidSettingError]:
    """A problem for each time that does not fit."""
    horizon_ms, message = horizon_of(settings), settings.app.message
    for name, provider in settings.app.wework.providers.items():
        if not provider.enabled:
            continue
        try:
            check_timing(deadline_ms=provider.timeout_ms, horizon=horizon_ms, expire_after_ms=DAY_MS)
        except InvalidValueError:
            text = "must not be longer than app.message.unknown.horizon-seconds: no echo proves nothing before the call's end"
            yield InvalidSettingError(f"{PROVIDER_PREFIX}{name}.timeout-ms", text)
    if message.unknown.fail_after_hours * 3_600_000 < lane_block_ms(horizon_ms):
        text = "must be at least 2 x horizon-seconds, and 6 x sync-interval-seconds where settle.sync is used"
        yield InvalidSettingError("app.message.unknown.fail-after-hours", text)
    try:
        QuietHours(0, 0, message.mass.zone)
    except InvalidValueError as error:
        yield InvalidSettingError("app.message.mass.zone", error.message)
