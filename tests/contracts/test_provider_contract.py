"""The shipped suite finds defects: each of these protocols has one, and the test that is about it goes red."""

import contextlib
import dataclasses
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, ClassVar, Final, NamedTuple

import pytest
from tests.contracts.test_guxing_gateway import GUID, Vendor
from tests.contracts.test_guxing_gateway import TestGuxingProtocol as Suite
from tests.support.servers.ports import free_port

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.adapters.guxing.provider_gateway import GuxingProviderGateway
from wework_message.adapters.http import HttpClient
from wework_message.domain.content import TextContent
from wework_message.domain.conversation import PeersAndRooms
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import CallbackItem, ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.instances import InstanceMaker, LoginCode, LoginVerifier, MadeInstance
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway, MassOutcome, MassResult
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, Uploaded, UploadOutcome
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.domain.ports.streams import PulledPage, StreamPuller
from wework_message.domain.routing.provider import Capabilities
from wework_message.domain.stream import PageEnd, PullOutcome
from wework_message.testing.provider_contract import Fault, HttpProvider, ProviderContract
from wework_message.testing.provider_contract.fixtures import CALLS
from wework_message.testing.provider_contract.gateway import BootClock

FAULTY: Final = Suite.test_a_fault_is_told_as_what_it_proves_and_costs_one_request


class Wrapped:
    """A gateway that does everything right, for a subclass to spoil."""

    def __init__(self, right: MessageGateway) -> None:
        self.right = right

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        return await self.right.send(dispatch)

    async def recall(self, recall: Recall) -> AttemptOutcome:
        return await self.right.recall(recall)

    async def probe(self) -> bool:
        return await self.right.probe()

    async def client_state(self, guid: Guid) -> ClientState:
        return await self.right.client_state(guid)


