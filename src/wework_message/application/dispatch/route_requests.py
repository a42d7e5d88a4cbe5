"""What a message asks of its route: its pin, and what its attempts of this round have shown."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from wework_message.application.dispatch.last_bindings import EvenDraws, LastBindings
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, Binding
from wework_message.domain.content import Content
from wework_message.domain.ids import BindingId, ProviderCode
from wework_message.domain.media.needs import names_media, needs, urls
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.erasing import sendable
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import Pin
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.system import RandomSource
from wework_message.domain.routing.filters import RouteRequest

_NO_BINDINGS: Final[frozenset[BindingId]] = frozenset()
_NO_PROVIDERS: Final[frozenset[ProviderCode]] = frozenset()


class RouteRequests:
    """The requests of one process, which remembers where conversations were sent from."""

    def __init__(self, policy: Policy, random_source: RandomSource) -> None:
        """`random_source` decides among equals."""
        self._policy = policy
        self._random_source = random_source
        self._draws = EvenDraws(random_source)
        self.last = LastBindings()
        """Where conversations stay."""

    def forget(self) -> None:
        """Too many accounts are known."""
        self._draws.forget()

    def of(self, message: Message, account: Account, bindings: Sequence[Binding], *, several: bool) -> RouteRequest:
        """What this message asks; `bindings` are the usable ones of its account, `several` whether there is a choice."""
        tried = message.attempts.tried_in(message.round)
        return RouteRequest(
            message_type=message.message_type,
            account_enabled=account.enabled,
            size=size_of(sendable(message)),
            needs_upload=needs_upload(sendable(message)),
            provider_code=message.options.provider_code,
            pin=pinned(message, bindings) if message.options.pin is Pin.BINDING else None,
            refused=bindings_with(tried, OutcomeClass.REFUSED_CAPABILITY) if tried else _NO_BINDINGS,
            last_binding=self.last.of((message.account_id, message.conversation_id)) if several else None,
            tries=tries_of(tried) if tried else None,
            spent=self.spent(message) if tried else _NO_PROVIDERS,
            random_source=(
                self._draws.next(account.account_id),
                self._random_source.fraction(),
                self._random_source.fraction(),
            )
            if several
            else None,
        )

    def spent(self, message: Message) -> frozenset[ProviderCode]:
        """Providers whose quick tries for this round are used up (D-47)."""
        tried = [attempt.provider_code for attempt in message.attempts.tried_in(message.round)]
        providers = self._policy.providers
        return frozenset(
            code for code in providers.keys() & set(tried) if tried.count(code) >= providers[code].retry_count
        )


def pinned(message: Message, bindings: Sequence[Binding]) -> BindingId | None:
    """The binding that the client's guid names; where it is gone, an id that no binding has.

    Where the client named the account alone, it is the binding of the first attempt, and any before that one.
    """
    if message.guid is None:
        return message.attempts[0].binding_id if message.attempts else None
    requested = message.options.provider_code
    for binding in bindings:
        if binding.guid == message.guid and requested in (None, binding.provider_code):
            return binding.binding_id
    return BindingId("")


def needs_upload(content: Content) -> bool:
    """Whether it names files that its provider gets from us: by an asset, or by a URL in a request that is only explained."""
    return names_media(content) and bool(needs(content) or urls(content))


def with_what_is_known(request: RouteRequest, paced_for: ProviderCode | None, media_size: int | None) -> RouteRequest:
    """The request of a message that has its place in the budgets of this provider, and media of so many bytes."""
    if paced_for is None and media_size is None:
        return request
    return dataclasses.replace(request, paced_for=paced_for, size=request.size if media_size is None else media_size)


def size_of(content: Content) -> int | None:
    """Bytes of its body, where it has one and says so."""
    size: object = getattr(content, "file_size", None)
    return size if isinstance(size, int) else None


def is_plain(message: Message) -> bool:
    """Whether its route depends on nothing but its account and its type."""
    options = message.options
    return (
        not message.attempts
        and options.provider_code is None
        and options.pin is not Pin.BINDING
        and size_of(content := sendable(message)) is None
        and not needs_upload(content)
    )


def bindings_with(tried: Sequence[Attempt], kind: OutcomeClass) -> frozenset[BindingId]:
    """The bindings of attempts with this outcome."""
    return frozenset(
        attempt.binding_id for attempt in tried if attempt.outcome is not None and attempt.outcome.kind is kind
    )


def tries_of(tried: Sequence[Attempt]) -> Mapping[BindingId, int]:
    """How often each binding was tried; the attempt that is open does not count."""
    return Counter(attempt.binding_id for attempt in tried if attempt.outcome is not None)
