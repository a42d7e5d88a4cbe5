"""Who may bring callbacks, and that nobody else changes anything (D-58, ADR 57)."""

import asyncio
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER
from tests.support.polling import until
from tests.unit.application.test_callback_tokens import create, revoke
from tests.unit.application.test_forged_callbacks import a_record, sent

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.application.callbacks.gate import ANYBODY, Caller, Origin, TendGate
from wework_message.application.callbacks.token_directory import REREAD_MS
from wework_message.application.callbacks.unreadable import NO_GUID, NO_TYPE
from wework_message.application.errors import CallbackRefusedError
from wework_message.application.policy import Policy
from wework_message.domain.callers import CallbackAccess, CallbackRefusal
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import Guid
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.projection import FactKind
from wework_message.domain.ports.repositories import InboxState
from wework_message.domain.signatures import TOLERANCE_MS, SigningSecret, signed_headers

RELAY = SigningSecret(b"r" * 24)
NETWORKS = (ip_network("198.51.100.0/24"),)
PROXIES = (ip_network("10.0.0.0/8"),)
ACCESS = CallbackAccess(True, NETWORKS, PROXIES, RELAY)
STRANGER, FRIEND, PROXY = "203.0.113.9", "198.51.100.7", "10.0.0.1"
BODY = b'{"guid":"g","notify_type":11002,"data":{}}'


def guarded(access: CallbackAccess = ACCESS) -> Policy:
    return a_policy(callback_access=access)


async def admit(
    app: InMemoryApp,
    name: str | None = None,
    peer: str | None = STRANGER,
    forwarded: Sequence[str] = (),
    signature: Mapping[str, str] | None = None,
    body: bytes = BODY,
) -> Caller:
    gate = app.application.callback_gate
    return gate.verify(await gate.admit(name, lambda: Origin(peer, forwarded, signature or {})), body)


async def refusal(app: InMemoryApp, name: str | None = None, **origin: object) -> CallbackRefusal:
    with pytest.raises(CallbackRefusedError, match=r"^not found$") as refused:
        await admit(app, name, **origin)  # type: ignore[arg-type]  # as `admit`
    return refused.value.refusal


def signed(now: int = NOW, body: bytes = BODY, secret: SigningSecret = RELAY) -> dict[str, str]:
    return dict(signed_headers([secret], "msg_1", now, body))


async def test_without_a_demand_the_bare_paths_are_for_everybody_who_is_not_looked_at() -> None:
    def looked_at() -> Origin:
        raise AssertionError

    async with InMemoryApp() as app:
        gate = app.application.callback_gate
        assert await gate.admit(None, looked_at) is ANYBODY
        assert await gate.admit(BACKUP, looked_at) == Caller(BACKUP)
        assert await refusal(app, "cb_guess") is CallbackRefusal.UNKNOWN_TOKEN


async def test_a_token_is_proof_from_wherever_it_comes() -> None:
    for access in (ACCESS, CallbackAccess()):
        async with InMemoryApp(policy=guarded(access)) as app:
            whole, of_guid = await create(app), await create(app, guid=GUID)
            assert await admit(app, whole.text) == Caller(PROVIDER, proven=True)
            assert await admit(app, of_guid.text) == Caller(PROVIDER, GUID, proven=True)
            await revoke(app, of_guid.token)
            assert await refusal(app, of_guid.text) is CallbackRefusal.UNKNOWN_TOKEN
            assert await refusal(app, of_guid.text, peer=FRIEND) is CallbackRefusal.UNKNOWN_TOKEN


@pytest.mark.parametrize("name", [None, PROVIDER, "NOBODY"])
async def test_a_demanded_proof_is_a_peer_of_the_list_and_no_header_makes_one(name: str | None) -> None:
    async with InMemoryApp(policy=guarded()) as app:
        assert (await admit(app, name, peer=FRIEND)).proven
        assert (await admit(app, name, peer=PROXY, forwarded=[f"{STRANGER}, {FRIEND}"])).proven
        for origin in (
            {},
            {"peer": None},
            {"forwarded": [FRIEND]},
            {"peer": PROXY, "forwarded": [f"{FRIEND}, {STRANGER}"]},
            {"peer": PROXY, "forwarded": [FRIEND, STRANGER]},
        ):
            assert await refusal(app, name, **origin) is CallbackRefusal.BARE_PATH


async def test_a_relay_proves_itself_by_its_signature_of_this_body_and_now() -> None:
    async with InMemoryApp(policy=guarded()) as app:
        assert await admit(app, signature=signed()) == Caller(proven=True)
        assert await admit(app, PROVIDER, signature=signed()) == Caller(PROVIDER, proven=True)
        for signature, body in (
            (signed(), BODY + b" "),
            (signed(NOW - TOLERANCE_MS - 1000), BODY),
            (signed(NOW + TOLERANCE_MS + 1000), BODY),
            (signed(secret=SigningSecret(b"x" * 24)), BODY),
            (signed() | {"webhook-id": "msg_2"}, BODY),
            ({"webhook-signature": signed()["webhook-signature"]}, BODY),
        ):
            assert await refusal(app, signature=signature, body=body) is CallbackRefusal.SIGNATURE
        app.clock.advance(3_600_000)
        assert await refusal(app, signature=signed()) is CallbackRefusal.SIGNATURE
        assert await refusal(app, signature={"webhook-id": "msg_1"}) is CallbackRefusal.BARE_PATH
    async with InMemoryApp(policy=guarded(CallbackAccess(True))) as app:
        assert await refusal(app, signature=signed()) is CallbackRefusal.BARE_PATH


