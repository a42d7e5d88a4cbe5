"""What a protocol declares: options, capabilities, conversations; and that it sends the contents that it declares."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from wework_message.domain.content import Content, MessageType, QuoteContent
from wework_message.domain.conversation import ConversationGrammar
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.protocols import Idempotency, ProviderProtocol
from wework_message.domain.ports.system import Clock
from wework_message.testing.provider_contract.fixtures import ProviderFixtures
from wework_message.testing.provider_contract.gateway import GatewayContract
from wework_message.testing.provider_contract.http_provider import HttpProvider
from wework_message.testing.strategies import contents

SAMPLES: Final = 3
"""Contents of each type; the first one is the smallest."""
OPTION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""Names that an option in the settings can have."""
VALUE: Final = "v4lue-that-nobody-may-see"


class DeclarationContract(GatewayContract, ProviderFixtures):
    """Declarations need no provider; the contents are sent to one that accepts everything."""

    async def test_it_is_made_without_arguments_and_declares_what_fits_together(
        self, protocol: ProviderProtocol
    ) -> None:
        assert type(protocol)().capabilities == protocol.capabilities
        assert isinstance(protocol.idempotency, Idempotency)
        assert not (protocol.has_echoes and protocol.reader() is None), "echoes come in callbacks, which nobody reads"
        checks = protocol.checks("provider.p")
        assert [check.name for check in checks if not check.name.startswith("provider.p.")] == []
        assert len({check.name for check in checks}) == len(checks)

    async def test_its_types_are_types_of_messages(self, protocol: ProviderProtocol) -> None:
        capabilities = protocol.capabilities
        assert capabilities.types
        assert capabilities.types <= set(MessageType) - {MessageType.MIXED}, "a MIXED message is sent in its parts"
        assert capabilities.max_bytes.keys() <= capabilities.types
        assert [size for size in capabilities.max_bytes.values() if size < 1] == []

    async def test_its_own_options_pass_and_any_other_is_refused_by_its_name(self, protocol: ProviderProtocol) -> None:
        protocol.check_options(self.options)
        names = {*self.options, *protocol.secret_options}
        assert [name for name in names if not OPTION.fullmatch(name)] == [], "no setting can have this name"
        with pytest.raises(InvalidValueError) as refused:
            protocol.check_options({**self.options, "no-such-option": VALUE})
        assert refused.value.path == "no-such-option"
        assert VALUE not in str(refused.value)

    async def test_an_option_that_is_missing_or_empty_passes_or_is_refused_by_its_name(
        self, protocol: ProviderProtocol
    ) -> None:
        for name in self.options:
            rest = {other: value for other, value in self.options.items() if other != name}
            for changed in (rest, {**rest, name: ""}):
                refused = refusal_of(protocol, changed)
                assert refused is None or refused.path == name
                assert not [value for value in self.options.values() if value in str(refused)]

    async def test_a_conversation_is_read_by_the_pattern_and_its_spelling_is_read_again(
        self, protocol: ProviderProtocol
    ) -> None:
        grammar = protocol.conversations
        pattern = re.compile(grammar.pattern)

        @settings(deadline=None, database=None)
        @given(st.from_regex(pattern, fullmatch=True) | st.text(max_size=20))
        def is_read_as_declared(text: str) -> None:
            spelling = spelling_of(grammar, text)
            assert (spelling is not None) == (pattern.fullmatch(text) is not None), "pattern and parse differ"
            assert spelling is None or spelling_of(grammar, spelling) == spelling, "its own spelling is another one"

        is_read_as_declared()
        assert spelling_of(grammar, self.conversation) == self.conversation

    async def test_it_sends_every_type_that_it_declares(
        self, protocol: ProviderProtocol, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        for number, content in enumerate(samples(sorted(protocol.capabilities.types - {MessageType.MASS_SEND})), 1):
            outcome = await gateway.send(self.to_send(clock, guid, content=content))
            assert outcome.kind is OutcomeClass.ACCEPTED, content.message_type
            assert running.executed == number

    async def test_any_other_type_is_refused_without_a_call(
        self, protocol: ProviderProtocol, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        others = set(MessageType) - {MessageType.MIXED, MessageType.MASS_SEND} - protocol.capabilities.types
        for content in samples(sorted(others)):
            outcome = await gateway.send(self.to_send(clock, guid, content=content))
            assert outcome.kind in {OutcomeClass.NOT_SENT, OutcomeClass.REFUSED_CAPABILITY}
        assert running.arrived == 0


def refusal_of(protocol: ProviderProtocol, options: Mapping[str, str]) -> InvalidValueError | None:
    """Why the options are refused; None where they pass."""
    try:
        protocol.check_options(options)
    except InvalidValueError as refused:
        return refused
    return None


def spelling_of(grammar: ConversationGrammar, text: str) -> str | None:
    """The spelling of a conversation; None where it is refused."""
    try:
        return grammar.parse(text).spelling
    except InvalidValueError as refused:
        assert refused.path == "conversationId"  # noqa: PT017 - it may also pass
        return None


def samples(types: Sequence[str]) -> list[Content]:
    """Some contents of each type, the same ones in every run."""
    collected: list[Content] = []

    @settings(max_examples=SAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(st.tuples(*(contents(MessageType(kind)) for kind in types)))
    def collect(drawn: tuple[Any, ...]) -> None:
        collected.extend(content for content in drawn if can_be_sent(content))

    collect()
    return collected


def can_be_sent(content: Content) -> bool:
    """Whether a gateway gets such a content: the service fills in what a message of ours says that is quoted."""
    return not isinstance(content, QuoteContent) or content.quote_content is not None
