import pytest
from hypothesis import Phase, given, settings

from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import OnUnknown, SendOptions, resolved
from wework_message.testing.strategies import drafts

DEFAULTS = SendOptions._field_defaults


def test_the_shipped_drafts_ask_for_every_option() -> None:
    requested: set[str] = set()

    @settings(max_examples=50, phases=[Phase.generate], derandomize=True, deadline=None)
    @given(draft=drafts())
    def look(draft: Draft) -> None:
        requested.update(name for name, default in DEFAULTS.items() if getattr(draft.options, name) != default)

    look()
    assert requested == DEFAULTS.keys()


@given(draft=drafts())
def test_options_of_a_message_are_those_of_its_draft_but_for_what_is_settled(draft: Draft) -> None:
    options = resolved(draft.options, account=None, configured=OnUnknown.FAIL)
    settled = {"on_unknown": draft.options.on_unknown or OnUnknown.FAIL, "expires_at": None}
    for name in DEFAULTS:
        assert getattr(options, name) == settled.get(name, getattr(draft.options, name))


@pytest.mark.parametrize("requested", [None, *OnUnknown])
@pytest.mark.parametrize("account", [None, *OnUnknown])
def test_what_holds_is_the_request_s_word_then_the_account_s_then_the_configured_one(
    requested: OnUnknown | None, account: OnUnknown | None
) -> None:
    options = resolved(SendOptions(on_unknown=requested), account=account, configured=OnUnknown.RESEND)
    assert options.on_unknown is (requested or account or OnUnknown.RESEND)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://h/" + "x" * 2048,
        "https://hooks.example.com:0/",  # once read as 443, and blocked when the message was long gone
        "https://hooks.example.com:22/",
        "https://u:p@hooks.example.com/",
        "https://hooks.example.com./",
    ],
)
def test_a_callback_url_that_is_none_is_named(url: str) -> None:
    (problem,) = SendOptions(status_callback_url=url).problems()
    assert problem.path == "statusCallbackUrl"
    assert not url or url not in str(problem)


def test_a_callback_url_is_taken() -> None:
    assert list(SendOptions(status_callback_url="https://hooks.example.com/messages?to=7").problems()) == []
