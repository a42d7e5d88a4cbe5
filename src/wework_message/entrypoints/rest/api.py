"""What handlers work with: the use cases, the settings, and the ways from results to answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.types import Scope as AsgiScope

from wework_message.application.api import Application
from wework_message.application.errors import DrainingError, ForbiddenError, NotFoundError
from wework_message.domain.access.principal import OPEN_PRINCIPAL, Principal
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageView, StatusView
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.envelope import OK, Answer, Header, enveloped
from wework_message.entrypoints.wire.answers.statuses import (
    StatusAnswer,
    is_simulated,
    polled_answer,
    simulates,
    status_answer,
)


@dataclass(slots=True)
class Running:
    """The use cases of the process."""

    application: Application | None = None
    """None before the start and after the stop of an application that the lifespan makes."""


@dataclass(slots=True)  # not frozen, which would take longer to make: there is one for each request
class Api:
    """Given to every handler: for one caller."""

    config: Config
    document: Callable[[str], bytes]
    """The OpenAPI document for clients that use this prefix."""
    running: Running
    caller: Principal = OPEN_PRINCIPAL
    """Who sent the request."""

    def of(self, caller: Principal) -> "Api":
        """The same for another caller."""
        return self if caller is self.caller else Api(self.config, self.document, self.running, caller)

    @property
    def tenant_id(self) -> TenantId:
        """The caller's tenant: what a request reads and changes is of this one."""
        return self.caller.tenant_id

    def require(self, scope: Scope) -> None:
        """One more scope, for what a request wants beyond its route; raises `ForbiddenError`."""
        if not self.caller.may(scope):
            raise ForbiddenError(scope)

    @property
    def application(self) -> Application:
        """The use cases; raises `DrainingError` while there are none."""
        application = self.running.application
        if application is None:
            raise DrainingError
        return application

    def take_work(self) -> Application:
        """The use cases, for new work; raises `DrainingError` once the process drains."""
        application = self.application
        if application.service.draining:
            raise DrainingError
        return application

    def simulated(self, view: MessageView) -> bool:
        """Whether our own simulator is in the place of WeCom."""
        return is_simulated(view.message, self.application.policy.providers)

    def paused(self, view: MessageView) -> bool:
        """Whether it waits because an operator stopped it."""
        return self.application.pauses.shows(view.message)

    def status(self, view: MessageView) -> StatusAnswer:
        """The status object."""
        return status_answer(view, simulated=self.simulated(view), paused=self.paused(view))

    def polled(self, view: StatusView) -> StatusAnswer:
        """The status object for clients that poll."""
        return polled_answer(view, simulated=simulates(view.provider_code, self.application.policy.providers))

    async def view(self, message_id: str) -> MessageView:
        """The message; raises `NotFoundError`."""
        views = await self.application.read.messages(self.tenant_id, [MessageId(message_id)])
        view = views.get(MessageId(message_id))
        if view is None:
            raise NotFoundError("message")
        return view

    def answer(
        self, request: Request[Any, Any, Any], data: Any, *, status: int = OK, headers: Iterable[Header] = ()
    ) -> Answer:
        """A good answer."""
        return enveloped(request.scope, data, now=self.config.now(), status=status, headers=headers)


ApiDependency: TypeAlias = NamedDependency[SkipValidation[Api]]
"""A handler's parameter `api`."""


def caller_of(scope: AsgiScope) -> Principal:
    """Who sent the request, as the edge saw it."""
    caller: Principal = scope["state"]["principal"]
    return caller


def link(request: Request[Any, Any, Any], path: str) -> str:
    """`path` as this client reaches it: below the context path if it used that."""
    prefix: str = request.scope["state"]["prefix"]
    return prefix + path
