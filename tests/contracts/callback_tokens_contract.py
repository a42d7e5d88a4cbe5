"""What every CallbackTokenRepository and CallbackTokenReader do. Subclasses provide `units` and `callback_tokens`."""

from tests.support.builders.callback_tokens import a_token
from tests.support.builders.messages import NOW

from wework_message.domain.callback_tokens import MAX_TOKENS, CallbackToken
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.ports.callback_tokens import CallbackTokenReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory


class CallbackTokensContract:
    async def add(self, units: UnitOfWorkFactory, *tokens: CallbackToken) -> None:
        async with units() as unit:
            for token in tokens:
                await unit.callback_tokens.add(token)
            await unit.commit()

    async def test_tokens_are_read_as_they_were_stored_the_oldest_first(
        self, units: UnitOfWorkFactory, callback_tokens: CallbackTokenReader
    ) -> None:
        assert list(await callback_tokens.callback_tokens()) == []
        longest = a_token(
            3,
            tenant_id=TenantId("t" * 64),
            provider_code=ProviderCode("P" * 32),
            guid=Guid("消" * 128),
            ends_at=NOW + 9,
        )
        newer, older = a_token(1, created_at=NOW + 1), a_token(2, created_at=NOW - 1)
        await self.add(units, newer, older, longest)
        expected = [older, longest, newer]
        assert list(await callback_tokens.callback_tokens()) == expected
        async with units() as unit:
            assert list(await unit.callback_tokens.all()) == expected

    async def test_a_token_gets_an_end_and_an_unknown_one_none(
        self, units: UnitOfWorkFactory, callback_tokens: CallbackTokenReader
    ) -> None:
        newer = a_token(2, created_at=NOW + 1)
        await self.add(units, a_token(1), newer)
        async with units() as unit:
            assert await unit.callback_tokens.end(a_token(1).token_id, NOW + 5)
            assert not await unit.callback_tokens.end("nobody", NOW + 5)
            await unit.commit()
        assert list(await callback_tokens.callback_tokens()) == [a_token(1, ends_at=NOW + 5), newer]

    async def test_only_what_is_there_is_deleted(
        self, units: UnitOfWorkFactory, callback_tokens: CallbackTokenReader
    ) -> None:
        await self.add(units, a_token(1), a_token(2), a_token(3))
        async with units() as unit:
            assert await unit.callback_tokens.delete([a_token(1).token_id, "nobody", a_token(3).token_id]) == 2
            assert await unit.callback_tokens.delete([]) == 0
            await unit.commit()
        assert list(await callback_tokens.callback_tokens()) == [a_token(2)]

    async def test_what_is_not_committed_is_not_there(
        self, units: UnitOfWorkFactory, callback_tokens: CallbackTokenReader
    ) -> None:
        await self.add(units, a_token(1))
        async with units() as unit:
            await unit.callback_tokens.add(a_token(2))
            await unit.callback_tokens.delete([a_token(1).token_id])
            assert list(await unit.callback_tokens.all()) == [a_token(2)]
            assert list(await callback_tokens.callback_tokens()) == [a_token(1)]
        assert list(await callback_tokens.callback_tokens()) == [a_token(1)]

    async def test_all_that_there_may_be_are_read(
        self, units: UnitOfWorkFactory, callback_tokens: CallbackTokenReader
    ) -> None:
        tokens = [a_token(number) for number in range(MAX_TOKENS)]
        await self.add(units, *tokens)
        assert {token.digest for token in await callback_tokens.callback_tokens()} == {token.digest for token in tokens}
