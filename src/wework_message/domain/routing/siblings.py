"""What the other bindings of the account can do for a message whose call has just ended (D-19, ADR 52)."""

from collections.abc import Sequence

from wework_message.domain.ids import BindingId
from wework_message.domain.retry import Sibling
from wework_message.domain.routing.filters import Candidate, RouteRequest, may_ever_take
from wework_message.domain.routing.selector import Choice, ProviderSelector


def sibling_of(
    called: BindingId, request: RouteRequest, others: Sequence[Candidate], selector: ProviderSelector
) -> Sibling:
    """`others` are the candidates but for the binding that was `called`, which `request` counts no try for yet."""
    choice = selector.choose(request, others)
    # A trial is for one message; others would be tried here again at once.
    if isinstance(choice, Choice) and not choice.trial and choice.provider.code not in request.spent:
        tries = request.tries or {}
        # The call that has just ended is one more try of its binding.
        if tries.get(choice.binding.binding_id, 0) <= tries.get(called, 0):
            return Sibling.READY
    return Sibling.AWAY if any(may_ever_take(request, other) for other in others) else Sibling.NONE
