"""The router asks once per account and type in a set; what depends on more than that gets a route of its own."""

import dataclasses
from typing import Any

import pytest
from tests.contracts.health_board_contract import a_report
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER, a_due_message, an_attempt, an_outcome

from wework_message.domain.account import Account, Binding
from wework_message.domain.content import TextContent
from wework_message.domain.ids import AccountId, BindingId, Guid
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import Pin
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.routing.selector import Choice, RefusalKind

REFUSED = an_outcome(OutcomeClass.REFUSED_CAPABILITY)
BINDING = BindingId(f"bind:{PROVIDER}:{GUID}")


class Sized(TextContent, frozen=True, kw_only=True, tag="SIZED"):
    file_size: int = 2


async def prepare(app: InMemoryApp, *messages: Message) -> None:
    async with app.units() as unit:
        await app.router.prepare(unit, messages)


def refusal(app: InMemoryApp, message: Message) -> RefusalKind | None:
    route = app.router.route(message, now=NOW)
    return None if isinstance(route, Choice) else route.kind


def break_provider(app: InMemoryApp) -> None:
    for _ in range(5):
        app.board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, binding_id=BINDING))


async def test_messages_of_one_account_and_type_share_their_route_in_a_set() -> None:
    async with InMemoryApp() as app:
        first, second, other = a_due_message(), a_due_message(), a_due_message(message_type="MENTION")
        await prepare(app, first, second, other)
        route = app.router.route(first, now=NOW)
        assert app.router.route(second, now=NOW) is route
        assert app.router.route(other, now=NOW) is not route


async def test_a_set_sees_what_happened_since_the_last_one() -> None:
    async with InMemoryApp() as app:
        message = a_due_message()
        await prepare(app, message)
        assert refusal(app, message) is None
        break_provider(app)
        await prepare(app, message)
        assert refusal(app, message) is RefusalKind.BREAKERS_OPEN


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"provider_code": BACKUP}, RefusalKind.NO_BINDING),
        ({"pin": Pin.BINDING, "guid": Guid("gone")}, RefusalKind.NO_BINDING),
        ({"attempts": [an_attempt(outcome=REFUSED, unsettled=False)]}, RefusalKind.NO_CAPABILITY),
        ({"content": Sized(content="x")}, RefusalKind.NO_CAPABILITY),
    ],
    ids=["provider", "pin", "attempts", "size"],
)
async def test_a_message_that_wants_more_gets_a_route_of_its_own(changes: dict[str, Any], kind: RefusalKind) -> None:
    async with InMemoryApp() as app:
        provider = app.policy.providers[PROVIDER]
        capabilities = dataclasses.replace(provider.capabilities, max_bytes={"TEXT": 1})
        providers = {**app.policy.providers, PROVIDER: dataclasses.replace(provider, capabilities=capabilities)}
        await app.restart(dataclasses.replace(app.policy, providers=providers))
        plain = a_due_message()
        special = a_due_message(**changes | {"account_id": plain.account_id})
        await prepare(app, plain)
        assert refusal(app, plain) is None
        assert refusal(app, special) is kind
        assert refusal(app, plain) is None


async def test_a_trial_of_a_breaker_is_one_message_of_the_set_once_its_call_begins() -> None:
    async with InMemoryApp() as app:
        first, second = a_due_message(), a_due_message()
        await prepare(app, first, second)
        break_provider(app)
        app.clock.advance(60_000)
        app.board.probed(PROVIDER, True, app.clock.now())
        now = app.clock.now()
        trial = app.router.route(first, now=now)
        assert isinstance(trial, Choice)
        assert trial.trial
        assert isinstance(app.router.route(second, now=now), Choice)
        app.router.admit(trial, first, now=now)
        assert not isinstance(app.router.route(second, now=now), Choice)


async def test_where_an_account_has_several_bindings_each_message_is_routed_by_itself() -> None:
    async with InMemoryApp() as app:
        account = Account(AccountId("acc"))
        bindings = [
            Binding(BindingId(code), account.account_id, code, Guid(f"at-{code}")) for code in (PROVIDER, BACKUP)
        ]
        app.database.register(account, *bindings)
        messages = [a_due_message(guid=None, account_id=account.account_id) for _ in range(2)]
        await prepare(app, *messages)
        first, second = (app.router.route(message, now=NOW) for message in messages)
        assert isinstance(first, Choice)
        assert first is not second
