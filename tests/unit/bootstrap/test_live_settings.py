"""What may change while the service runs, and what needs a restart."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nacos.starts import a_read, documents

from wework_message.adapters.observability.logs import LogHandle
from wework_message.application.role import Role
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.live import LIVE, change, is_live, take_over
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.process import Process
from wework_message.bootstrap.settings import Loaded, SettingsError, load
from wework_message.bootstrap.settings.loading import loaded_of
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.domain.outcomes import OutcomeClass
from wework_message.entrypoints.rest.load.request_limits import RequestLimits, RequestRates

ROOT = Path(__file__).parents[3]
GUXING = "app.wework.providers.guangzhou-guxing"
TWO = f"{GUXING}.weight: 100\napp.wework.providers.second: {{api-base-url: simulator}}\n"


@pytest.fixture
def started(tmp_path: Path) -> Callable[..., Loaded]:
    def start(*texts: str, **environ: str) -> Loaded:
        (tmp_path / "application.yml").write_text(f"{TWO}nacos: {{server-addr: n}}")
        return load(environ, config_dir=tmp_path, nacos=a_read(documents(*texts)))

    return start


def changed(former: Loaded, text: str) -> Loaded:
    return loaded_of(former.layers, documents(text))


def test_every_live_setting_exists() -> None:
    known = {re.sub(rf"^{GUXING}", "app.wework.providers.*", key) for key in known_leaves(["guangzhou-guxing"])}
    assert set(LIVE) - known == set()


def test_the_page_says_live_or_restart_for_each() -> None:
    page = (ROOT / "docs/nacos.md").read_text("utf-8").partition("## What may change")[2].partition("\n## ")[0]
    assert {name.replace("<name>", "*") for name in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)} == LIVE


def test_a_live_setting_counts_and_others_wait(started: Callable[..., Loaded]) -> None:
    former = started("app.message.limits.rate-limit-per-minute: 5")
    text = f"""
    app.message.limits: {{rate-limit-per-minute: 9, max-batch-size: 7}}
    datasource.password: hunter2
    {GUXING}.outcome-codes: {{"-7": THROTTLED}}
    """
    result = change(former, changed(former, text))
    settings = result.loaded.settings
    assert result.applied == ["app.message.limits.rate-limit-per-minute", f"{GUXING}.outcome-codes"]
    assert result.waiting == ["app.message.limits.max-batch-size", "datasource.password"]
    assert settings.app.message.limits.rate_limit_per_minute == 9
    assert settings.app.message.limits.max_batch_size == 200
    assert settings.datasource.password is None
    assert settings.app.wework.providers["guangzhou-guxing"].outcome_codes == {"-7": OutcomeClass.THROTTLED}


def test_what_is_stronger_than_nacos_does_not_change(started: Callable[..., Loaded]) -> None:
    former = started("a: 1", APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE="5")
    result = change(former, changed(former, "app.message.limits.rate-limit-per-minute: 9"))
    assert (result.applied, result.waiting) == ([], [])


def test_a_setting_that_is_gone_has_its_former_value_of_the_files(started: Callable[..., Loaded]) -> None:
    former = started("app.message.limits.rate-limit-per-minute: 5")
    result = change(former, loaded_of(former.layers, []))
    assert result.loaded.settings.app.message.limits.rate_limit_per_minute == 1000


def test_a_provider_that_is_new_or_gone_waits_with_all_that_it_has(started: Callable[..., Loaded]) -> None:
    third = "app.wework.providers.third: {api-base-url: simulator, rate-limit-per-minute: 5}"
    former = started("a: 1")
    new = change(former, changed(former, third))
    assert (new.applied, set(new.loaded.settings.app.wework.providers)) == ([], {"guangzhou-guxing", "second"})
    assert "app.wework.providers.third.rate-limit-per-minute" in new.waiting
    gone = change(started(third), loaded_of(former.layers, []))
    assert (gone.applied, "third" in gone.loaded.settings.app.wework.providers) == ([], True)


@pytest.mark.parametrize(
    "text",
    [
        # Right in itself, but not with the horizon that stays until the restart.
        "app.message.unknown: {fail-after-hours: 1, horizon-seconds: 1800}",
        "app.message.unknown.fail-after-hours: 1",
    ],
)
def test_what_does_not_go_with_what_stays_is_refused_as_a_whole(started: Callable[..., Loaded], text: str) -> None:
    former = started("app.message.unknown.horizon-seconds: 3600")
    with pytest.raises(SettingsError):
        change(former, changed(former, text))


def test_a_switch_that_would_stop_the_start_is_refused(started: Callable[..., Loaded]) -> None:
    former = started("a: 1", ROCKETMQ_NAME_SERVER="q:9876", ROCKETMQ_TOPICS_INTAKE="t")
    with pytest.raises(SettingsError, match=r"needs app\.message\.async\.enabled"):
        change(former, changed(former, "app.message.async.enabled: false"))


@given(st.sampled_from(sorted(known_leaves(["guangzhou-guxing"]))))
def test_a_live_setting_of_one_provider_is_one_of_each(key: str) -> None:
    assert is_live(key) == is_live(key.replace("guangzhou-guxing", "other-one"))


class _Process:
    """What `take_over` needs of one."""

    def __init__(self, loaded: Loaded) -> None:
        self.gateways = Gateways({}, {}, outcome_codes={c: {} for c in policy_of(loaded).providers})
        self.application = SimpleNamespace(policy=policy_of(loaded))


class _Limits(RequestLimits):
    taken: RequestRates | None = None

    def __init__(self) -> None:
        """Nothing is limited."""

    def take_rates(self, rates: RequestRates) -> None:
        self.taken = rates


def test_a_process_goes_on_with_them(started: Callable[..., Loaded]) -> None:
    former = started("a: 1")
    process, limits = _Process(former), _Limits()
    levels: list[str] = []
    held = process.application.policy
    codes = process.gateways.outcome_codes[next(iter(held.providers))]
    text = f"""
    app.message: {{async.enabled: false, mass.zone: UTC, sync.wait-ms: 7}}
    {GUXING}: {{outcome-codes: {{"-7": THROTTLED}}, rate-limit-per-hour: 60, retry-count: 8}}
    security.limits: {{key-requests-per-second: 3, tenant-burst: 9}}
    logging.level: debug
    """
    result = change(former, changed(former, text))
    logs = cast("LogHandle", SimpleNamespace(take_level=levels.append))
    take_over(result.loaded, Role.ALL, cast("Process", process), limits, logs)
    assert (held.async_enabled, held.mass_zone, held.sync_wait_ms) == (False, "UTC", 7)
    provider = next(iter(held.providers.values()))
    assert ([budget.limit for budget in provider.budgets], provider.retry_count) == ([60], 8)
    assert (codes, levels) == ({"-7": OutcomeClass.THROTTLED}, ["DEBUG"])
    assert limits.taken is not None
    assert limits.taken.key is not None
    assert limits.taken.key.per_s == 3
    take_over(former, Role.ALL, cast("Process", process), None, logs)
    assert (held.async_enabled, codes, levels) == (True, {}, ["DEBUG", "INFO"])


def test_a_zone_that_is_none_changes_nothing(started: Callable[..., Loaded]) -> None:
    former = started("a: 1")
    with pytest.raises(SettingsError, match=r"app\.message\.mass\.zone"):
        changed(former, "app.message: {async.enabled: false, mass.zone: Mars}")
