from ipaddress import ip_address
from pathlib import Path

import pytest

from wework_message.bootstrap.outbound import address_policy, open_outbound
from wework_message.bootstrap.settings import load
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.http import OutboundSettings
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome

NOWHERE = Path("/nonexistent-settings-folder")


def test_without_the_setting_only_public_addresses_over_https_are_called() -> None:
    policy = address_policy(load({}, config_dir=NOWHERE).settings.app.outbound)
    with pytest.raises(InvalidValueError):
        policy.target("http://hooks.example.com/")
    assert not policy.allows(policy.target("https://hooks.example.com/"), [ip_address("10.1.2.3")])


def test_the_setting_opens_networks_for_http_too() -> None:
    environ = {"APP_OUTBOUND_ALLOW_NETWORKS": "10.1.0.0/16 , fd12::/16"}
    policy = address_policy(load(environ, config_dir=NOWHERE).settings.app.outbound)
    target = policy.target("http://hooks.example.com/")
    for address, allowed in (("10.1.2.3", True), ("fd12::1", True), ("10.2.0.1", False), ("1.1.1.1", False)):
        assert policy.allows(target, [ip_address(address)]) is allowed


async def test_what_is_opened_is_closed_and_obeys_the_policy() -> None:
    async with open_outbound(OutboundSettings(allow_networks="127.0.0.1")) as http:
        answers = [
            await http.post(url, headers=(), body=b"", deadline_ms=10_000)
            for url in ("http://10.1.2.3/", "http://127.0.0.1:1/")
        ]
    assert answers == [OutboundAnswer(OutboundOutcome.BLOCKED)] * 2
    assert (
        await http.post("https://hooks.example.com/", headers=(), body=b"", deadline_ms=1)
    ).outcome is OutboundOutcome.DNS


@pytest.mark.parametrize(
    ("networks", "says"),
    [
        ("10.1.2.3/16", "10.1.2.3/16 has host bits set"),
        ("10.1.0.0/16, 1.2", "'1.2' does not appear to be an IPv4 or IPv6 network"),
        ("169.254.169.254", "169.254.169.254/32 is never allowed"),
    ],
)
def test_what_is_no_network_or_never_allowed_stops_the_start(networks: str, says: str) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        load({"APP_OUTBOUND_ALLOW_NETWORKS": networks}, config_dir=NOWHERE)
    assert str(raised.value) == f"app.outbound.allow-networks: {says}"
