"""From settings to the policy of the use cases: every value arrives, and times that could send twice stop the start."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from wework_message.application.policy import DAY_MS, Policy
from wework_message.application.role import Role
from wework_message.bootstrap.policies import POLLS, limits_of, policy_of
from wework_message.bootstrap.settings import SettingsError, load
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.horizon import check_timing
from wework_message.domain.inbox import InboxLimits
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.routing.provider import Lack, Provider
from wework_message.domain.stream import StreamSupport

NOWHERE = Path("/nonexistent-settings-folder")
PROVIDER_KEY = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING"


def a_policy(environ: Mapping[str, str] | None = None, role: Role = Role.ALL) -> Policy:
    return policy_of(load(environ or {}, config_dir=NOWHERE), role)


def test_the_defaults_fit_together() -> None:
    policy = a_policy()
    assert policy.providers
    for code, provider in policy.providers.items():
        check_timing(
            deadline_ms=provider.timeout_ms,
            horizon=policy.horizon_ms,
            expire_after_ms=policy.expire_after_ms,
            lease=policy.lease_ms(code),
        )


@pytest.mark.parametrize(
    ("horizon_s", "timeout_ms", "fits"),
    [("40", "40000", True), ("40", "40001", False), ("40", "2000", True), ("40", "1", True)],
)
def test_times_that_could_send_twice_stop_the_start(horizon_s: str, timeout_ms: str, fits: bool) -> None:
    environ = {"APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": horizon_s, f"{PROVIDER_KEY}_TIMEOUT_MS": timeout_ms}
    if fits:
        assert a_policy(environ).horizon_ms == int(horizon_s) * 1_000
    else:
        with pytest.raises(SettingsError) as refused:
            a_policy(environ)
        assert refused.value.path == "app.wework.providers.guangzhou-guxing.timeout-ms"


def test_each_setting_reaches_the_use_cases_in_their_unit() -> None:
    policy = a_policy(
        {
            "APP_MESSAGE_RETRY_MAX_ATTEMPTS": "7",
            "APP_MESSAGE_RETRY_DELAY_MS": "900",
            "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": "11",
            "APP_MEDIA_URL_FRESH_SECONDS": "17",
            "APP_MESSAGE_ASYNC_ENABLED": "false",
            "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "13",
            "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "120",
            "APP_MESSAGE_UNKNOWN_ON_UNKNOWN": "FAIL",
            "APP_MESSAGE_UNKNOWN_FAIL_AFTER_HOURS": "5",
            "APP_MESSAGE_SYNC_WAIT_MS": "1700",
            "APP_MESSAGE_RETENTION_CALLBACK_DAYS": "3",
            "APP_MESSAGE_RETENTION_MESSAGE_DAYS": "9",
            "APP_MESSAGE_RETENTION_RAW_DAYS": "5",
        }
    )
    assert (policy.retry.max_attempts, policy.retry.first_delay_ms) == (7, 900)
    assert (policy.calls_in_flight, policy.async_enabled, policy.rate_per_minute) == (11, False, 13)
    assert (policy.horizon_ms, policy.on_unknown) == (120_000, OnUnknown.FAIL)
    assert policy.fail_unknown_after_ms == 5 * 3_600_000
    assert (policy.sync_wait_ms, policy.media_fresh_ms) == (1_700, 17_000)
    assert (policy.keep_callbacks_ms, policy.keep_messages_ms) == (3 * DAY_MS, 9 * DAY_MS)
    assert a_policy().keep_messages_ms is None
    assert (policy.keep_raw_ms, a_policy().keep_raw_ms) == (5 * DAY_MS, None)


def test_each_limit_of_callbacks_and_waits_reaches_the_use_cases() -> None:
    policy = a_policy(
        {
            "APP_MESSAGE_CALLBACKS_ADMIN_USER_IDS": "1688850000000001 , 1688850000000002",
            "APP_MESSAGE_CALLBACKS_MAX_FOREIGN_IDS": "31",
            "APP_MESSAGE_RETENTION_QUARANTINE_DAYS": "4",
            "APP_MESSAGE_LIMITS_MAX_PENDING_CALLBACKS": "5001",
            "APP_MESSAGE_LIMITS_MAX_PENDING_CALLBACKS_PER_GUID": "5002",
            "APP_MESSAGE_RETENTION_MAX_QUARANTINED": "5003",
            "APP_MESSAGE_RETENTION_MAX_QUARANTINED_PER_GUID": "5004",
            "APP_MESSAGE_RETENTION_MAX_CALLBACKS": "5005",
            "APP_MESSAGE_LIMITS_MAX_CALLBACK_RECORDS": "41",
            "APP_MESSAGE_LIMITS_MAX_WAITING_REQUESTS": "43",
        }
    )
    assert policy.admin_user_ids == {"1688850000000001", "1688850000000002"}
    assert policy.max_foreign_ids == 31
    assert policy.keep_quarantine_ms == 4 * DAY_MS
    assert policy.inbox == InboxLimits(
        max_pending=5001, max_pending_per_guid=5002, max_kept=5003, max_kept_per_guid=5004, max_finished=5005
    )
    assert (policy.max_callback_records, policy.max_waiters) == (41, 43)
    assert a_policy().admin_user_ids == frozenset()


@pytest.mark.parametrize("role", Role)
def test_a_role_polls_as_often_as_its_wakeups_leave_to_it(role: Role) -> None:
    alone = a_policy(role=role)
    assert {name: getattr(alone, name) for name in POLLS[role]} == POLLS[role]
    woken = a_policy({"ROCKETMQ_NAME_SERVER": "127.0.0.1:8081", "ROCKETMQ_TOPICS_CALLBACKS": "callbacks"}, role)
    assert (woken.poll_due_ms, woken.poll_inbox_ms) == (a_policy().poll_due_ms, a_policy().poll_inbox_ms)
    assert woken.poll_status_ms == alone.poll_status_ms


def test_a_provider_without_settings_of_its_own_is_the_domain_s_provider() -> None:
    for code, provider in a_policy().providers.items():
        bare = Provider(code, provider.name, provider.capabilities)
        for name in ("priority", "weight", "enabled", "timeout_ms", "retry_count"):
            assert getattr(provider, name) == getattr(bare, name), name


def test_the_largest_file_of_a_provider_is_that_of_its_types_without_a_limit() -> None:
    (plain,) = a_policy().providers.values()
    (provider,) = a_policy({f"{PROVIDER_KEY}_MEDIA_MAX_FILE_BYTES": "30000000"}).providers.values()
    assert provider.capabilities.types == plain.capabilities.types
    for kind in ("FILE", "BIG_VIDEO"):
        assert provider.capabilities.missing(kind, 30_000_000) is None
        assert provider.capabilities.missing(kind, 30_000_001) is Lack.SIZE
        assert plain.capabilities.missing(kind, 30_000_001) is None
    assert provider.capabilities.missing("IMAGE", 30_000_001) is None


def test_requests_may_name_the_networks_that_the_operator_opened() -> None:
    closed, opened = (
        limits_of(load(environ, config_dir=NOWHERE)).addresses
        for environ in ({}, {"APP_OUTBOUND_ALLOW_NETWORKS": "10.1.0.0/16"})
    )
    assert closed is not None
    assert opened is not None
    assert opened.target("http://10.1.0.1/a").host == "10.1.0.1"
    with pytest.raises(InvalidValueError):
        closed.target("http://10.1.0.1/a")


def test_a_provider_is_pulled_where_its_setting_says_so_and_then_h_is_three_intervals() -> None:
    sync = f"{PROVIDER_KEY}_SETTLE_SYNC"
    assert {provider.sync for provider in a_policy().providers.values()} == {StreamSupport.NONE}
    policy = a_policy({sync: "complete"})
    (provider,) = policy.providers.values()
    assert (provider.sync, policy.sync_interval_ms, policy.horizon_ms) == (StreamSupport.COMPLETE, 60_000, 180_000)
    short = a_policy({sync: "positive", "APP_MESSAGE_UNKNOWN_SYNC_INTERVAL_SECONDS": "10"})
    assert (short.sync_interval_ms, short.horizon_ms) == (10_000, 90_000)
    disabled = a_policy(
        {
            sync: "positive",
            f"{PROVIDER_KEY}_ENABLED": "false",
            "APP_WEWORK_PROVIDERS_OTHER_API_BASE_URL": "http://x.test",
        }
    )
    assert disabled.horizon_ms == 90_000
    hour = {"APP_MESSAGE_UNKNOWN_SYNC_INTERVAL_SECONDS": "3600", "APP_MESSAGE_UNKNOWN_FAIL_AFTER_HOURS": "5"}
    assert a_policy(hour).horizon_ms == 90_000
    with pytest.raises(SettingsError, match="6 x sync-interval-seconds"):
        a_policy({sync: "positive", **hour})
    with pytest.raises(SettingsError) as refused:
        a_policy({sync: "perhaps"})
    assert "settle.sync" in refused.value.path.lower() or "SETTLE_SYNC" in refused.value.path