class Repeating(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        outcome = await self.right.send(dispatch)
        return await self.right.send(dispatch) if outcome.kind is OutcomeClass.UNCERTAIN else outcome


class Certain(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        outcome = await self.right.send(dispatch)
        wrong = outcome.kind is OutcomeClass.UNCERTAIN
        return AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.READ) if wrong else outcome


class WithoutReason(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        return dataclasses.replace(await self.right.send(dispatch), reason=None)


class Raising(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        outcome = await self.right.send(dispatch)
        if outcome.kind is OutcomeClass.NOT_SENT:
            raise ConnectionError
        return outcome

    async def recall(self, recall: Recall) -> AttemptOutcome:
        raise ConnectionError


class Swallowing(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        with contextlib.suppress(BaseException):
            return await self.right.send(dispatch)
        return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)


class Optimistic(Wrapped):
    async def probe(self) -> bool:
        await self.right.probe()
        return True

    async def recall(self, recall: Recall) -> AttemptOutcome:
        await self.right.recall(recall)
        return AttemptOutcome(OutcomeClass.ACCEPTED)


class Confirming(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        return dataclasses.replace(await self.right.send(dispatch), confirmed=True)


class Talkative(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        outcome = await self.right.send(dispatch)
        assert isinstance(dispatch.content, TextContent)
        return dataclasses.replace(outcome, error_message=f"refused: {dispatch.content.content}")


class Late(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        return await self.right.send(
            dataclasses.replace(dispatch, write_before_boot_ms=dispatch.write_before_boot_ms + 1e9)
        )


class SameId(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        return dataclasses.replace(await self.right.send(dispatch), receipt=Receipt(ProviderMessageId("1")))


class Once(Wrapped):
    """Its second send is lost, as one over a connection that the provider has closed."""

    sent = False

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        if self.sent:
            return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
        self.sent = True
        return await self.right.send(dispatch)


class Blind(Wrapped):
    async def client_state(self, guid: Guid) -> ClientState:
        return ClientState.UNKNOWN


class TextOnly(Wrapped):
    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        if isinstance(dispatch.content, TextContent):
            return await self.right.send(dispatch)
        return AttemptOutcome(OutcomeClass.REFUSED_CAPABILITY, reason=Reason.UNBUILDABLE)


class Making(Wrapped):
    """It makes instances as the protocol does, for a subclass to spoil."""

    @property
    def maker(self) -> InstanceMaker:
        assert isinstance(self.right, InstanceMaker)
        return self.right

    async def make_instance(self) -> MadeInstance:
        return await self.maker.make_instance()

    async def login_code(self, guid: Guid) -> LoginCode:
        return await self.maker.login_code(guid)


class OneInstance(Making):
    async def make_instance(self) -> MadeInstance:
        return (await self.maker.make_instance())._replace(guid=Guid("the-same"))


class MakingTwice(Making):
    async def make_instance(self) -> MadeInstance:
        made = await self.maker.make_instance()
        return made if made.guid is not None else await self.maker.make_instance()


class SureOfIt(Making):
    """It takes what is lost for undone, and an outage for an answer."""

    async def make_instance(self) -> MadeInstance:
        made = await self.maker.make_instance()
        wrong = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
        unsent = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.READ)
        return MadeInstance(unsent if made.outcome.kind is OutcomeClass.UNCERTAIN else wrong)

    async def login_code(self, guid: Guid) -> LoginCode:
        return LoginCode(AttemptOutcome(OutcomeClass.ACCEPTED), "https://stale.example")


class ShownCode(NamedTuple):
    outcome: AttemptOutcome
    content: str | None = None
    image: str | None = None


class ShowingItsCode(Making):
    async def login_code(self, guid: Guid) -> LoginCode:
        return ShownCode(*await self.maker.login_code(guid))  # type: ignore[return-value] # a defect


class Verifying(Wrapped):
    """It passes the codes of logins on as the protocol does, for a subclass to spoil."""

    @property
    def verifier(self) -> LoginVerifier:
        assert isinstance(self.right, LoginVerifier)
        return self.right

    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        return await self.verifier.verify_login(guid, code)


class QuotingCodes(Verifying):
    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        return dataclasses.replace(await self.verifier.verify_login(guid, code), error_message=f"{code} is wrong")


class TakingEveryCode(Verifying):
    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        await self.verifier.verify_login(guid, code)
        return AttemptOutcome(OutcomeClass.ACCEPTED)


class Pulling(Wrapped):
    """The same with a stream."""

    @property
    def puller(self) -> StreamPuller:
        assert isinstance(self.right, StreamPuller)
        return self.right

    def cursor_before(self, seq: str) -> str | None:
        return self.puller.cursor_before(seq)

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        return await self.puller.pull(guid, cursor, limit)


class Endless(Pulling):
    """It reads from the beginning again and again, and takes what it cannot read for the end."""

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        page = await self.puller.pull(guid, cursor, limit)
        if page.end.outcome is PullOutcome.READ:
            return dataclasses.replace(page, end=dataclasses.replace(page.end, more=True))
        return PulledPage(PageEnd(PullOutcome.READ, cursor, is_whole=True))


class NeverWhole(Pulling):
    """No page of it joins the one before."""

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        page = await self.puller.pull(guid, cursor, limit)
        return dataclasses.replace(page, end=dataclasses.replace(page.end, is_whole=False))


class Trusting(Pulling):
    def cursor_before(self, seq: str) -> str | None:
        return seq


class Uploading(Wrapped):
    """It takes files as the protocol does, for a subclass to spoil."""

    async def upload(self, upload: Upload) -> Uploaded:
        assert isinstance(self.right, MediaGateway)
        return await self.right.upload(upload)


class Nameless(Uploading):
    async def upload(self, upload: Upload) -> Uploaded:
        return Uploaded(UploadOutcome.UPLOADED, Handle(md5=upload.md5, size=1))


class Giving(Uploading):
    """It takes whatever happens for a refusal of the bytes."""

    async def upload(self, upload: Upload) -> Uploaded:
        end = await super().upload(upload)
        return end if end.outcome is UploadOutcome.UPLOADED else Uploaded(UploadOutcome.REFUSED, error_code=1)


class Logging(Uploading):
    async def upload(self, upload: Upload) -> Uploaded:
        logging.getLogger("wework_message").info("upload of %s", upload.address)
        return await super().upload(upload)


class Sharing(GuxingProtocol):
    """Its uploads take the connections of sends."""

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        async with AsyncExitStack() as stack:
            client = HttpClient(connection.url, max_connections=connection.calls)
            stack.push_async_callback(client.aclose)
            yield GuxingProviderGateway(client, probe_transport=client, upload_transport=client, connection=connection)


class Massing(Wrapped):
    """It makes mass sends as the protocol does, for a subclass to spoil."""

    @property
    def mass(self) -> MassGateway:
        assert isinstance(self.right, MassGateway)
        return self.right

    async def send_mass(self, call: MassCall) -> MassOutcome:
        return await self.mass.send_mass(call)

    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:
        return await self.mass.mass_results(guid, task_id)

    async def ineligible(self, guid: Guid, recipients: tuple[str, ...], *, are_rooms: bool) -> frozenset[str] | None:
        return await self.mass.ineligible(guid, recipients, are_rooms=are_rooms)

    async def tasks(self, guid: Guid, next_page: str) -> Any:
        return await self.mass.tasks(guid, next_page)

    async def task(self, guid: Guid, task_id: str) -> Any:
        return await self.mass.task(guid, task_id)


class Splitting(Massing):
    """One call for each recipient."""

    async def send_mass(self, call: MassCall) -> MassOutcome:
        ends = [await self.mass.send_mass(dataclasses.replace(call, recipients=(name,))) for name in call.recipients]
        return ends[-1]


class Insisting(Massing):
    async def send_mass(self, call: MassCall) -> MassOutcome:
        end = await self.mass.send_mass(call)
        return await self.mass.send_mass(call) if end.outcome.kind is OutcomeClass.UNCERTAIN else end


class Doubting(Massing):
    async def send_mass(self, call: MassCall) -> MassOutcome:
        end = await self.mass.send_mass(call)
        wrong = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ, error_message=str(call.content.content))
        return MassOutcome(wrong) if end.outcome.kind is not OutcomeClass.ACCEPTED else end


class Guessing(Massing):
    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:
        return await self.mass.mass_results(guid, task_id) or {}


class Spoiled(GuxingProtocol):
    """The protocol with another gateway; `changes` are those of the connection."""

    def __init__(self, wrap: Callable[[MessageGateway], MessageGateway] = Wrapped, **changes: Any) -> None:
        self._wrap = wrap
        self._changes = changes

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        async with super().open(dataclasses.replace(connection, **self._changes)) as gateway:
            yield self._wrap(gateway)


class Unbounded(GuxingProtocol):
    """Reads answers of any size, and leaves its connections open."""

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        yield GuxingGateway(HttpClient(connection.url, response_cap=10**10))


class ShowingItsUrl(GuxingProtocol):
    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        class Showing(Wrapped):
            def __repr__(self) -> str:
                return connection.url

        async with super().open(connection) as gateway:
            yield Showing(gateway)


class Permissive(GuxingProtocol):
    def check_options(self, options: Mapping[str, str]) -> None:
        pass


class Quoting(GuxingProtocol):
    def check_options(self, options: Mapping[str, str]) -> None:
        for name in options.keys() - {"token"}:
            raise InvalidValueError(name, f"cannot be {options[name]}")


class Misnaming(GuxingProtocol):
    def check_options(self, options: Mapping[str, str]) -> None:
        if not options.get("token"):
            raise InvalidValueError("password", "is missing")


class LooseGrammar(PeersAndRooms):
    @property
    def pattern(self) -> str:
        return ".+"


class Loose(GuxingProtocol):
    conversations = LooseGrammar()  # type: ignore[misc] # a defect


class Boasting(GuxingProtocol):
    capabilities = Capabilities(GuxingProtocol.capabilities.types | {"MIXED"})  # type: ignore[misc] # a defect


class Understating(GuxingProtocol):
    capabilities = Capabilities(frozenset({"TEXT"}))  # type: ignore[misc] # a defect


class CarelessReader(GuxingCallbackReader):
    """Fails at what is cut off, ignores its limit, takes anything for a callback, and reads an item differently again."""

    def read(self, body: bytes, *, max_records: int = 1_000) -> tuple[CallbackItem, ...]:
        if body.startswith(b"null"):
            return (CallbackItem(GUID, 1, "key", "null"),)
        assert b"}" in body
        return super().read(body)

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        return dataclasses.replace(super().reread(notify_type, raw), raw="")


class Careless(GuxingProtocol):
    def reader(self) -> GuxingCallbackReader:
        return CarelessReader()


class Deaf(GuxingProtocol):
    def reader(self) -> GuxingCallbackReader:
        return None  # type: ignore[return-value] # a defect: it says that it has echoes


DEFECTS: Final[Sequence[tuple[GuxingProtocol, Callable[..., Any], Mapping[str, Any]]]] = [
    (Spoiled(Repeating), FAULTY, {"fault": Fault.CLOSED_AFTER_BODY}),
    (Spoiled(Certain), FAULTY, {"fault": Fault.HTTP_502}),
    (Spoiled(Certain), FAULTY, {"fault": Fault.CLOSED_UNREAD}),
    (Spoiled(WithoutReason), FAULTY, {"fault": Fault.HTML}),
    (Unbounded(), FAULTY, {"fault": Fault.ENDLESS_ANSWER}),
    (Spoiled(Raising), Suite.test_an_unreachable_provider_is_an_outcome_not_an_error, {}),
    (Spoiled(Raising), Suite.test_an_id_that_nobody_has_makes_no_method_raise, {"odd": "\0"}),
    (Spoiled(Late), Suite.test_a_call_that_would_begin_too_late_is_not_made, {}),
    (Spoiled(Swallowing), Suite.test_a_cancelled_send_is_raised_is_not_repeated_and_spoils_no_later_one, {}),
    (Spoiled(Optimistic), Suite.test_no_fault_is_an_answer_to_a_probe, {"fault": Fault.HTTP_500}),
    (Spoiled(Optimistic), Suite.test_no_fault_makes_a_recall_raise_or_certain, {"fault": Fault.HTML}),
    (Spoiled(Confirming), Suite.test_a_code_that_no_table_knows_refuses_and_proves_nothing, {}),
    (
        Spoiled(outcome_codes={}), Suite.test_a_configured_code_means_what_the_settings_say,
        {"kind": OutcomeClass.REFUSED_BINDING},
    ),
    (Spoiled(Talkative), Suite.test_an_outcome_never_shows_content, {}),
    (Spoiled(Talkative), Suite.test_no_secret_and_no_content_is_shown, {}),
    (ShowingItsUrl(), Suite.test_no_secret_and_no_content_is_shown, {}),
    (Spoiled(calls=CALLS), Suite.test_calls_share_the_connections_that_they_are_given, {}),
    (Unbounded(), Suite.test_the_end_of_the_gateway_closes_its_connections_and_ends_its_calls, {}),
    (Permissive(), Suite.test_its_own_options_pass_and_any_other_is_refused_by_its_name, {}),
    (Quoting(), Suite.test_its_own_options_pass_and_any_other_is_refused_by_its_name, {}),
    (Loose(), Suite.test_a_conversation_is_read_by_the_pattern_and_its_spelling_is_read_again, {}),
    (Boasting(), Suite.test_its_types_are_types_of_messages, {}),
    (Understating(), Suite.test_any_other_type_is_refused_without_a_call, {}),
    (Deaf(), Suite.test_it_is_made_without_arguments_and_declares_what_fits_together, {}),
    (Careless(), Suite.test_whatever_comes_is_read_or_refused, {}),
    (Careless(), Suite.test_a_callback_is_read_and_its_items_are_read_again, {}),
    (Careless(), Suite.test_what_is_no_callback_is_refused, {"body": b"null"}),
    (Spoiled(SameId), Suite.test_an_accepted_send_has_a_receipt_with_an_id_of_its_own, {}),
    (Spoiled(SameId), Suite.test_sends_at_the_same_time_do_not_mix_up, {}),
    (Spoiled(Raising), Suite.test_a_sent_message_is_recalled, {}),
    (Spoiled(Blind), Suite.test_a_provider_that_answers_says_so, {}),
    (Spoiled(Once), Suite.test_a_connection_that_the_provider_closed_between_two_calls_loses_no_call, {}),
    (Spoiled(TextOnly), Suite.test_it_sends_every_type_that_it_declares, {}),
    (Misnaming(), Suite.test_an_option_that_is_missing_or_empty_passes_or_is_refused_by_its_name, {}),
    (Careless(), Suite.test_a_callback_has_no_more_items_than_it_may_have, {}),
    (Spoiled(OneInstance), Suite.test_every_instance_that_it_makes_has_a_guid_of_its_own, {}),
    (
        Spoiled(SureOfIt), Suite.test_an_instance_whose_answer_is_lost_was_perhaps_made_and_costs_one_request,
        {"fault": Fault.CLOSED_AFTER_BODY},
    ),
    (
        Spoiled(MakingTwice), Suite.test_an_instance_whose_answer_is_lost_was_perhaps_made_and_costs_one_request,
        {"fault": Fault.HTML},
    ),
    (Spoiled(ShowingItsCode), Suite.test_a_login_code_has_a_content_and_is_never_shown, {}),
    (Spoiled(SureOfIt), Suite.test_no_fault_is_a_login_code, {"fault": Fault.HTTP_500}),
    (Spoiled(SureOfIt), Suite.test_an_unreachable_provider_has_made_nothing, {}),
    (Spoiled(QuotingCodes), Suite.test_the_code_of_a_login_is_taken_or_refused_and_never_shown, {}),
    (Spoiled(TakingEveryCode), Suite.test_the_code_of_a_login_is_taken_or_refused_and_never_shown, {}),
    (
        Spoiled(TakingEveryCode), Suite.test_a_fault_takes_no_code_of_a_login_and_costs_one_request,
        {"fault": Fault.HTTP_500},
    ),
    (Spoiled(TakingEveryCode), Suite.test_an_unreachable_provider_has_taken_no_code_of_a_login, {}),
    (Spoiled(Endless), Suite.test_what_is_in_the_stream_is_read_and_is_read_once, {}),
    (Spoiled(NeverWhole), Suite.test_what_is_in_the_stream_is_read_and_is_read_once, {}),
    (Spoiled(Endless), Suite.test_no_fault_makes_a_pull_raise_or_bring_anything, {"fault": Fault.HTML}),
    (Spoiled(Nameless), Suite.test_a_file_gets_a_handle_or_is_refused, {"kind": UploadKind.IMAGE}),
    (Spoiled(Giving), Suite.test_no_fault_of_an_upload_is_a_handle_or_a_refusal, {"fault": Fault.HTTP_500}),
    (Spoiled(Giving), Suite.test_an_upload_to_an_unreachable_provider_is_to_be_tried_again, {}),
    (Sharing(), Suite.test_no_send_waits_for_an_upload, {}),
    (Spoiled(Logging), Suite.test_the_address_of_a_file_is_never_shown, {}),
    (Spoiled(Splitting), Suite.test_a_mass_send_is_one_call_for_everybody, {}),
    (
        Spoiled(Insisting), Suite.test_a_mass_send_whose_answer_is_lost_is_uncertain_and_costs_one_request,
        {"fault": Fault.CLOSED_AFTER_BODY},
    ),
    (Spoiled(Doubting), Suite.test_a_mass_send_that_did_not_begin_was_not_sent, {}),
    (Spoiled(Doubting), Suite.test_the_text_of_a_mass_send_is_never_shown, {}),
    (Spoiled(Guessing), Suite.test_no_fault_is_an_answer_about_a_mass_send, {"fault": Fault.HTML}),
    (Spoiled(Trusting), Suite.test_a_guid_or_a_place_that_nobody_has_makes_nothing_raise, {"odd": "-1"}),
]  # fmt: skip
"""A protocol with a defect, the test that is about it, and the parameters of that test."""


class SuiteWithOptions(Suite):
    """These protocols ignore the option, which is one that a defect can concern."""

    __test__ = False
    options: ClassVar[Mapping[str, str]] = {"token": "geheim"}


def named(value: object) -> str:
    return value.__name__ if inspect.isfunction(value) else type(value).__name__


@pytest.mark.parametrize(("protocol", "test", "parameters"), DEFECTS, ids=named)
async def test_a_defect_turns_its_test_red(
    protocol: GuxingProtocol,
    test: Callable[..., Any],
    parameters: Mapping[str, Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wework_message.testing.provider_contract.http_provider.LIMIT_S", 0.5)
    monkeypatch.setattr("wework_message.testing.provider_contract.calls.LIMIT_S", 0.5)
    with pytest.raises((AssertionError, ConnectionError, TimeoutError, pytest.fail.Exception)):
        await run(test, protocol, {**parameters, "caplog": caplog})


def test_every_test_of_the_suite_has_found_a_defect() -> None:
    tests = {name for name in dir(ProviderContract) if name.startswith("test_")}
    assert {test.__name__ for _, test, _ in DEFECTS} == tests


async def run(test: Callable[..., Any], protocol: GuxingProtocol, parameters: Mapping[str, Any]) -> None:
    """The test with what its fixtures give."""
    suite, provider = SuiteWithOptions(), HttpProvider(Vendor(), sends="/msg/send_")
    names = set(inspect.signature(test).parameters)
    fixtures = {
        "protocol": protocol, "provider": provider, "running": provider, "guid": GUID, "clock": BootClock(),
        "executed": lambda: provider.executed, "reader": protocol.reader(), **parameters,
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        if names & {"running", "gateway", "executed"}:
            await stack.enter_async_context(provider)
        if "gateway" in names:
            fixtures["gateway"] = await stack.enter_async_context(suite.opened(protocol, provider.url))
        if "unreachable" in names:
            nobody = f"http://127.0.0.1:{free_port()}"
            fixtures["unreachable"] = await stack.enter_async_context(suite.opened(protocol, nobody))
        await test(suite, **{name: fixtures[name] for name in names - {"self"}})
