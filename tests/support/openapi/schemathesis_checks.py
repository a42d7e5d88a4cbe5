"""What a program that reads the document cannot know; loaded by schemathesis through ``SCHEMATHESIS_HOOKS``.

Its checks replace Schemathesis' own of those names: an answer is expected where each of its problems is one of `EXPECTED`.
"""

import json
from http import HTTPStatus
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

EXPECTED: Final = (
    "must be a cursor of an earlier answer",  # no schema says which texts we have given out
    "printable characters",  # Unicode's classes are no part of ECMA 262 without flags
    "must be an absolute http or https URL",  # Python and ECMA 262 know different blanks
    "must not contain NUL",  # a pattern of every text would hide its limits
    "must be from 2020-01-01 to 365 days ahead",  # the range moves with the clock
    "or accountId is required", "or accountId or pool is required",  # all are null: the schema says that one must be there
    "no such message",  # a quote of a message that is not ours
    "names no media",  # an asset that is not ours
    "none of its accounts can send this",  # what is stored
    "no such account", "no such pool", "no such provider", "no such batch", "no such tenant",
    "must not be given beside guid", "must not be given beside accountId",  # each of them may be null
    "must name at least one message", "must name a recipient", "must be digits or",  # of three lists, one must not be empty
    "does not belong beside messages",  # what has none of the lists is read as the shape that has `messages`
    "must be an integer", "got float",  # 9.0 is an integer in JSON Schema, not here
    "differs from the header Idempotency-Key",
    "is required where", "is required with cursor", "must be true where", "is required up to", "must be empty above", "or else all of",  # fields that depend on each other
    "must be a room (R:<digits>)", "is for rooms (R:<digits>)", "exactly one of guid", "must be after scheduledAt",
    "is in the past", "cannot be MASS_SEND beside messages", "or a list of contents is required",
    "times the contents makes", "roomList may name", "must name 1 to 100 messages",  # numbers of two fields together
    "that selects messages is required", "beside other fields that select messages",  # a null selects nothing
    "bytes as JSON", "levels deep", "records may be",
    "(mark-read)", "cannot list its instances", "the provider is disabled",  # as the settings have it: 501
    "is bound to", "is registered already", "is given twice", "budget for this period", "needs a binding with that guid",
    "the account has version", "an account may have", "is not in the time zone database",  # what is stored, and what fits together
    "must begin with https://", "must be printable ASCII without blanks, backslashes", "must have a host", "must not name an address",
    "must not contain a user", "must have an IPv4 address", "must have the port",  # the URL of a webhook, by rules that no pattern says
    "no such webhook of this origin", "webhooks already",  # what is stored
    "the provider refused with code",  # the code of a login is the provider's to judge
    "names no media that is there", "is required, as the file",  # what is stored, or what is at the end of a URL
    "cannot be RESEND: a mass send", "does not belong to a mass send", "is not the token of this request", "was named before", "names a session",
    "is required in a mass send",
    "only keys of the tenant default may have",  # a scope that does not fit the tenant of the key
    "its provider has no mass sends",  # as the settings have it: 501
)  # fmt: skip
"""Parts of the texts of problems that a request can have although the document allows it."""

REPLACED: Final = ("not_a_server_error", "positive_data_acceptance", "negative_data_rejection")
"""Checks of Schemathesis that must be excluded."""


@schemathesis.check
def no_unexpected_server_error(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """501 is expected for what the provider, or its settings, do not allow."""
    return None if _is_expected(response) else not_a_server_error(context, response, case)


@schemathesis.check
def documented_requests_are_accepted(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """A request that the document allows is refused only for what it cannot say."""
    return None if _is_expected(response) else positive_data_acceptance(context, response, case)


@schemathesis.check
def other_requests_are_refused(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Also those that are refused for their size, before anything else."""
    return None if _is_expected(response) else negative_data_rejection(context, response, case)


def _is_expected(response: Response) -> bool:
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True  # no schema says how many bytes a request may have
    try:
        answer = json.loads(response.content)
        problems = [problem["message"] for problem in answer.get("errors") or [answer]]
    except (ValueError, KeyError, AttributeError):
        return False
    return all(any(text in problem for text in EXPECTED) for problem in problems)
