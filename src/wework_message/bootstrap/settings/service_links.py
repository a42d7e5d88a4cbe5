"""Variables that Kubernetes makes of the Services of a namespace, unless a pod says `enableServiceLinks: false`.

A Service `app-message` gives `APP_MESSAGE_SERVICE_HOST`, `APP_MESSAGE_SERVICE_PORT`, `APP_MESSAGE_PORT=tcp://10.0.0.1:8080`,
`APP_MESSAGE_PORT_8080_TCP_ADDR` and more, whatever the containers beside it take such names for.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

_NAME: Final = re.compile(
    r"(?P<service>\w+?)_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)?)"
)
_LINK: Final = re.compile(r"(?:tcp|udp|sctp)://\S+:\d+")


def without_service_links(environ: Mapping[str, str], settings: Collection[str]) -> Mapping[str, str]:
    """The variables of `environ` that may be settings; `settings` are the names of those that are.

    A variable with the name of a setting is left where no other one shows that there is a Service of this name: it is a
    mistake then, and is refused.
    """
    return {name: value for name, value in environ.items() if not _is_link(name, value, environ, settings)}


def service_link_warnings(environ: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """About each variable of a Service that has the name of a setting."""
    return [
        f"{name} is ignored: Kubernetes made it of the Service {_service_of(name)}; say enableServiceLinks: false in the pod, or give that Service another name"
        for name, value in sorted(environ.items())
        if name in settings and _is_link(name, value, environ, settings)
    ]


def _is_link(variable: str, value: str, environ: Mapping[str, str], settings: Collection[str]) -> bool:
    named = _NAME.fullmatch(variable)
    if named is None:
        return False
    if variable not in settings and not variable.endswith("_PORT"):
        return True
    is_known = variable not in settings or f"{named['service']}_SERVICE_HOST" in environ
    return is_known and (
        _LINK.fullmatch(value) is not None
        or variable.endswith(("_SERVICE_PORT", "_TCP_PORT", "_UDP_PORT", "_SCTP_PORT"))
    )


def _service_of(variable: str) -> str:
    return variable.removesuffix("_PORT").lower().replace("_", "-")
