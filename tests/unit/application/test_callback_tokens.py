"""Callback tokens: known to every process within five seconds, refused within five once they end (ADR 57)."""

import dataclasses
import logging
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.callback_tokens import a_token, text_of
from tests.support.builders.messages import GUID, NOW, PROVIDER

from wework_message.adapters.memory.callback_tokens import MemoryCallbackTokenReader
from wework_message.application.callbacks.token_directory import MAX_AGE_MS, REREAD_MS, RETRY_MS, TokenDirectory
from wework_message.application.callbacks.tokens import CreateToken, IssuedToken, RevokeToken, RotateToken
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.domain.callback_tokens import MAX_TOKENS, CallbackToken, TooManyTokensError
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, ProviderCode, TenantId


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    async with InMemoryApp() as app:
        yield app


async def create(app: InMemoryApp, **changes: object) -> IssuedToken:
    fields: dict[str, object] = {"tenant_id": DEFAULT_TENANT, "provider_code": PROVIDER}
    return await app.application.issue_token(CreateToken(**fields | changes))  # type: ignore[arg-type]  # a test names the fields


async def rotate(app: InMemoryApp, token: CallbackToken, overlap_s: int = 60) -> IssuedToken:
    return await app.application.issue_token(RotateToken(DEFAULT_TENANT, token.token_id, overlap_s))


async def revoke(app: InMemoryApp, token: CallbackToken, tenant_id: TenantId = DEFAULT_TENANT) -> None:
    await app.application.revoke_token(RevokeToken(tenant_id, token.token_id))


def here(app: InMemoryApp) -> TokenDirectory:
    return app.use_cases.tokens()


def elsewhere(app: InMemoryApp) -> TokenDirectory:
    """The directory of another process on the same database."""
    return TokenDirectory(MemoryCallbackTokenReader(app.database), app.clock)


def stored(app: InMemoryApp) -> Sequence[CallbackToken]:
    return list(app.database.callback_tokens.committed_items().values())


async def test_a_new_token_is_known_here_at_once_and_elsewhere_within_five_seconds(app: InMemoryApp) -> None:
    other = elsewhere(app)
    await other.read()
    issued = await create(app, guid=GUID)
    assert await here(app).find(issued.text) == issued.token
    assert (issued.token.provider_code, issued.token.guid, issued.token.tenant_id) == (PROVIDER, GUID, DEFAULT_TENANT)
    assert await other.find(issued.text) is None
    app.clock.advance(REREAD_MS)
    await other.refresh()
    assert await other.find(issued.text) == issued.token


async def test_a_revoked_token_is_refused_here_at_once_and_elsewhere_within_five_seconds(app: InMemoryApp) -> None:
    issued = await create(app)
    other = elsewhere(app)
    assert await other.find(issued.text) == issued.token
    await revoke(app, issued.token)
    assert await here(app).find(issued.text) is None
    app.clock.advance(MAX_AGE_MS + 1)
    assert await other.find(issued.text) is None  # although its loop is not running: it is too old to be believed
    assert stored(app) == []


async def test_a_rotated_token_is_valid_beside_the_new_one_until_its_end(app: InMemoryApp) -> None:
    old = await create(app, guid=GUID)
    new = await rotate(app, old.token, overlap_s=60)
    assert new.text != old.text
    assert (new.token.provider_code, new.token.guid, new.token.ends_at) == (PROVIDER, GUID, None)
    assert await here(app).find(old.text) is not None
    app.clock.advance(59_999)
    assert await here(app).find(old.text) is not None
    app.clock.advance(1)
    assert await here(app).find(old.text) is None
    assert await here(app).find(new.text) == new.token


async def test_a_second_rotation_leaves_the_end_of_the_first_and_what_has_ended_goes(app: InMemoryApp) -> None:
    old = await create(app)
    await rotate(app, old.token, overlap_s=10)
    await rotate(app, old.token, overlap_s=1_000)
    assert {token.ends_at for token in stored(app)} == {NOW + 10_000, None}
    app.clock.advance(10_000)
    with pytest.raises(NotFoundError):
        await rotate(app, old.token)
    assert old.token.token_id not in {token.token_id for token in stored(app)}


