"""Where the command line looks for a service of which nobody names the URL."""

import os
from typing import Final

from wework_message.bootstrap.own_url import own_url
from wework_message.bootstrap.settings import SettingsError, load
from wework_message.bootstrap.settings.effective import DEFAULT
from wework_message.entrypoints.cli.client_options import ServicePlace
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

_KEYS: Final = ("server.host", "server.port", "server.context-path")
_ADVICE: Final = "name the service with --url or WEWORK_MESSAGE_URL"


def find_service() -> ServicePlace:
    """The place that the environment and the files of this folder give the service; Nacos is not asked.

    Raises `CommandFailedError` (`CONFIGURATION`) where they cannot be read, or leave the port open.
    """
    try:
        loaded = load(os.environ)
    except SettingsError as error:
        text = f"the settings of this folder and the environment do not say where the service is: {error}"
        raise CommandFailedError(ExitCode.CONFIGURATION, text, _ADVICE) from None
    if loaded.settings.server.port == 0:
        text = f"server.port is 0 ({loaded.origins['server.port']}): the service listens on any free port"
        raise CommandFailedError(ExitCode.CONFIGURATION, text, _ADVICE)
    said = [f"{key} ({origin})" for key in _KEYS if (origin := loaded.origins[key]) != DEFAULT]
    return ServicePlace(own_url(loaded, loaded.settings.server.port), f"as said by {', '.join(said)}" if said else "")
