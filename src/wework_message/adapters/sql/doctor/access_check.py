"""Who may bring callbacks, and whether the tokens that providers were given are valid."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories.callback_tokens import read_callback_tokens
from wework_message.domain.callback_tokens import CallbackToken, is_token
from wework_message.domain.digests import digest_of
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.system import Clock

_ADVICE = "see docs/callbacks.md"
_NOBODY = "callbacks need a proof, and nobody has one: no token is valid, and the settings name no peer and no relay"


def access_check(
    run: Run, clock: Clock, *, required: bool, others: bool, host: str | None, callback_urls: Mapping[str, str]
) -> Check:
    """``callbacks.access``: nobody but providers brings callbacks, and theirs are taken.

    `required`: callbacks need a proof. `others`: the settings name allowed peers or a relay. `host` is the address that
    other machines reach without a key (None = none can), `callback_urls` are those of the settings, by the setting.
    """

    async def ask() -> Finding:
        tokens = await run(_tokens)
        if tokens is None:
            return Finding.skipped("the tables are not those of this version yet")
        valid = [token for token in tokens if token.is_valid(clock.now())]
        if unusable := list(_unusable(valid, callback_urls)):
            return Finding.failed(
                f"{', '.join(unusable)}: the token is not valid, so callbacks are answered 404", _ADVICE
            )
        if not required:
            if host is not None:
                return Finding.warning(f"whoever reaches {host} may bring callbacks", _ADVICE)
            return Finding.ok("whoever reaches the service may bring callbacks, and only this machine can")
        return _with_proof(callback_urls, tokens=len(valid), others=others)

    return Check("callbacks.access", ask, after="database.schema")


def _with_proof(callback_urls: Mapping[str, str], *, tokens: int, others: bool) -> Finding:
    if bare := [setting for setting, url in callback_urls.items() if not is_token(_last_part(url))]:
        return Finding.warning(
            f"{', '.join(bare)}: it has no token, so only allowed peers and a relay bring its callbacks", _ADVICE
        )
    if not (tokens or others):
        return Finding.warning(_NOBODY, _ADVICE)
    return Finding.ok(f"callbacks need a token, an allowed peer or a signature; valid tokens: {tokens}")


def _unusable(valid: list[CallbackToken], callback_urls: Mapping[str, str]) -> Iterator[str]:
    digests = {token.digest for token in valid}
    for setting, url in callback_urls.items():
        if is_token(_last_part(url)) and digest_of(_last_part(url)) not in digests:
            yield setting


def _last_part(url: str) -> str:
    return url.rpartition("/")[2]


def _tokens(connection: Connection) -> list[CallbackToken] | None:
    return list(read_callback_tokens(connection)) if schema_state(connection) is SchemaState.CURRENT else None