async def test_a_token_brings_its_own_instance_and_stores_nothing_of_another() -> None:
    async with InMemoryApp(policy=guarded()) as app:
        message_id = await sent(app)
        token = await create(app, guid=Guid("somebody-else"))
        forger = await admit(app, token.text)
        for kind in FactKind:
            body = app.callbacks.body(stream_record=a_record(kinds=frozenset({kind})))
            with pytest.raises(CallbackRefusedError) as refused:
                await app.ingesting(body, forger)
            assert refused.value.refusal is CallbackRefusal.OTHER_GUID
        assert await app.inbox() == []
        assert (await app.message(message_id)).status is MessageStatus.SENT
        own = await create(app, guid=GUID)
        await app.ingesting(app.callbacks.body(stream_record=a_record()), await admit(app, own.text))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_a_callback_that_is_replayed_after_an_hour_changes_nothing() -> None:
    async with InMemoryApp(policy=guarded()) as app:
        caller = await admit(app, (await create(app, guid=GUID)).text)
        message_id = await sent(app)
        body = app.callbacks.body(stream_record=a_record())
        await app.ingesting(body, caller)
        before, inbox = await app.message(message_id), await app.inbox()
        app.clock.advance(3_600_000)
        await app.ingesting(body, caller)
        await app.projector.project_pending()
        assert (await app.message(message_id), await app.inbox()) == (before, inbox)
        assert app.observer.callback_counts[11010, "duplicate"] == 1


async def test_with_a_token_of_another_provider_an_id_of_this_one_names_nothing() -> None:
    async with InMemoryApp(policy=guarded()) as app:
        message_id = await sent(app)
        caller = await admit(app, (await create(app, provider_code=BACKUP)).text)
        await app.ingesting(app.callbacks.body(stream_record=a_record()), caller)
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_what_nobody_can_read_is_kept_once_if_somebody_proven_brings_it() -> None:
    async with InMemoryApp(policy=guarded(), reader=GuxingCallbackReader()) as app:
        for caller, guid in (
            (await admit(app, (await create(app)).text), NO_GUID),
            (await admit(app, (await create(app, guid=GUID)).text), GUID),
        ):
            for _ in range(2):
                await app.ingesting(b"\xffno json", caller)
            (view,) = await app.reader.callbacks(None, guid, notify_type=None, limit=9, before=None)
            assert (view.state, view.notify_type, view.raw) == (InboxState.QUARANTINED, NO_TYPE, "\ufffdno json")
        await app.projector.project_pending()
        assert await app.inbox(NO_GUID) == [InboxState.QUARANTINED]
        assert app.observer.quarantined_counts == {QuarantineReason.UNREADABLE: 2}
        with pytest.raises(InvalidValueError):
            await app.ingesting(b"\xffno json")


async def test_refusals_are_reported_together_at_the_end_too() -> None:
    async with InMemoryApp() as app:
        gate, tending = app.application.callback_gate, app.use_cases.tend_gate()
        for _ in range(3):
            gate.refused(CallbackRefusal.BARE_PATH)

        async def reported() -> bool:
            return bool(app.observer.refusals)

        task = asyncio.create_task(tending.run())
        await until(reported)
        assert app.observer.refusals == {CallbackRefusal.BARE_PATH: 3}
        gate.refused(CallbackRefusal.SIGNATURE)
        await tending.stop()
        await task
        assert app.observer.refusals == {CallbackRefusal.BARE_PATH: 3, CallbackRefusal.SIGNATURE: 1}


@pytest.mark.parametrize("error", [UnavailableError("database"), RuntimeError("a defect")])
async def test_a_read_that_fails_ends_no_loop(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    class Directory:
        passes = 0

        async def refresh(self) -> None:
            Directory.passes += 1
            raise error

    async def passed() -> bool:
        return Directory.passes > 0

    async with InMemoryApp() as app:
        tending = TendGate(app.application.callback_gate, Directory(), app.observer)  # type: ignore[arg-type]  # only `refresh`
        task = asyncio.create_task(tending.run())
        await until(passed)
        await tending.stop()
        await task
    assert "could not be read" in caplog.text


async def test_tokens_are_read_again_by_the_loop() -> None:
    async with InMemoryApp() as app:
        issued = await create(app)
        app.database.callback_tokens.drop(issued.token.token_id)
        app.database.callback_tokens.commit()
        assert (await admit(app, issued.text)).proven
        app.clock.advance(REREAD_MS)

        async def refused() -> bool:
            return await app.use_cases.tokens().find(issued.text) is None

        tending = app.use_cases.tend_gate()
        task = asyncio.create_task(tending.run())
        await until(refused)
        await tending.stop()
        await task


def test_a_gate_shows_no_secret() -> None:
    assert "rrr" not in repr(ACCESS)
