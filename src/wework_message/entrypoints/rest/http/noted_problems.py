"""What the log names of a request that is answered with an error."""

from typing import Any, Final

from litestar.types import Scope

from wework_message.domain.access.principal import Principal

PROBLEM: Final = "problem"
"""The key in `state` of what `note_problem` has noted."""


def note_problem(scope: Scope, error: str, data: Any) -> None:
    """Note the stable code, the message that the answer is about, and whose request it was, where they are known."""
    state = scope["state"]
    noted = state[PROBLEM] = {"error": error}
    if (message_id := getattr(data, "message_id", None)) is not None:
        noted["messageId"] = message_id
    caller: Principal | None = state.get("principal")
    if caller is not None and caller.tenant_id:
        noted["tenantId"] = caller.tenant_id
