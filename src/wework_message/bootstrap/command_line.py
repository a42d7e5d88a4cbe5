"""The command line itself. It is what every command imports, so it imports nothing that not every command needs (ADR 29)."""

from typing import Final

from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.cli.main import build_cli

_DEMO: Final = LazyCommand(
    "demo", "wework_message.demo.command",
    "Send every message type through a real service against the simulator, and judge by its ledger.",
)  # fmt: skip


def _services() -> object:
    from wework_message.bootstrap.commands import services  # noqa: PLC0415 - clients need no settings

    return services()


def _client_services() -> object:
    from wework_message.entrypoints.cli.client_options import ClientServices, ServicePlace  # noqa: PLC0415 - only clients need it

    def find_service() -> ServicePlace:
        from wework_message.bootstrap.service_place import find_service  # noqa: PLC0415 - only where no --url is named

        return find_service()

    return ClientServices(find_service=find_service)


cli: Final = build_cli(_services, _DEMO, client_services=_client_services)
