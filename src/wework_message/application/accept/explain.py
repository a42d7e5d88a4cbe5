"""Why a message would go where it would go: the answer of the router, and nothing is stored (M-6)."""

from dataclasses import dataclass

from wework_message.application.accept.accept import AcceptMessage, Drafting
from wework_message.application.dispatch.routing import Router
from wework_message.application.policy import Policy
from wework_message.domain.account import implicit_account, implicit_account_id, implicit_binding
from wework_message.domain.message.decision import Decision
from wework_message.domain.message.message import Message
from wework_message.domain.ports.accounts import AccountReader, AccountWithBindings
from wework_message.domain.ports.system import Clock


@dataclass(frozen=True, slots=True)
class ExplainRoute:
    """Explain the route of a request that is not sent."""

    drafting: Drafting
    reader: AccountReader
    router: Router
    policy: Policy
    clock: Clock

    async def __call__(self, command: AcceptMessage) -> Decision:
        """What a claim of this process would decide now, budgets and lanes aside; of a MIXED request for its first part.

        Raises `UnknownNameError`, `AccountDisabledError`, `NoCapabilityError`, `UnquotableError`, `UnfitMediaError` and `UnavailableError` as accepting does.
        """
        message = (await self.drafting.entry(command)).messages[0]
        account, bindings = await self._entry(message)
        return self.router.explain(account, bindings, message, now=self.clock.now())

    async def _entry(self, message: Message) -> AccountWithBindings:
        """The account as stored; that of a guid which is used for the first time as a claim would make it."""
        stored = await self.reader.account(message.tenant_id, message.account_id)
        guid, code = message.guid, message.options.provider_code or self.policy.default_code
        if guid is None or code is None or message.account_id != implicit_account_id(guid):
            return stored or (implicit_account(guid or message.account_id), ())
        account, bindings = stored or (implicit_account(guid, message.tenant_id), ())
        if account.registered or any(binding.provider_code == code for binding in bindings):
            return account, bindings
        return account, [*bindings, implicit_binding(guid, code)]
