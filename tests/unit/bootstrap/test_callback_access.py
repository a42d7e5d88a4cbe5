"""Settings of who may bring callbacks."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from wework_message.bootstrap.doctor import _access
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded, load, render_check, start_problems
from wework_message.domain.callers import CallbackAccess

REAL = {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example"}
SECRET = "whsec_" + "aHVudGVyMg" * 4
REQUIRED = {"APP_CALLBACKS_REQUIRE_TOKEN": "true"}


def loaded(environ: dict[str, str]) -> Loaded:
    return load(REAL | environ, config_dir=Path("/nowhere"))


def problems(environ: dict[str, str]) -> dict[str, str]:
    result = loaded(environ)
    return {problem.path: problem.message for problem in start_problems(result.settings, result.profile)}


def test_everybody_may_bring_callbacks_by_default() -> None:
    assert problems({}) == {}
    assert policy_of(loaded({})).callback_access == CallbackAccess()


def test_what_is_set_is_in_the_policy_and_the_secret_is_not_shown() -> None:
    environ = REQUIRED | {
        "APP_CALLBACKS_ALLOW_NETWORKS": "198.51.100.0/24 , 2001:db8::/32",
        "APP_CALLBACKS_TRUSTED_PROXIES": "10.0.0.1",
        "APP_CALLBACKS_RELAY_SECRET": SECRET,
    }
    assert problems(environ) == {}
    access = policy_of(loaded(environ)).callback_access
    assert access.require_token
    assert access.allow_networks == (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32"))
    assert access.trusted_proxies == (ip_network("10.0.0.1"),)
    assert access.relay is not None
    assert access.relay.reveal() == SECRET
    assert SECRET[6:] not in render_check(loaded(environ)) + repr(access)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("ALLOW_NETWORKS", "10.0.0.1/8", "allow-networks"),
        ("ALLOW_NETWORKS", "1.2.3", "allow-networks"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "trusted-proxies"),
        ("RELAY_SECRET", "hunter2", "relay-secret"),
        ("RELAY_SECRET", "whsec_aHVudGVyMg==", "relay-secret"),
    ],
)
def test_what_cannot_be_used_stops_the_start_and_names_its_variable(name: str, value: str, key: str) -> None:
    messages = problems(REQUIRED | {f"APP_CALLBACKS_{name}": value})
    assert list(messages) == [f"app.callbacks.{key}"]
    assert f"APP_CALLBACKS_{name}" in messages[f"app.callbacks.{key}"]
    assert value not in messages[f"app.callbacks.{key}"]


@pytest.mark.parametrize(
    ("name", "value"), [("ALLOW_NETWORKS", "10.0.0.0/8"), ("TRUSTED_PROXIES", "10.0.0.0/8"), ("RELAY_SECRET", SECRET)]
)
def test_nothing_is_set_that_keeps_nobody_out(name: str, value: str) -> None:
    (message,) = problems({f"APP_CALLBACKS_{name}": value}).values()
    assert message.startswith("needs app.callbacks.require-token")


def test_a_simulated_provider_must_be_an_allowed_peer() -> None:
    simulated = REQUIRED | {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "simulator"}
    assert list(problems(simulated)) == ["app.callbacks.allow-networks"]
    assert problems(simulated | {"APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.0/8"}) == {}


def test_with_keys_callbacks_need_a_proof_too() -> None:
    keys = {"SECURITY_MODE": "keys"}
    assert policy_of(loaded(keys)).callback_access.require_token
    assert problems(keys | {"APP_CALLBACKS_ALLOW_NETWORKS": "198.51.100.0/24"}) == {}


async def test_the_doctor_knows_whether_peers_or_a_relay_may_bring_them() -> None:
    async def no_tokens(*_: Any) -> Any:
        return []

    verdicts = [
        (await _access(loaded({"SECURITY_MODE": "keys"} | others), no_tokens).ask()).verdict
        for others in (
            {},
            {"APP_CALLBACKS_ALLOW_NETWORKS": "198.51.100.0/24"},
            {"APP_CALLBACKS_RELAY_SECRET": SECRET},
        )
    ]
    assert verdicts == ["warning", "ok", "ok"]


def test_with_keys_a_simulated_provider_must_be_allowed_to_call() -> None:
    def refused(environ: dict[str, str]) -> list[str]:
        result = load({"SECURITY_MODE": "keys"} | environ, config_dir=Path("/nowhere"))
        return [problem.path for problem in start_problems(result.settings, result.profile)]

    assert refused({}) == ["app.callbacks.allow-networks"]
    assert refused({"APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.1"}) == []
