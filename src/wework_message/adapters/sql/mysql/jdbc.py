"""Java's addresses of databases, `jdbc:mysql://...`, as ours; what may mean another server than one is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError

JDBC: Final = frozenset({"mysql", "mariadb"})
"""The names after ``jdbc:``."""

_ADDRESS: Final = re.compile(
    rf"(?:jdbc:(?P<name>{'|'.join(sorted(JDBC))})|(?P<own>mysql))(?::(?P<mode>[a-z-]+))?://(?P<place>[^?]*)(?:\?(?P<options>.*))?",
    re.DOTALL,
)
_SCHEME: Final = re.compile(r"jdbc:([A-Za-z0-9+._-]+(?::[A-Za-z0-9+._-]+)*)")
_PAIR: Final = re.compile(r"\(\s*([A-Za-z]+)\s*=\s*([^()]*?)\s*\)")
_MODES: Final = frozenset({"replication", "loadbalance", "load-balance", "failover", "sequential"})
"""Ways to choose between several servers; with one server they mean nothing."""

_TLS_ON: Final = frozenset({"required", "verify_ca", "verify_identity", "verify_full", "trust"})
_TLS_DISABLED: Final = frozenset({"disabled", "disable"})
_TLS_OFF: Final = _TLS_DISABLED | {"preferred"}
_TLS_SWITCHES: Final = frozenset({"usessl", "requiressl"})
_TLS_KEYS: Final = _TLS_SWITCHES | {"sslmode"}
_TLS_FILES: Final = frozenset(
    {"trustcertificatekeystoreurl", "clientcertificatekeystoreurl", "serversslcert", "truststore", "keystore"}
)
"""Whoever says which certificates to trust or to show wants the link encrypted."""

_YES: Final = frozenset({"true", "yes", "on", "1", ""})
_NO: Final = frozenset({"false", "no", "off", "0"})

_ELSEWHERE: Final = frozenset(
    {"socketfactory", "namedpipepath", "pipe", "localsocket", "unixsocket", "dnssrv", "socksproxyhost", "sharedmemory"}
)
"""Options that lead to another place than the host in the address."""


@dataclass(frozen=True, slots=True)
class JdbcAddress:
    """What an address of Java says."""

    url: str = field(repr=False)
    """``mysql://[user:password@]host[:port]/database``, user and password encoded."""
    demands_tls: bool
    """Whether its options do not let the driver go on in clear text."""
    ignored: tuple[str, ...]
    """Names of options without effect here."""


def read_jdbc(text: str) -> JdbcAddress | None:
    """`text` in our form; None where it is no address of Java's drivers and has no options.

    Raises `DatabaseAddressError`, which quotes no value, for several servers, a way around the network, a driver around
    another one, and a value of `sslMode` that does not exist.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["own"] and match["mode"]):
        _refuse_other_drivers(text)
        return None
    if match["own"] and match["options"] is None and "(" not in match["place"]:
        return None
    if match["mode"] and match["mode"] not in _MODES:
        raise DatabaseAddressError(
            f"there is no jdbc:{match['name']}:{match['mode']} here; write jdbc:{match['name']}://host:port/database"
        )
    hosts, _, database = match["place"].rpartition("/") if "/" in match["place"] else (match["place"], "", "")
    userinfo, _, hosts = hosts.rpartition("@")
    host, inside = _one_host(hosts)
    options = {name.lower(): (name, value) for name, value in (*_options(match["options"] or ""), *inside.items())}
    _refuse_elsewhere(options)
    login = _login(userinfo, options)
    demands_tls = _demands_tls(options)
    ignored = tuple(name for key, (name, _) in options.items() if not (demands_tls and key in _TLS_KEYS))
    return JdbcAddress(f"mysql://{login}{host}/{database}", demands_tls, ignored)


def _refuse_other_drivers(text: str) -> None:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return
    first, *others = scheme[1].split(":")
    inner = next((name for name in others if name in JDBC), "mysql" if first.startswith("mysql+") else None)
    if inner is not None:
        raise DatabaseAddressError(
            f"jdbc:{first} is a driver around another one, or looks servers up; write jdbc:{inner}://host:port/database"
        )


def _login(userinfo: str, options: dict[str, tuple[str, str]]) -> str:
    """User and password for the URL; what stands before the host is stronger than options."""
    user, colon, password = userinfo.partition(":")
    named = options.pop("user", options.pop("username", ("", "")))[1]
    if (secret := options.pop("password", ("", ""))[1]) and not colon:
        colon, password = ":", quote(secret, safe="")
    user = user or quote(named, safe="")
    return f"{user}{colon}{password}@" if user or colon else ""


def _options(text: str) -> Iterator[tuple[str, str]]:
    for option in text.split("&"):
        name, _, value = option.removeprefix("amp;").partition("=")  # what was copied from XML
        if name:
            yield unquote_plus(name).strip(), unquote(value)


def _one_host(text: str) -> tuple[str, dict[str, str]]:
    """``host[:port]``, and what an address in brackets says besides."""
    inside = re.fullmatch(r"(?:address\s*=\s*)?(\(.*\))", text, re.IGNORECASE | re.DOTALL)
    if inside is None:
        if "," in text:
            raise DatabaseAddressError("has several servers; name the one that takes writes (or a proxy before them)")
        return text, {}
    body = inside[1]
    if re.fullmatch(r"\([^()]*\)", body) and "," in body:  # (host=a,port=1)
        body = "".join(f"({part})" for part in body[1:-1].split(","))
    pairs = _PAIR.findall(body)
    if re.sub(_PAIR, "", body).strip():
        raise DatabaseAddressError("has several servers, or an address(...) that cannot be read; write host:port")
    values = {name.lower(): value for name, value in pairs}
    if len(values) < len(pairs) or "host" not in values:
        raise DatabaseAddressError("must have one (host=...) in address(...)")
    if values.pop("protocol", "tcp").lower() != "tcp" or "path" in values:
        raise DatabaseAddressError("must be reached by TCP: protocols pipe and socket are not supported")
    for name in ("type", "priority"):
        values.pop(name, None)
    host, port = values.pop("host"), values.pop("port", "")
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}{f':{port}' if port else ''}", values


def _refuse_elsewhere(options: dict[str, tuple[str, str]]) -> None:
    for key, (name, value) in options.items():
        if key in _ELSEWHERE and value.lower() not in _NO:
            raise DatabaseAddressError(f"has the option {name}, which leads elsewhere than its host; remove it")


def _demands_tls(options: dict[str, tuple[str, str]]) -> bool:
    mode = options.get("sslmode", ("", ""))[1].strip().lower().replace("-", "_")
    if mode and mode not in _TLS_ON | _TLS_OFF:
        raise DatabaseAddressError("has an sslMode that does not exist: REQUIRED, VERIFY_CA, VERIFY_IDENTITY, DISABLED")
    switches = {name: options[name][1].strip().lower() for name in _TLS_SWITCHES & options.keys()}
    for name, value in switches.items():
        if value not in _YES | _NO:
            raise DatabaseAddressError(f"has the option {options[name][0]}, which must be true or false")
    if mode in _TLS_ON or any(value in _YES for value in switches.values()):
        return True
    is_off = mode in _TLS_DISABLED or switches.get("usessl") in _NO
    return not is_off and bool(_TLS_FILES & options.keys())
