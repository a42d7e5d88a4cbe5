"""The servers of Nacos, from the settings. Imports the SDK."""

from wework_message.adapters.nacos.sdk import NacosServer
from wework_message.bootstrap.nacos.start import server_fields
from wework_message.bootstrap.settings.nacos import NacosSettings


def configuration_server(settings: NacosSettings) -> NacosServer:
    """The one with the configurations."""
    return NacosServer(**server_fields(settings, settings.config))


def registration_server(settings: NacosSettings) -> NacosServer:
    """The one with the list of services."""
    return NacosServer(**server_fields(settings, settings.discovery))
