import pytest
from tests.support.builders.messages import a_message

from wework_message.domain.lifecycle import MessageStatus
from wework_message.entrypoints.rest.resources.refusals import refusal


@pytest.mark.parametrize(
    ("status", "reason", "http", "error"),
    [
        ("FAILED", "CODE", 422, "PROVIDER_REFUSED"),
        ("FAILED", "SEND_FAILED_LATER", 422, "PROVIDER_REFUSED"),
        ("FAILED", None, 422, "PROVIDER_REFUSED"),
        ("FAILED", "NO_BINDING", 422, "NO_BINDING"),
        ("FAILED", "NO_CAPABILITY", 422, "NO_CAPABILITY"),
        ("FAILED", "POISON", 500, "INTERNAL"),
        ("EXPIRED", "EXPIRED", 422, "EXPIRED"),
        ("CANCELLED", "CANCELLED_BY_CLIENT", 422, "CANCELLED"),
    ],
)
def test_each_way_of_not_being_sent_has_its_code(status: str, reason: str | None, http: int, error: str) -> None:
    data = object()
    refused = refusal(a_message(status=MessageStatus(status), reason=reason), data)
    assert (refused.status, refused.error, refused.data) == (http, error, data)
    assert refused.message