async def test_a_rotation_without_overlap_ends_the_old_one_now(app: InMemoryApp) -> None:
    old = await create(app)
    await rotate(app, old.token, overlap_s=0)
    assert await here(app).find(old.text) is None


async def test_a_wall_clock_that_is_set_back_revives_nothing_that_was_revoked(app: InMemoryApp) -> None:
    issued = await create(app)
    await revoke(app, issued.token)
    app.clock.jump(-3_600_000)
    assert await here(app).find(issued.text) is None


async def test_only_a_provider_with_callbacks_has_tokens_and_only_a_token_that_is_there_ends(app: InMemoryApp) -> None:
    with pytest.raises(UnknownNameError, match="providerCode"):
        await create(app, provider_code=ProviderCode("NOBODY"))
    issued = await create(app)
    with pytest.raises(NotFoundError):
        await revoke(app, issued.token, TenantId("other"))
    with pytest.raises(NotFoundError):
        await revoke(app, a_token(7))
    with pytest.raises(NotFoundError):
        await rotate(app, a_token(7))
    assert await here(app).find(issued.text) == issued.token


async def test_a_provider_without_callbacks_has_no_tokens() -> None:
    provider = dataclasses.replace(a_policy().providers[PROVIDER], has_callbacks=False)
    async with InMemoryApp(providers={PROVIDER: provider}) as app:
        with pytest.raises(UnknownNameError, match="providerCode"):
            await create(app)


async def test_there_are_at_most_a_thousand(app: InMemoryApp) -> None:
    for number in range(MAX_TOKENS):
        app.database.callback_tokens.put(a_token(number).token_id, a_token(number))
    app.database.callback_tokens.commit()
    with pytest.raises(TooManyTokensError):
        await create(app)
    await revoke(app, a_token(3))
    assert (await create(app)).text.startswith("cb_")


async def test_a_store_that_is_away_makes_a_directory_ask_again_and_not_for_each_callback(app: InMemoryApp) -> None:
    reader = CountingReader(app)
    directory = TokenDirectory(reader, app.clock)
    issued = await create(app)
    assert await directory.find(issued.text) == issued.token
    app.database.away = True
    app.clock.advance(MAX_AGE_MS)
    assert await directory.find(issued.text) == issued.token  # not too old yet
    app.clock.advance(1)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await directory.find(issued.text)
    assert reader.reads == 2
    app.clock.advance(RETRY_MS)
    app.database.away = False
    assert await directory.find(issued.text) == issued.token
    assert reader.reads == 3


async def test_guesses_cost_the_store_nothing(app: InMemoryApp) -> None:
    reader = CountingReader(app)
    directory = TokenDirectory(reader, app.clock)
    for number in range(100):
        assert await directory.find(text_of(number)) is None
    assert await directory.find("cb_short") is None
    assert reader.reads == 1


async def test_callbacks_that_wait_for_the_first_reading_share_it(app: InMemoryApp) -> None:
    issued = await create(app)
    reader = CountingReader(app)
    directory = TokenDirectory(reader, app.clock)
    await directory.refresh()
    await directory.refresh()
    assert await directory.find(issued.text) == issued.token
    assert reader.reads == 1


async def test_a_change_that_cannot_be_read_back_is_no_error(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(_: TokenDirectory) -> None:
        raise UnavailableError("database")

    monkeypatch.setattr(TokenDirectory, "read", away)
    issued = await create(app)
    assert "could not be read" in caplog.text
    assert stored(app) == [issued.token]


async def test_no_text_of_a_token_is_logged_shown_or_stored(app: InMemoryApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    old = await create(app, guid=GUID)
    new = await rotate(app, old.token)
    await revoke(app, old.token)
    shown = f"{caplog.text} {[record.__dict__ for record in caplog.records]} {old!r} {new!r} {stored(app)!r}"
    assert old.token.token_id in shown
    for issued in (old, new):
        assert issued.text.removeprefix("cb_") not in shown


class CountingReader:
    def __init__(self, app: InMemoryApp) -> None:
        self._reader = MemoryCallbackTokenReader(app.database)
        self.reads = 0

    async def callback_tokens(self, tenant_id: TenantId | None = None) -> Sequence[CallbackToken]:
        self.reads += 1
        return await self._reader.callback_tokens(tenant_id)
