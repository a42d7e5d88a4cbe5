import base64

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.guxing_contents import CONTENTS, LINK
from tests.support.builders.messages import a_receipt, an_outcome

from wework_message.application.accept.quoting import MAX_PREVIEW_CHARS, Quoting
from wework_message.application.errors import UnquotableError
from wework_message.domain.content import Content, QuoteContent, TextContent
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.outcomes import OutcomeClass, Reason

LONG = "a long question, " * 40
NAME = base64.b64encode("王小明".encode()).decode()


async def sent(app: InMemoryApp, content: Content, **receipt: object) -> MessageId:
    app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7001", **receipt)))
    accepted = await app.accept(content=content)
    await app.dispatch()
    return MessageId(accepted.target)


async def quoted(app: InMemoryApp, original: MessageId, tenant: TenantId = DEFAULT_TENANT) -> QuoteContent:
    return await Quoting(app.reader).fill(tenant, QuoteContent(content="yes", quote_message_id=original))


async def test_a_quote_by_id_is_filled_from_the_answer_to_the_original() -> None:
    async with InMemoryApp() as app:
        original = await sent(app, TextContent(content=LONG), content_type=2, sender_id="788", sender_name=NAME)
        assert await quoted(app, original) == QuoteContent(
            content="yes",
            quote_message_id=original,
            quote_content=LONG[:MAX_PREVIEW_CHARS],
            quote_app_info="key-7001",
            quote_content_type=2,
            quote_sender="788",
            quote_sender_name="王小明",
            quote_message=TextContent(content=LONG),
        )


async def test_what_is_no_text_is_shown_by_its_type_and_an_odd_name_as_it_came() -> None:
    async with InMemoryApp() as app:
        quote = await quoted(app, await sent(app, LINK, sender_id="788", sender_name="not base64!"))
        assert (quote.quote_content, quote.quote_sender_name, quote.quote_content_type) == ("[LINK]", "not base64!", 0)


async def test_only_what_is_proven_sent_can_be_quoted() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))
        uncertain = await app.accept_text()
        await app.dispatch()
        with pytest.raises(UnquotableError, match="not proven sent"):
            await quoted(app, uncertain)


@pytest.mark.parametrize("missing", [{"app_info_key": None}, {"sender_id": None}, {"sender_name": None}])
async def test_an_answer_that_does_not_say_who_sent_it_cannot_be_quoted(missing: dict[str, object]) -> None:
    complete: dict[str, object] = {"sender_id": "788", "sender_name": NAME}
    async with InMemoryApp() as app:
        original = await sent(app, TextContent(content="hello"), **complete | missing)
        with pytest.raises(UnquotableError, match="who sent it"):
            await quoted(app, original)


async def test_only_what_the_vendor_can_show_can_be_quoted() -> None:
    async with InMemoryApp() as app:
        with pytest.raises(UnquotableError, match="of this type"):
            await quoted(app, await sent(app, CONTENTS["voice"]))


async def test_a_message_of_another_tenant_is_no_message() -> None:
    async with InMemoryApp() as app:
        original = await sent(app, TextContent(content="hello"))
        with pytest.raises(UnquotableError, match="no such message"):
            await quoted(app, original, TenantId("another"))
