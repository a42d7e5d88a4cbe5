"""The pure domain: embeddable with the standard library and msgspec.

`Message` is the aggregate, `ProviderSelector` picks a binding, `RetryPolicy` decides what follows an outcome, and
`CallbackProjection` folds the evidence of callbacks. Times, ids and random numbers arrive as arguments.
"""

from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import CallbackProjection
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.selector import ProviderSelector

__all__ = ["CallbackProjection", "Message", "ProviderSelector", "RetryPolicy"]
